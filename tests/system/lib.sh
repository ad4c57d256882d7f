# SPDX-License-Identifier: LGPL-2.1-or-later
# What the system tests share; sourced, never run. Each test is a script that runs as root in a booted system and
# fails with the first check that does not hold.
set -eu

data=/src/tests/data
work=$(mktemp -d /tmp/xctl-test.XXXXXX)

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
note() { printf -- '-- %s\n' "$*"; }

# check WHAT COMMAND...: the command succeeds.
check() {
    local what=$1; shift
    "$@" || fail "$what (status $?: $*)"
    note "$what"
}

# equal WHAT EXPECTED ACTUAL
equal() {
    [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
    note "$1"
}

# contains WHAT TEXT PATTERN: an extended regular expression occurs in the text.
contains() {
    printf '%s\n' "$2" | grep -Eq -- "$3" || fail "$1: no match for '$3' in: $2"
    note "$1"
}

# status_of COMMAND...: prints the exit status, hides the output.
status_of() {
    local r=0
    "$@" >"$work/out" 2>"$work/err" </dev/null || r=$?
    echo "$r"
}

# Seconds that anything may take. The number is no measure of speed: it only ends a test of what hangs.
patience=60

# until_true COMMAND...: polls, for as long as we have patience.
until_true() {
    local end=$((SECONDS + patience))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# until_heard FILE: what `xctl events` writes into this file has begun to come.
until_heard() {
    [ -d "$work/heard" ] || bundle "$work/heard"
    until_true eval 'xctl create heard "$work/heard" && xctl delete heard && grep -q "\bheard\b" '"$1" || fail "no events come: $(cat "$1")"
}

state_is() { [ "$(xctl list --json | jq -r ".[] | select(.name == \"$1\") | .state")" = "$2" ]; }
field() { xctl list --json | jq -r ".[] | select(.name == \"$1\") | .$2"; }

# A root file system with nothing but busybox.
busybox_root() { # DIRECTORY
    mkdir -p "$1"/bin "$1"/proc "$1"/sys "$1"/dev "$1"/tmp "$1"/etc "$1"/root
    cp /bin/busybox "$1/bin/busybox"
    chroot "$1" /bin/busybox --install -s /bin
    echo root:x:0:0:root:/root:/bin/sh >"$1/etc/passwd"
}

# bundle DIRECTORY [JQ-FILTER]: a busybox bundle without a terminal; the filter edits what `runc spec` writes.
bundle() {
    mkdir -p "$1"
    [ -d "$work/busybox" ] || busybox_root "$work/busybox"
    [ -e "$1/rootfs" ] || cp -a "$work/busybox" "$1/rootfs"
    jq ".process.terminal = false | .process.args = [\"sh\"] | ${2:-.}" "$data/runc-spec.json" >"$1/config.json"
}

# script_bundle DIRECTORY SCRIPT [JQ-FILTER]: the same, running a shell script.
script_bundle() {
    export script="$2"
    bundle "$1" ".process.args = [\"sh\", \"-c\", env.script] | ${3:-.}"
}

# debian_bundle DIRECTORY [JQ-FILTER]: a full Debian with systemd as its init on a terminal; root's password is "secret".
# Its root is the booted system's own, without what makes that a test system.
debian_bundle() {
    local root=$1/rootfs layer unit
    mkdir -p "$root"
    layer=$(mktemp -d "$work/layer.XXXXXX")
    mount -t tmpfs tmpfs "$layer"
    mkdir "$layer/upper" "$layer/work"
    mount -t overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" overlay "$root"
    rm -f "$root/etc/systemd/system/console-getty.service"
    for unit in box-job.service box-setup.service; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done
    chroot "$root" sh -c 'echo root:secret | chpasswd'
    echo debian-inside >"$root/etc/hostname"

    jq '.process.args = ["/sbin/init"] | .root.readonly = false | .process.noNewPrivileges = false
        | .process.env += ["container=xctl"] | .hostname = "debian-inside"
        | .linux.namespaces += [{"type": "cgroup"}] | del(.process.rlimits)
        | ["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
           "NET_BIND_SERVICE", "NET_ADMIN", "SYS_CHROOT", "SYS_ADMIN", "MKNOD", "AUDIT_WRITE", "AUDIT_CONTROL", "SYS_TTY_CONFIG"]
           as $names | ($names | map("CAP_" + .)) as $caps
        | .process.capabilities = {bounding: $caps, effective: $caps, permitted: $caps}
        | .mounts |= map(if .destination == "/sys/fs/cgroup" then .options -= ["ro"] else . end)
        | .mounts += [{destination: "/run", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=755"]},
                      {destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=1777"]}]
        | '"${2:-.}" "$data/runc-spec.json" >"$1/config.json"
}
