#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# buildah: commands and builds in containers of the runtime.
. /src/tests/engines/podman_lib.sh
engine=buildah

build() { buildah --log-level error build --isolation oci --runtime "$runtime" --network none "$@"; }
in_container() { buildah run --isolation oci --runtime "$runtime" --network none "$@"; }

prepare() {
    make_image_root
    configure_podman
    podman import --quiet $stage/rootfs.tar $image
}

clean() { buildah rm --all >/dev/null; }

test_run() {
    buildah from --name w $image >/dev/null
    prints 'what it prints' hello in_container w -- echo hello
    ends 'its exit status' 5 in_container w -- sh -c 'exit 5'
    prints 'its input' 'through a pipe' in_container w -- cat <<<'through a pipe'
    prints 'user' 7 in_container --user 7 w -- id -u
    ends 'it changes the image' 0 in_container w -- sh -c 'echo changed >/file'
    prints 'which stays so' changed in_container w -- cat /file
    ends 'commit' 0 buildah commit --quiet w changed
    prints 'the image' changed podman --runtime "$name" run --rm --network none localhost/changed cat /file
    podman rmi --force localhost/changed >/dev/null
}

test_terminal() {
    buildah from --name w $image >/dev/null
    ends 'run --terminal' 0 in_terminal -- buildah run --isolation oci --runtime "$runtime" --network none --terminal w -- tty
    contains 'it has a terminal' "$out" '/dev/pts/0'
}

test_mount() {
    mkdir "$work/volume"
    echo content >"$work/volume/file"
    buildah from --name w $image >/dev/null
    prints 'a volume' content in_container --volume "$work/volume:/mnt:ro" w -- cat /mnt/file
}

test_build() {
    mkdir "$work/context"
    echo copied >"$work/context/file"
    cat >"$work/context/Containerfile" <<EOF
FROM $image AS first
COPY file /file
RUN sed s/copied/built/ /file >/made
FROM $image
COPY --from=first /made /made
RUN --mount=type=tmpfs,target=/scratch touch /scratch/x && cat /made >/again
USER 9
RUN [ "\$(id -u)" = 9 ]
CMD ["cat", "/again"]
EOF
    ends 'build' 0 build --tag built "$work/context"
    prints 'the image' built podman --runtime "$name" run --rm --network none localhost/built
    podman rmi --force localhost/built >/dev/null
}

test_build_fails() {
    mkdir "$work/context"
    printf 'FROM %s\nRUN exit 4\n' $image >"$work/context/Containerfile"
    ends 'a command that fails' 4 build "$work/context"
    printf 'FROM %s\nRUN ["/missing"]\n' $image >"$work/context/Containerfile"
    ends 'a program that is not there' 1 build "$work/context"
    contains 'why' "$err" '/missing.*no such file or directory|executable file ./missing. not found'
}

features "$@"
