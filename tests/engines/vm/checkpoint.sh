#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Checkpoints: xrun by itself, and podman with both runtimes. CRIU wants a kernel and privileges of its own.
prepare_seconds=180
. /src/tests/engines/podman_lib.sh
engine=checkpoint

prepare() {
    make_image_root
    configure_podman
    podman import --quiet $stage/rootfs.tar $image
}

clean() {
    local id
    podman rm --all --force --time 0 >/dev/null
    for id in $(xrun list -q); do xrun delete --force "$id"; done
    rm -rf $stage/images $stage/first $stage/c $stage/out $stage/shared
}

only_xrun() { [ "${name##*/}" = xrun ] || skip 'crun has tests of its own'; }
status() { xrun state "$1" | jq -r .status; }
count() { tail -n 1 $stage/out | tr -d '\r'; }
beyond() { [ "$(count)" -gt "$1" ] 2>/dev/null; } # NUMBER
stopped() { [ "$(status "$1")" = stopped ]; }     # ID

# It counts until somebody wants it to end.
counter='i=0; while [ ! -e /shared/stop ]; do i=$((i + 1)); echo $i; sleep 0.2; done; exit 7'

# The bundle of a container with pipes and bind mounts: one behind a symbolic link, one in another.
make_bundle() { # ID [JQ-FILTER]
    mkdir -p $stage/shared $stage/other
    script_bundle $stage/c "$counter" ".linux.cgroupsPath = \"/xrun-test/$1\" | .root.readonly = false
        | .linux.namespaces += [{type: \"cgroup\"}] | .mounts += [
        {destination: \"/shared\", source: \"$stage/shared\", type: \"bind\", options: [\"bind\"]},
        {destination: \"/link/fixed\", source: \"$stage/shared\", type: \"bind\", options: [\"rbind\", \"ro\"]},
        {destination: \"/shared/nested\", source: \"$stage/other\", type: \"bind\", options: [\"bind\"]}]
        | ${2:-.}"
    ln -sfn tmp $stage/c/rootfs/link
}

# What holds the other ends of the container's pipes is a process of its own.
to_file() { "$@" </dev/null > >(cat >>$stage/out) 2>&1; }

counting() { # ID [JQ-FILTER]
    make_bundle "$@"
    check "run $1" to_file xrun ${global-} run --detach --bundle $stage/c "$1"
    eventually "$1 counts" beyond 3
}

checkpoint() { # OPTION... ID
    local status=0
    xrun checkpoint --image-path $stage/images "$@" 2>&1 || status=$?
    [ $status = 0 ] || grep 'Error' $stage/images/dump.log
    return $status
}

restore() { # OPTION... ID
    local status=0
    to_file xrun ${global-} restore --bundle $stage/c --image-path $stage/images "$@" || status=$?
    case $status in 0 | 7) ;; *) cat $stage/out; grep 'Error' $stage/images/restore.log ;; esac
    return $status
}

# It goes on from where it was, rather than from the start.
goes_on() { # ID
    equal 'running' running "$(status "$1")"
    check 'it goes on' until_true beyond $((before + 3))
    equal 'it did not start again' 1 "$(tr -d '\r' <$stage/out | grep -c '^1$')"
}

test_pipes() {
    local before ended=0
    only_xrun
    counting a
    check 'checkpoint' checkpoint a
    equal 'it is gone' '' "$(xrun list -q)"
    before=$(count)
    make_bundle b
    rmdir $stage/shared/nested
    check 'restore under another name' restore --detach --pid-file $stage/pid b
    equal 'the pid file' "$(xrun state b | jq -r .pid)" "$(cat $stage/pid)"
    goes_on b
    equal 'its cgroup' /xrun-test/b "$(cgroup_of "$(cat $stage/pid)")"
    prints 'its cgroup, as it sees it' '0::/' xrun exec b cat /proc/self/cgroup
    ends 'the other mount is still read-only' 1 xrun exec b touch /link/fixed/file
    ends 'exec writes to a bind mount' 0 xrun exec b touch /shared/file
    check 'the file is on the host' [ -e $stage/shared/file ]
    ends 'exec writes to the mount in it' 0 xrun exec b touch /shared/nested/file
    check 'that file as well' [ -e $stage/other/file ]
    check 'a second checkpoint' checkpoint b
    touch $stage/shared/stop
    restore c || ended=$?
    equal 'in the foreground it ends as the program does' 7 "$ended"
    equal 'nothing is left' '' "$(xrun list -q)"
}

test_leave_running() {
    local before
    only_xrun
    counting a
    check 'memory first' checkpoint --pre-dump --image-path $stage/first a
    check 'checkpoint' checkpoint --leave-running a
    before=$(count)
    goes_on a
}

test_shared_cgroups() {
    local before all='.linux.namespaces |= map(select(.type != "cgroup"))'
    only_xrun
    counting a "$all"
    check 'checkpoint' checkpoint a
    before=$(count)
    make_bundle b "$all"
    check 'restore' restore --detach b
    goes_on b
    prints 'it sees all cgroups' /xrun-test/b xrun exec b sh -c \
        'own=$(sed -n s/^0:://p /proc/self/cgroup); [ -n "$(cat /sys/fs/cgroup$own/cgroup.procs)" ] && echo $own'
}

test_systemd_cgroup() {
    local before global=--systemd-cgroup
    only_xrun
    counting a '.linux.cgroupsPath = "system.slice:xrun:a"'
    check 'checkpoint' checkpoint a
    before=$(count)
    make_bundle b '.linux.cgroupsPath = "system.slice:xrun:b"'
    check 'restore' restore --detach b
    goes_on b
    equal 'its scope' /system.slice/xrun-b.scope "$(cgroup_of "$(xrun state b | jq -r .pid)")"
    check 'kill' xrun kill b KILL
    eventually 'it ends' stopped b
    check 'delete' xrun delete b
}

# Takes a terminal's master from the console socket, and writes what comes out of it to the file.
receive_terminal() {
    rm -f $stage/console
    python3 - $stage/console $stage/out <<'EOF' &
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
_, fds, _, _ = socket.recv_fds(listener.accept()[0], 64, 1)
with open(sys.argv[2], "ab", 0) as out:
    while True:
        try:
            out.write(os.read(fds[0], 4096))
        except OSError:
            break
EOF
    check 'somebody waits for the terminal' until_true [ -S $stage/console ]
}

test_terminal() {
    local before
    only_xrun
    make_bundle a '.process.terminal = true'
    receive_terminal
    check 'run' xrun run --detach --console-socket $stage/console --bundle $stage/c a
    eventually 'it counts' beyond 3
    check 'checkpoint' checkpoint a
    before=$(count)
    receive_terminal
    check 'restore' restore --detach --console-socket $stage/console a
    goes_on a
}

refuses() { # WHAT TEXT COMMAND...
    ends "$1" 1 "${@:3}"
    contains 'its text' "$err" "$2"
}

test_refusals() {
    only_xrun
    refuses 'none' 'container does not exist' xrun checkpoint a
    make_bundle a
    xrun create --bundle $stage/c a </dev/null >/dev/null 2>&1
    refuses 'one that is not started' 'cannot be checkpointed in created state' xrun checkpoint a
    xrun delete --force a
    counting a
    refuses 'an absolute parent' '--parent-path must be relative' xrun checkpoint --parent-path /tmp a
    refuses 'no parent' 'invalid --parent-path' xrun checkpoint --parent-path nowhere a
    refuses 'lazy pages' '--lazy-pages is not supported' xrun checkpoint --lazy-pages a
    refuses 'a page server' '--page-server is not supported' xrun checkpoint --page-server localhost:1 a
    refuses 'another empty namespace' 'only network can be empty' xrun checkpoint --empty-ns ipc a
    refuses 'a mode of cgroups' 'invalid manage-cgroups-mode' xrun checkpoint --manage-cgroups-mode odd a
    refuses 'no criu' 'criu is not installed' unshare --mount sh -c \
        "mount --bind /dev/null /usr/sbin/criu; xrun checkpoint --image-path $stage/images a"
    mkdir -p $stage/images
    refuses 'no images' 'no xrun.json' xrun restore --detach --image-path $stage/images --bundle $stage/c b
    echo '{}' >$stage/images/xrun.json
    refuses 'a strange record' 'not what xrun writes' xrun restore -d --image-path $stage/images --bundle $stage/c b
    equal 'it still runs' running "$(status a)"
    equal 'nothing is left of the refused' a "$(xrun list -q)"
}

test_podman() {
    local before
    ends 'run' 0 pod run -d --name t --network none $image \
        sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.5; done'
    eventually 'it counts' said '^2$' podman logs t
    ends 'checkpoint' 0 pod container checkpoint t
    check 'it is not running' state t exited
    before=$(podman logs t | tail -n 1)
    ends 'restore' 0 pod container restore t
    check 'it runs again' state t running
    eventually 'it goes on' said "^$((before + 2))\$" podman logs t
    equal 'it did not start again' 1 "$(podman logs t | grep -c '^1$')"
    prints 'exec' yes podman exec t echo yes
}

features "$@"
