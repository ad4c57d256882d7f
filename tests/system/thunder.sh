#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A published set-top box document, byte for byte as it is, on a busybox and on a Debian root, attached to from
# start to end: what it asks for is what the program inside sees.
. "$(dirname "$0")/lib.sh"

script='
id -u; hostname; cat /proc/self/status; cat /proc/self/limits; echo "$TRACE_FILENAME"
touch /denied 2>/dev/null || echo root is read-only
echo kept >/tmp/thunder-test && echo tmp is shared
cat /proc/timer_list | wc -c
echo 1 >/proc/sysrq-trigger 2>/dev/null || echo sysrq is read-only
ls /sys/firmware | wc -l
mount
ip link 2>/dev/null || cat /proc/net/dev
exit 7
'

debian_root() { # DIRECTORY
    mkdir -p "$1" "$work/upper" "$work/overlay"
    mount -t tmpfs tmpfs "$work/overlay"
    mkdir "$work/overlay/upper" "$work/overlay/work"
    mount -t overlay -o "lowerdir=/,upperdir=$work/overlay/upper,workdir=$work/overlay/work" overlay "$1"
}

run_on() { # NAME
    cp "$data/thunder-config.json" "$work/$1/config.json"
    local r=0 out
    rm -f /tmp/thunder-test
    out=$(printf '%s' "$script" | xctl run "$1" "$work/$1" 2>"$work/$1.err") || r=$?
    equal "$1: the exit status is the container's" 7 "$r"
    equal "$1: no warning of xctl's" "" "$(grep '^xctl:' "$work/$1.err" || true)"
    contains "$1: the host name" "$out" '^runc$'
    contains "$1: exactly the three capabilities" "$out" '^CapBnd:.*0000000020000420$'
    contains "$1: effective too" "$out" '^CapEff:.*0000000020000420$'
    contains "$1: no new privileges" "$out" '^NoNewPrivs:.*1$'
    contains "$1: the file limit" "$out" '^Max open files +1024 +1024 '
    contains "$1: the environment" "$out" '^/tmp/tracebuffer$'
    contains "$1: a read-only root" "$out" '^root is read-only$'
    contains "$1: a shared /tmp" "$out" '^tmp is shared$'
    equal "$1: the file in /tmp is the host's" kept "$(cat /tmp/thunder-test)"
    contains "$1: a read-only path" "$out" '^sysrq is read-only$'
    contains "$1: devpts with its options" "$out" 'on /dev/pts type devpts \(rw,nosuid,noexec,.*gid=5,mode=620,ptmxmode=666'
    contains "$1: its own cgroup, read-only" "$out" 'on /sys/fs/cgroup type cgroup2 \(ro,nosuid,nodev,noexec'
    contains "$1: an own network" "$out" '\blo\b'
    equal "$1: nothing but lo in it" 0 "$(printf '%s\n' "$out" | grep -Ec 'host0|eth0|ve-' || true)"
    equal "$1: the scrollback has it all" "$out" "$(xctl logs "$1" 2>/dev/null)"
    check "$1: deleted" xctl delete "$1"
}

mkdir -p "$work/busybox-case" "$work/debian-case"
busybox_root "$work/busybox-case/rootfs"
run_on busybox-case
debian_root "$work/debian-case/rootfs"
run_on debian-case
