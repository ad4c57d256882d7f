# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of podman share; sourced, never run.
. /src/tests/engines/lib.sh
image=localhost/bb:1

pod() { podman --runtime "$name" "$@"; }
main_pid() { podman inspect "$1" --format '{{.State.Pid}}'; }                          # CONTAINER
state() { [ "$(podman inspect "$1" --format '{{.State.Status}}' 2>&1)" = "$2" ]; }     # CONTAINER STATE

# Whether we have CAP_SYS_RESOURCE.
may_raise_limits() { (((0x$(awk '/CapBnd/ { print $2 }' /proc/self/status) >> 24 & 1) == 1)); }

configure_podman() { # [FILE]
    # What runs here lacks the pids controller and CAP_SYS_RESOURCE; a virtual machine has both.
    mkdir -p "$(dirname "${1:-/etc/containers/containers.conf}")"
    cat >"${1:-/etc/containers/containers.conf}" <<EOF
[containers]
$(has_controller pids || echo 'pids_limit = 0')
$(may_raise_limits || echo 'default_ulimits = ["nofile=1024:20000", "nproc=1024:4096"]')
[engine]
runtime_supports_json = ["crun", "xrun"]
runtime_supports_nocgroup = ["crun", "xrun"]
[engine.runtimes]
crun = ["$(path_of crun)"]
xrun = ["$(path_of xrun)"]
EOF
}

prepare() {
    make_image_root
    configure_podman
    podman import --quiet $stage/rootfs.tar $image
    echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["chmod", "fchmodat", "fchmodat2"],
        "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}' >$stage/no-chmod.json
}

clean() { podman rm --all --force --time 0 >/dev/null; }
