#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Checkpoints: xrun by itself, and podman with both runtimes. CRIU wants a kernel and privileges of its own.
feature_seconds=150 prepare_seconds=180 patience=30
. /src/tests/engines/podman_lib.sh
engine=checkpoint

prepare() {
    make_image_root
    configure_podman
    podman import --quiet $stage/rootfs.tar $image
}

clean() {
    podman rm --all --force --time 0 >/dev/null
    for id in $(xrun list -q); do xrun delete --force "$id"; done
    rm -rf $stage/images $stage/c $stage/out*
}

only_xrun() { [ "${name##*/}" = xrun ] || skip 'crun has its own tests'; }
counter='i=0; while :; do i=$((i + 1)); echo $i; sleep 0.2; done'
status() { xrun state "$1" | jq -r .status; }
count() { tail -n 1 "$1" | tr -d '\r'; }
beyond() { [ "$(count "$1")" -gt "$2" ] 2>/dev/null; } # FILE NUMBER

# A container that counts into a pipe.
counting() { # ID [JQ-FILTER]
    script_bundle $stage/c "$counter" ".linux.cgroupsPath = \"/xrun-test/$1\" | .root.readonly = false | ${2:-.}"
    check "run $1" xrun run --detach --bundle $stage/c "$1" </dev/null > >(cat >>$stage/out) 2>&1
    eventually "$1 counts" beyond $stage/out 2
}
