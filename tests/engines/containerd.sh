#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# containerd with its own client ctr and the shim for runc's command line.
. /src/tests/engines/lib.sh
engine=containerd
image=localhost/bb:1

# ctr asks for CPU shares, which need a controller.
shares=(--cpu-shares 0)
! has_controller cpu || shares=()
start() { ctr run --runc-binary "$runtime" "${shares[@]}" "$@"; }
status_is() { ctr task ls | grep -Eq "^$1 +[0-9]+ +$2\$"; } # CONTAINER STATUS
main_pid() { ctr task ls | awk -v name="$1" '$1 == name { print $2 }'; }

prepare() {
    make_image_root
    make_image_archive $stage/image.tar
    systemctl start containerd
    ctr image import $stage/image.tar
}

clean() {
    local left
    for left in $(ctr container ls --quiet); do
        ctr task kill --signal KILL "$left" || true
        ctr task rm --force "$left" || true
        ctr container rm "$left"
    done
} >/dev/null 2>&1

test_run() {
    prints 'what it prints' hello start --rm $image t echo hello
    ends 'its exit status' 7 start --rm $image t sh -c 'exit 7'
    # ctr forgets to close an input that ends before the task is there.
    prints 'its input' 'through a pipe' start --rm $image t cat < <(sleep 1.5; echo 'through a pipe')
    prints 'nothing is left' '' ctr container ls --quiet
}

test_cgroup_cgroupfs() {
    start -d $image t sleep 1000
    equal 'its cgroup' /default/t "$(cgroup_of "$(main_pid t)" | sed 's,/container$,,')"
    ctr task kill --signal KILL t
    eventually 'it ends' status_is t STOPPED
    ends 'rm' 0 ctr task rm t
    check 'the cgroup is gone' gone /sys/fs/cgroup/default/t
}

test_cgroup_systemd() {
    start -d --runc-systemd-cgroup --cgroup system.slice:ctr:t $image t sleep 1000
    contains 'it is in a scope' "$(cgroup_of "$(main_pid t)")" '^/system.slice/ctr-t.scope'
    prints 'systemd knows the scope' active systemctl is-active ctr-t.scope
    ctr task kill --signal KILL t
    eventually 'it ends' status_is t STOPPED
    ends 'rm' 0 ctr task rm t
    eventually 'the scope is gone' eval '! systemctl is-active --quiet ctr-t.scope'
}

test_exec() {
    start -d $image t sleep 1000
    prints 'what it prints' hello ctr task exec --exec-id e1 t echo hello
    ends 'its exit status' 4 ctr task exec --exec-id e2 t sh -c 'exit 4'
    prints 'its input' 'through a pipe' ctr task exec --exec-id e3 t cat <<<'through a pipe'
    prints 'user and directory' '3 /tmp' ctr task exec --exec-id e4 --user 3 --cwd /tmp t sh -c 'echo $(id -u) $(pwd)'
    ends 'a program that is not there' 1 ctr task exec --exec-id e5 t missing
    contains 'why' "$err" 'executable file.* not found in \$PATH'
}

test_terminal() {
    ends 'run -t' 5 in_terminal -- ctr run --tty --rm --runc-binary "$runtime" "${shares[@]}" $image t \
        sh -c 'until [ "$(stty size)" = "37 101" ]; do sleep 0.1; done; echo "on $(tty)"; exit 5'
    contains 'it has a terminal of its size' "$out" 'on /dev/pts/0'
    start -d $image t sleep 1000
    ends 'exec -t' 4 in_terminal 'see:on /dev/pts' 'send:exit 4' -- ctr task exec --tty --exec-id e1 t sh -c 'echo "on $(tty)"; exec sh'
}

test_processes() {
    start -d $image t sh -c 'sleep 1000 & sleep 1000; true'
    eventually 'ps' eval '[ "$(ctr task ps t | grep -cE "^[0-9]+")" = 3 ]'
    contains 'the first is its init' "$(ctr task ps t)" "^$(main_pid t) "
}

test_pause() {
    start -d $image t sleep 1000
    ends 'pause' 0 ctr task pause t
    check 'containerd says so' status_is t PAUSED
    contains 'the kernel says so' "$(cgroup_file "$(main_pid t)" cgroup.events)" 'frozen 1'
    ends 'the end of it' 0 ctr task resume t
    check 'containerd says so' status_is t RUNNING
}

test_kill() {
    start -d $image t sh -c 'trap "exit 3" USR1; touch /ready; while :; do sleep 0.1; done'
    eventually 'it runs' ctr task exec --exec-id e1 t test -e /ready
    ends 'kill with a signal that it takes' 0 ctr task kill --signal USR1 t
    eventually 'it ends' status_is t STOPPED
    ends 'rm' 0 ctr task rm t
    contains 'its status' "$err" 'exit code 3'
    ends 'a second task of the container' 0 ctr task start -d t
    ends 'kill --all' 0 ctr task kill --all --signal KILL t
    eventually 'it ends' status_is t STOPPED
    ends 'rm' 0 ctr task rm t
    contains 'its status' "$err" 'exit code 137'
    ends 'the container is removed' 0 ctr container rm t
}

test_force() {
    start -d $image t sleep 1000
    ends 'rm --force of one that runs' 0 ctr task rm --force t
    equal 'it is gone' '' "$(ctr task ls --quiet)"
}

test_rootfs() {
    prints 'a directory as the root' /bin/busybox start --rm --rootfs $stage/rootfs t /bin/readlink /bin/sh
    ends 'read-only' 1 start --rm --rootfs --read-only $stage/rootfs t /bin/touch /x
}

test_properties() {
    mkdir "$work/volume"
    echo content >"$work/volume/file"
    prints 'a mount' content start --rm --mount "type=bind,src=$work/volume,dst=/mnt,options=rbind:ro" $image t cat /mnt/file
    prints 'environment, directory' 'b /tmp' start --rm --env A=b --cwd /tmp $image t sh -c 'echo $A $(pwd)'
    prints "the host's network" "$(readlink /proc/1/ns/net)" start --rm --net-host $image t readlink /proc/self/ns/net
    prints 'seccomp' 'Seccomp: 2' start --rm --seccomp $image t awk '/Seccomp:/ { printf "%s %s", $1, $2 }' /proc/self/status
    ends 'privileged' 0 start --rm --privileged $image t mount -t tmpfs tmpfs /tmp
    prints 'user' 7 start --rm --user 7 $image t id -u
}

test_errors() {
    ends 'a program that is not there' 1 start --rm $image t missing
    contains 'why' "$err" 'executable file.* not found in \$PATH'
    ends 'a program that cannot be run' 1 start --rm $image t /etc/passwd
    contains 'why' "$err" 'permission denied|not executable'
    prints 'nothing is left' '' ctr task ls --quiet
}

test_daemon_restart() {
    start -d $image t sleep 1000
    ends 'containerd restarts' 0 systemctl restart containerd
    check 'the container runs on' status_is t RUNNING
    # ctr stops reading as soon as it learns of the end, whatever is still to be read (containerd's pull request 13931).
    prints 'exec' hello ctr task exec --exec-id e1 t sh -c 'echo hello; sleep 1'
}

features "$@"
