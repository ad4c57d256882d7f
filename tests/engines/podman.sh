#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# podman as root: the life of containers, and what can be asked of a container. Networks, pods, images, health checks
# and users are in podman_more.sh.
. /src/tests/engines/podman_lib.sh
engine=podman

test_run() {
    prints 'what it prints' hello pod run --rm --network none $image echo hello
    ends 'its exit status' 7 pod run --rm --network none $image sh -c 'exit 7'
    prints 'its input' 'through a pipe' pod run -i --rm --network none $image cat <<<'through a pipe'
    prints 'nothing is left' '' pod ps --all --quiet
}

test_configured() {
    printf '[engine]\nruntime = "%s"\n' "$name" >"$work/containers.conf"
    export CONTAINERS_CONF_OVERRIDE=$work/containers.conf
    prints 'podman info knows it' "$name $runtime" podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
    contains 'and its version' "$(podman info --format '{{.Host.OCIRuntime.Version}}')" "$name version [0-9]"
    ends 'a container' 0 podman run --name t --network none $image true
    prints 'is recorded with it' "$name" podman inspect t --format '{{.OCIRuntime}}'
}

test_cgroup_systemd() {
    pod --cgroup-manager systemd run -d --name t --network none $image sleep 1000
    contains 'it is in a scope' "$(cgroup_of "$(main_pid t)")" '^/machine.slice/libpod-[0-9a-f]+\.scope'
    prints 'systemd knows the scope' active systemctl is-active "libpod-$(podman inspect t --format '{{.Id}}').scope"
    contains 'exec joins it' "$(podman exec t cat /proc/self/cgroup)" '^0::/'
    ends 'stop' 0 pod stop -t 0 t
    eventually 'the scope is gone' eval '! systemctl is-active "libpod-$(podman inspect t --format "{{.Id}}").scope"'
}

test_cgroup_cgroupfs() {
    local at
    pod --cgroup-manager cgroupfs run -d --name t --network none $image sleep 1000
    at=$(cgroup_of "$(main_pid t)")
    contains 'it is in a cgroup of podman' "$at" '^/libpod_parent/libpod-[0-9a-f]+'
    contains 'exec joins it' "$(podman exec t cat /proc/self/cgroup)" '^0::/'
    ends 'rm' 0 pod rm -f -t 0 t
    eventually 'the cgroup is gone' gone "/sys/fs/cgroup$at"
}

test_cgroup_split() {
    ends 'a service that runs podman' 0 systemd-run --quiet --unit="split-$name" --property=Delegate=yes --service-type=notify \
        --property=NotifyAccess=all --property=KillMode=mixed --property=ExecStop='podman rm -f -t 0 t' podman --runtime "$name" run --name t --cgroups=split --sdnotify=conmon \
        --network none $image sleep 1000
    contains 'the container is in the cgroup of the service' "$(cgroup_of "$(main_pid t)")" "^/system.slice/split-$name.service/libpod-payload"
    ends 'the service stops' 0 systemctl stop "split-$name"
}

test_cgroup_disabled() {
    ends 'start' 0 pod run -d --name t --cgroups=disabled --network none $image sleep 1000
    # It stays where it was started from.
    equal 'its cgroup' "$(cgroup_of "$(podman inspect t --format '{{.State.ConmonPid}}')")" "$(cgroup_of "$(main_pid t)")"
    ends 'kill' 0 pod kill t
    eventually 'it ends' state t exited
}

test_cgroupns_host() {
    ends 'start' 0 pod run -d --name t --cgroupns=host --network none $image sleep 1000
    contains 'it sees the whole path' "$(podman exec t cat /proc/self/cgroup)" 'libpod-[0-9a-f]+\.scope'
}

test_terminal() {
    ends 'run -it' 5 in_terminal -- podman --runtime "$name" run -it --rm --network none $image \
        sh -c 'until [ "$(stty size)" = "37 101" ]; do sleep 0.1; done; echo "on $(tty)"; exit 5'
    contains 'it has a terminal of its size' "$out" 'on /dev/pts/0'
    ends 'typing and resizing' 6 in_terminal see:ready size:20x40 'send:a line' 'see:got a line' see:resized -- \
        podman --runtime "$name" run -it --rm --network none $image sh -c 'echo ready; read -r line; echo "got $line"
            until [ "$(stty size)" = "20 40" ]; do sleep 0.1; done; echo resized; exit 6'
    ends 'an interrupt from the keyboard' 130 in_terminal see:ready $'send:\x03' -- \
        podman --runtime "$name" run -it --rm --network none $image sh -c 'trap "exit 130" INT; echo ready; while :; do sleep 1; done'
}

test_exec() {
    pod run -d --name t --network none $image sleep 1000
    prints 'what it prints' hello podman exec t echo hello
    ends 'its exit status' 5 podman exec t sh -c 'exit 5'
    ends 'a signal' 137 podman exec t sh -c 'kill -9 $$'
    prints 'user, directory, environment' '3:4 /tmp b' \
        podman exec --user 3:4 --workdir /tmp --env A=b t sh -c 'echo $(id -u):$(id -g) $(pwd) $A'
    prints 'its input' 'through a pipe' podman exec -i t cat <<<'through a pipe'
    ends 'detached' 0 podman exec -d t touch /tmp/detached
    eventually 'it ran' podman exec t test -e /tmp/detached
    ends 'a program that is not there' 127 podman exec t /missing
    ends 'a directory that is not there' 127 podman exec --workdir /typo t pwd
    ends 'and is not made' 1 podman exec t ls /typo
    ends 'a program that cannot be run' 126 podman exec t /etc/passwd
    prints 'it shares the namespaces' 1 podman exec t sh -c 'ps | grep -c "[s]leep 1000"'
    prints 'privileged' "$(awk '/CapBnd/ { print $2 }' /proc/self/status)" \
        podman exec --privileged t awk '/CapBnd/ { print $2 }' /proc/self/status
}

test_exec_terminal() {
    pod run -d --name t --network none $image sleep 1000
    ends 'exec -it' 4 in_terminal 'send:exit 4' -- podman exec -it t sh -c \
        'until [ "$(stty size)" = "37 101" ]; do sleep 0.1; done; echo "on $(tty)"; exec sh'
    contains 'it has a terminal of its size' "$out" 'on /dev/pts/[0-9]'
}

test_logs() {
    local driver
    for driver in k8s-file journald; do
        pod run --name t --log-driver $driver --network none $image sh -c 'echo to stdout; echo to stderr >&2' >/dev/null 2>&1
        eventually "$driver: its output" said '^to stdout$' podman logs t
        eventually "$driver: its errors" said '^to stderr$' podman logs t
        podman rm t >/dev/null
    done
}

test_attach() {
    ends 'create' 0 pod create --name t --network none $image sh -c 'echo attached; exit 9'
    ends 'start --attach' 9 pod start --attach t
    equal 'its output' attached "$out"
}

test_created() {
    ends 'create' 0 pod create --name t --network none $image sh -c 'echo ran; exit 4'
    ends 'init' 0 pod init t
    check 'it is made but not started' state t initialized
    prints 'nothing was printed' '' podman logs t
    ends 'start' 0 pod start t
    prints 'wait' 4 pod wait t
    prints 'what it printed' ran podman logs t
    ends 'another init' 0 pod init t
    ends 'is removed' 0 pod rm --force --time 0 t
}

test_stop() {
    pod run -d --name t --network none $image sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done'
    eventually 'it runs' said ready podman logs t
    ends 'stop' 0 pod stop -t 20 t
    prints 'TERM ended it' 'exited 3' podman inspect t --format '{{.State.Status}} {{.State.ExitCode}}'
    podman rm t >/dev/null
    pod run -d --name t --network none $image sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
    eventually 'it runs' said ready podman logs t
    ends 'stop of one that ignores TERM' 0 pod stop -t 1 t
    prints 'KILL ended it' 'exited 137' podman inspect t --format '{{.State.Status}} {{.State.ExitCode}}'
}

test_kill() {
    pod run -d --name t --network none $image sh -c 'trap "echo usr1" USR1; echo ready; while :; do sleep 0.1; done'
    eventually 'it runs' said ready podman logs t
    ends 'kill -s USR1' 0 pod kill -s USR1 t
    eventually 'it got the signal' said usr1 podman logs t
    ends 'kill' 0 pod kill t
    prints 'wait' 137 pod wait t
    ends 'kill of one that ended' 125 pod kill t
    ends 'rm' 0 pod rm t
}

test_pause() {
    pod run -d --name t --network none $image sh -c 'while :; do echo tick; sleep 0.1; done'
    ends 'pause' 0 pod pause t
    check 'podman says so' state t paused
    contains 'the kernel says so' "$(cgroup_file "$(main_pid t)" cgroup.events)" 'frozen 1'
    ends 'exec is refused' 255 podman exec t true
    ends 'the end of it' 0 pod $resume t
    check 'podman says so' state t running
    prints 'exec' back podman exec t echo back
}

test_restart() {
    pod run -d --name t --restart on-failure:2 --network none $image sh -c 'exit 2'
    eventually 'it was restarted twice' eval '[ "$(podman inspect t --format "{{.RestartCount}} {{.State.Status}}")" = "2 exited" ]'
    podman rm -f t >/dev/null
    pod run -d --name t --network none $image sleep 1000
    local before
    before=$(main_pid t)
    ends 'podman restart' 0 pod restart -t 0 t
    [ "$(main_pid t)" != "$before" ] || fail 'it is the same process'
}

test_errors() {
    ends 'a program that is not in PATH' 127 pod run --rm --network none $image missing
    ends 'a program that is not there' 127 pod run --rm --network none $image /missing
    ends 'a program that cannot be run' 126 pod run --rm --network none $image /etc/passwd
    ends 'a directory that is a file' 126 pod run --rm --network none --workdir /etc/passwd $image true
    prints 'nothing is left' '' pod ps --all --quiet
}

test_security() {
    prints 'no capabilities' 'CapBnd: 0000000000000000' \
        pod run --rm --network none --cap-drop all $image awk '/CapBnd/ { print $1, $2 }' /proc/self/status
    prints 'one capability' 'CapBnd: 0000000000000001' \
        pod run --rm --network none --cap-drop all --cap-add chown $image awk '/CapBnd/ { print $1, $2 }' /proc/self/status
    prints 'no new privileges, seccomp' 'NoNewPrivs: 1 Seccomp: 2' pod run --rm --network none \
        --security-opt no-new-privileges $image awk '/NoNewPrivs|Seccomp:/ { printf "%s%s %s", d, $1, $2; d = " " }' /proc/self/status
    prints 'no seccomp' 'Seccomp: 0' pod run --rm --network none --security-opt seccomp=unconfined $image \
        awk '/Seccomp:/ { printf "%s %s", $1, $2 }' /proc/self/status
    ends 'a system call that the filter forbids' 1 pod run --rm --network none --cap-add sys_admin \
        --security-opt seccomp=$stage/no-chmod.json $image chmod 700 /tmp
    contains 'fails as the filter says' "$err" 'Operation not permitted'
    prints 'user and groups' '5 6 6 7' pod run --rm --network none --user 5:6 --group-add 7 $image sh -c 'echo $(id -u) $(id -g) $(id -G)'
    ends 'what is masked' 0 pod run --rm --network none $image sh -c '[ ! -s /proc/kcore ] && ! touch /proc/sys/kernel/x 2>/dev/null'
    ends 'privileged' 0 pod run --rm --network none --privileged $image sh -c 'mount -t tmpfs tmpfs /tmp && [ -c /dev/full ]'
}

test_mounts() {
    mkdir -p "$work/volume"
    echo content >"$work/volume/file"
    prints 'a volume' content pod run --rm --network none -v "$work/volume:/mnt:ro" $image cat /mnt/file
    ends 'it is read-only' 1 pod run --rm --network none -v "$work/volume:/mnt:ro" $image touch /mnt/x
    ends 'a read-only root with a tmpfs' 0 pod run --rm --network none --read-only --tmpfs /scratch $image \
        sh -c 'touch /scratch/x && ! touch /x 2>/dev/null'
    ends 'a named volume' 0 pod run --rm --network none -v named:/data $image sh -c 'echo kept >/data/x'
    prints 'keeps its content' kept pod run --rm --network none -v named:/data $image cat /data/x
    podman volume rm named >/dev/null
    prints 'shm' 16384 pod run --rm --network none --shm-size 16m $image sh -c 'df -k /dev/shm | awk "END { print \$2 }"'
    ends 'a directory as the root' 0 pod run --rm --network none --rootfs $stage/rootfs cat /etc/passwd
    contains 'its content' "$out" '^root:'
    prints 'a secret' hidden sh -c "printf hidden | podman secret create s - >/dev/null &&
        podman --runtime $name run --rm --network none --secret s $image cat /run/secrets/s; podman secret rm s >/dev/null"
}

test_properties() {
    prints 'hostname' box9 pod run --rm --network none --hostname box9 $image hostname
    prints 'a sysctl' 9000 pod run --rm --network none --sysctl kernel.msgmax=9000 $image cat /proc/sys/kernel/msgmax
    prints 'rlimits' '100 200' pod run --rm --network none --ulimit nofile=100:200 $image sh -c 'echo $(ulimit -Sn) $(ulimit -Hn)'
    prints 'the score for the OOM killer' 100 pod run --rm --network none --oom-score-adj 100 $image cat /proc/self/oom_score_adj
    prints 'a device' '0x1 0x3' pod run --rm --network none --device /dev/null:/dev/hole $image stat -c '0x%t 0x%T' /dev/hole
    prints 'the init of podman' 'podman-init' pod run --rm --network none --init $image cat /proc/1/comm
    prints 'the umask' 0027 pod run --rm --network none --umask 0027 $image sh -c umask
    prints 'a time zone' UTC pod run --rm --network none --env TZ=UTC $image date +%Z
    prints 'a descriptor' given sh -c "echo given >$work/fd; podman --runtime $name run --rm --network none \
        --preserve-fds 1 $image sh -c 'cat <&3' 3<$work/fd"
}

test_namespaces() {
    prints "the host's processes" "$(readlink /proc/1/ns/pid)" pod run --rm --network none --pid host $image readlink /proc/self/ns/pid
    prints "the host's network" "$(readlink /proc/1/ns/net)" pod run --rm --network host $image readlink /proc/self/ns/net
    prints "the host's name" "$(hostname)" pod run --rm --uts host --network none $image hostname
    pod run -d --name t --network none --hostname other $image sleep 1000
    prints 'those of another container' "$(readlink "/proc/$(main_pid t)/ns/pid")" \
        pod run --rm --network container:t --pid container:t --ipc container:t $image readlink /proc/1/ns/pid
    ends "kill with the host's processes" 0 pod run -d --name h --pid host --network none $image sh -c 'sleep 1000 & sleep 1000'
    ends 'stop' 0 pod stop -t 0 h
    eventually 'its other process is gone too' eval '! ps -eo comm,args | grep "^sleep .*sleep 1000" | grep -qv "'"$(main_pid t)"'" ||
        [ "$(pgrep -fxc "sleep 1000")" = 1 ]'
}

test_hooks() {
    mkdir -p "$work/hooks"
    local stage_name
    cat >"$work/hook" <<EOF
#!/bin/sh
echo "\$1 \$(jq -r '"\(.status) \(.id | length)"')" >>$work/hooks.log
EOF
    chmod +x "$work/hook"
    for stage_name in prestart createRuntime poststart poststop; do
        echo "{\"version\": \"1.0.0\", \"hook\": {\"path\": \"$work/hook\", \"args\": [\"hook\", \"$stage_name\"]},
            \"when\": {\"always\": true}, \"stages\": [\"$stage_name\"]}" >"$work/hooks/$stage_name.json"
    done
    ends 'run' 0 pod --hooks-dir "$work/hooks" run --network none --name t $image true
    podman rm -f t >/dev/null
    eventually 'all are called' has_line "$work/hooks.log" poststop
    # The specification and runtimes differ in what they call the time before the start.
    sed -i 's/ creat[a-z]* / before /' "$work/hooks.log"
    equal 'what they are told' 'createRuntime before 64 poststart running 64 poststop stopped 64 prestart before 64' \
        "$(sort "$work/hooks.log" | xargs)"
}

test_many() {
    local i
    for i in 1 2 3 4 5 6 7 8; do
        { pod run --rm --network none $image sh -c "echo number $i" >"$work/many.$i" 2>&1 || echo "failed: $?" >>"$work/many.$i"; } &
    done
    wait
    equal 'eight at the same time' "$(seq -f 'number %g' 8 | xargs)" "$(cat "$work"/many.* | sort | xargs)"
}

features "$@"
