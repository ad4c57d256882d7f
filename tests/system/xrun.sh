#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# xrun, verb by verb: states, exit statuses, texts, what a killed create leaves behind, and runc and crun beside it.
. "$(dirname "$0")/lib.sh"

# A runtime needs to unmount and mount sysfs itself.
umount -Rl /sys; mount -t sysfs sysfs /sys; mount -t cgroup2 cgroup2 /sys/fs/cgroup

status() { xrun state "$1" | jq -r .status; }
group_of() { echo "/sys/fs/cgroup/xrun-test/$1"; }
# Descriptors of the container's own cgroup, and nothing else of the host.
own_group() { echo ".linux.cgroupsPath = \"/xrun-test/$1\""; }

life_cycle() {
    script_bundle "$work/life" 'echo hello; trap "exit 5" TERM; sleep 1000 & wait' "$(own_group life)"
    xrun create --bundle "$work/life" --pid-file "$work/life.pid" life </dev/null >"$work/life.out" 2>&1
    equal 'created' created "$(status life)"
    equal 'the pid file holds the pid' "$(xrun state life | jq -r .pid)" "$(cat "$work/life.pid")"
    equal 'nothing runs before start' '' "$(cat "$work/life.out")"
    equal 'a second create' 1 "$(status_of xrun create --bundle "$work/life" life)"
    contains 'its text' "$(cat "$work/err")" 'container with given ID already exists'
    check 'start' xrun start life
    check 'it runs' until_true grep -q hello "$work/life.out"
    equal 'running' running "$(status life)"
    equal 'a second start' 1 "$(status_of xrun start life)"
    contains 'its text' "$(cat "$work/err")" 'cannot start an already running container'
    equal 'delete of a running one' 1 "$(status_of xrun delete life)"
    contains 'its text' "$(cat "$work/err")" 'cannot delete container life that is not stopped: running'
    contains 'list' "$(xrun list)" '^life +[0-9]+ +running +/tmp'
    equal 'list -q' life "$(xrun list -q)"
    equal 'list --format json' life "$(xrun list --format json | jq -r '.[].id')"
    contains 'ps --format json' "$(xrun ps --format json life)" '^\[[0-9]+,[0-9]+\]$'
    contains 'ps' "$(xrun ps life)" 'sleep 1000'
    check 'kill by name' xrun kill life SIGTERM
    check 'stopped' until_true eval '[ "$(status life)" = stopped ]'
    equal 'kill of a stopped one' 1 "$(status_of xrun kill life 9)"
    contains 'its text' "$(cat "$work/err")" 'container not running'
    equal 'kill --all of a stopped one' 0 "$(status_of xrun kill --all life 9)"
    equal 'start of a stopped one' 1 "$(status_of xrun start life)"
    contains 'its text' "$(cat "$work/err")" 'cannot start a container that has stopped'
    check 'delete' xrun delete life
    [ ! -e "$(group_of life)" ] && [ ! -e /run/xrun/life ] || fail 'delete leaves something'
    equal 'state of none' 1 "$(status_of xrun state life)"
    contains 'its text' "$(cat "$work/err")" 'container does not exist'
    equal 'delete of none' 1 "$(status_of xrun delete life)"
    equal 'delete --force of none' 0 "$(status_of xrun delete --force life)"
    equal 'no containers as JSON' null "$(xrun list --format json)"
}

exit_statuses() {
    script_bundle "$work/exit" 'exit 7'
    equal 'run ends as the program does' 7 "$(status_of xrun run --bundle "$work/exit" exit)"
    [ ! -e /run/xrun/exit ] || fail 'run leaves its state'
    equal 'run --keep' 7 "$(status_of xrun run --keep -b "$work/exit" exit)"
    equal 'keeps the state' stopped "$(status exit)"
    check 'delete' xrun delete exit
    bundle "$work/exit" '.process.args = ["no-such-program"]'
    equal 'a missing program' 1 "$(status_of xrun run -b "$work/exit" exit)"
    contains 'its text' "$(cat "$work/err")" 'exec: ."no-such-program.": executable file not found in \$PATH'
    [ ! -e /run/xrun/exit ] || fail 'a failed run leaves its state'
    bundle "$work/exit" '.process.args = ["/etc/passwd"]'
    equal 'a program without permission' 1 "$(status_of xrun run -b "$work/exit" exit)"
    contains 'its text' "$(cat "$work/err")" 'exec: ./etc/passwd|permission denied'
    equal 'an unknown verb' 3 "$(status_of xrun nonsense)"
    equal 'an unknown option' 1 "$(status_of xrun create --nonsense x)"
    equal 'too few words' 1 "$(status_of xrun state)"
    contains 'its text' "$(cat "$work/err")" 'requires exactly 1 argument'
    equal 'a bad id' 1 "$(status_of xrun create ../x)"
    status_of xrun --log "$work/log.json" --log-format json state none >/dev/null
    equal 'the log' 'container does not exist' "$(jq -r .msg "$work/log.json")"
    equal 'people read it too' 'container does not exist' "$(cat "$work/err")"
}

executing() {
    script_bundle "$work/exec" 'sleep 1000'
    check 'run -d' xrun run -d -b "$work/exec" exec </dev/null >/dev/null 2>&1
    equal 'exec' hi "$(xrun exec exec echo hi)"
    equal 'its exit status' 9 "$(status_of xrun exec exec sh -c 'exit 9')"
    equal 'its signal' 143 "$(status_of xrun exec exec sh -c 'kill -15 $$')"
    equal 'in the same namespaces' "$(xrun exec exec readlink /proc/1/ns/mnt)" "$(xrun exec exec readlink /proc/self/ns/mnt)"
    equal 'its user' '1:2' "$(xrun exec --user 1:2 exec sh -c 'echo $(id -u):$(id -g)')"
    equal 'user without group' '1' "$(xrun exec -u 1 exec id -u)"
    equal 'no names for users' 255 "$(status_of xrun exec -u x exec id)"
    equal 'environment and directory' '/tmp b' "$(xrun exec --env A=b --cwd /tmp exec sh -c 'echo $PWD $A')"
    equal 'a missing program' 255 "$(status_of xrun exec exec no-such)"
    contains 'its text' "$(cat "$work/err")" 'executable file not found in \$PATH'
    jq -n '{args: ["sh", "-c", "echo from-file"], cwd: "/", env: ["PATH=/bin"], user: {uid: 0, gid: 0}}' >"$work/process.json"
    equal 'exec --process' from-file "$(xrun exec --process "$work/process.json" exec)"
    check 'exec --detach' xrun exec -d --pid-file "$work/exec.pid" exec sleep 500 </dev/null >/dev/null 2>&1
    check 'its pid file' test -d "/proc/$(cat "$work/exec.pid")"
    contains 'a terminal' "$(xrun exec -t exec tty </dev/null)" '/dev/pts/0'
    check 'pause' xrun pause exec
    equal 'paused' paused "$(status exec)"
    equal 'exec in a paused one' 255 "$(status_of xrun exec exec true)"
    check 'resume' xrun resume exec
    equal 'running again' running "$(status exec)"
    equal 'resume twice' 1 "$(status_of xrun resume exec)"
    check 'delete --force' xrun delete --force exec
    equal 'no processes are left' '' "$(pgrep -f 'sleep (500|1000)' || true)"
}

consoles() {
    cat >"$work/receive.py" <<'PY'
import array, os, socket, sys
server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1]); server.listen()
open(sys.argv[1] + ".ready", "w").close()
peer = server.accept()[0]
data, control, _, _ = peer.recvmsg(4095, socket.CMSG_SPACE(64))
fds = array.array("i"); fds.frombytes(control[0][2])
assert data and len(fds) == 1, (data, fds)
text = b""
try:
    while chunk := os.read(fds[0], 4096): text += chunk
except OSError: pass
sys.stdout.write(text.decode())
PY
    script_bundle "$work/tty" 'tty' '.process.terminal = true'
    equal 'a terminal needs a console socket' 1 "$(status_of xrun create -b "$work/tty" tty)"
    python3 "$work/receive.py" "$work/console" >"$work/console.out" &
    local receiver=$!
    check 'the receiver' until_true test -e "$work/console.ready"
    check 'create with a console socket' xrun create -b "$work/tty" --console-socket "$work/console" tty
    check 'start' xrun start tty
    wait $receiver
    contains 'the terminal' "$(cat "$work/console.out")" '/dev/(pts/0|console)'
    check 'delete' until_true xrun delete tty
}

hooks() {
    local all='createRuntime createContainer prestart poststart poststop' kind filter='.'
    for kind in $all; do
        filter="$filter | .hooks.$kind = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"echo $kind \$(jq -r .status) >>$work/hooks\"]}]"
    done
    filter="$filter | .hooks.startContainer = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"cat >/hooked\"], env: [\"PATH=/bin\"]}] | .root.readonly = false"
    # createContainer looks its program up outside, but runs inside.
    script_bundle "$work/hook" 'cat /hooked' "$filter | .hooks.createContainer[0].args[2] = \"echo createContainer created >>$work/hooks\""
    equal 'startContainer reads the state' created "$(xrun run -b "$work/hook" hook | jq -r .status)"
    equal 'the order of hooks' 'prestart created,createRuntime created,createContainer created,poststart running,poststop stopped' \
        "$(paste -sd, "$work/hooks")"
    script_bundle "$work/hook" 'true' '.hooks.createRuntime = [{path: "/bin/false"}]'
    equal 'a failing hook' 1 "$(status_of xrun create -b "$work/hook" hook)"
    [ ! -e /run/xrun/hook ] || fail 'a failed hook leaves the state'
    script_bundle "$work/hook" 'true' '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "60"], timeout: 1}]'
    equal 'a slow hook' 1 "$(status_of xrun create -b "$work/hook" hook)"
    contains 'its text' "$(cat "$work/err")" 'killed after 1 seconds'
}

racing() {
    script_bundle "$work/race" 'sleep 1000' "$(own_group race)"
    local i
    for i in {1..5}; do
        xrun create -b "$work/race" race </dev/null >/dev/null 2>&1 & local a=$!
        xrun create -b "$work/race" race </dev/null >/dev/null 2>&1 & local b=$!
        local won=0
        wait $a && won=$((won + 1)) || true
        wait $b && won=$((won + 1)) || true
        [ $won = 1 ] || fail "$won of two creates won"
        xrun start race & a=$!
        xrun start race 2>/dev/null & b=$!
        won=0
        wait $a && won=$((won + 1)) || true
        wait $b && won=$((won + 1)) || true
        [ $won = 1 ] || fail "$won of two starts won"
        xrun delete --force race & a=$!
        xrun delete --force race & b=$!
        wait $a; wait $b
        [ ! -e /run/xrun/race ] && [ ! -e "$(group_of race)" ] || fail 'racing deletes leave something'
    done
    note 'of two that race for one container, one wins'
}

killing() {
    script_bundle "$work/kill" 'sleep 1234' "$(own_group kill)"
    local i
    for i in {0..39}; do
        xrun create -b "$work/kill" kill </dev/null >/dev/null 2>&1 & local pid=$!
        sleep "0.0$((i / 10))$((i % 10))"
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
        xrun delete --force kill || fail "delete --force after create was killed ($i)"
        [ ! -e /run/xrun/kill ] || fail "the state is left ($i)"
        [ ! -e "$(group_of kill)" ] || fail "the cgroup is left ($i)"
    done
    check 'no init is left' until_true sh -c '! pgrep -x xrun'
    note 'a killed create leaves nothing that delete --force does not remove'
}

systemd_scopes() {
    local annotations='{"org.systemd.property.TimeoutStopSec": "uint64 5", "org.systemd.property.Documentation": "[\"man:x\"]"}'
    bundle "$work/scope" ".process.args = [\"sleep\", \"1000\"] | .linux.cgroupsPath = \"system.slice:test:scope\" | .annotations = $annotations"
    check 'create in a scope' xrun --systemd-cgroup create -b "$work/scope" scope </dev/null >/dev/null 2>&1
    equal 'its properties' 'TimeoutStopUSec=5s Slice=system.slice Delegate=yes TasksMax=infinity Documentation=man:x' \
        "$(systemctl show test-scope.scope -p TimeoutStopUSec,Documentation,Slice,Delegate,TasksMax | xargs)"
    check 'start' xrun start scope
    contains 'exec is in the scope, too' "$(xrun exec scope cat "/proc/self/cgroup")" '::/system.slice/test-scope.scope$|::/$'
    systemctl daemon-reload
    equal 'a daemon-reload changes nothing' running "$(status scope)"
    check 'delete --force' xrun delete --force scope
    equal 'the scope is gone' inactive "$(systemctl is-active test-scope.scope || true)"
    systemd-run --quiet --scope --unit=test-scope sleep 1000 &
    until_true systemctl is-active test-scope.scope
    equal 'create where the scope is taken' 1 "$(status_of xrun --systemd-cgroup create -b "$work/scope" scope)"
    equal 'delete --force of nothing' 0 "$(status_of xrun delete --force scope)"
    equal 'leaves the other scope alone' active "$(systemctl is-active test-scope.scope)"
    systemctl kill --signal=KILL test-scope.scope
    bundle "$work/scope" '.linux.cgroupsPath = "/not/for/systemd"'
    equal 'a path where systemd needs a name' 1 "$(status_of xrun --systemd-cgroup create -b "$work/scope" scope)"
    contains 'its text' "$(cat "$work/err")" 'expected .*slice:prefix:name'
}

specs() {
    mkdir -p "$work/spec"
    check 'spec' xrun spec --bundle "$work/spec"
    equal 'spec overwrites nothing' 1 "$(status_of xrun spec --bundle "$work/spec")"
    contains 'its text' "$(cat "$work/err")" 'config.json exists'
    cp -a "$work/life/rootfs" "$work/spec/rootfs"
    edit_spec '.process.terminal = false | .process.args = ["id", "-u"]'
    local runtime
    for runtime in xrun crun runc; do
        equal "a spec of ours with $runtime" 0 "$("$runtime" run --bundle "$work/spec" spec)"
    done
}

edit_spec() { jq "$1" "$work/spec/config.json" >"$work/spec/new"; cat "$work/spec/new" >"$work/spec/config.json"; }

rootless() {
    rm "$work/spec/config.json"
    chmod 0755 /tmp "$work"; chown -R 1000:1000 "$work/spec"
    as_user xrun spec --rootless --bundle "$work/spec"
    edit_spec '.process.terminal = false | .process.args = ["sh", "-c", "id -u; cat /proc/self/uid_map"]'
    equal 'a user runs a container' '0 0 1000 1' "$(as_user xrun run --bundle "$work/spec" spec | xargs)"
    edit_spec '.linux.resources.pids.limit = 5'
    equal 'limits without a cgroup are refused' 1 "$(status_of as_user xrun run --bundle "$work/spec" spec)"
}

as_user() { setpriv --reuid 1000 --regid 1000 --clear-groups env XDG_RUNTIME_DIR="$work/spec" "$@"; }

events() {
    script_bundle "$work/events" 'sleep 1000' "$(own_group events)"
    xrun run --detach -b "$work/events" events </dev/null >/dev/null 2>&1
    contains 'events --stats' "$(xrun events --stats events | jq -r '.type, .id, (.data.cpu.usage.total > 0)' | xargs)" '^stats events true$'
    xrun events --interval 50ms events >"$work/stream" &
    check 'events' until_true sh -c "[ \$(wc -l <$work/stream) -ge 3 ]"
    check 'delete --force' xrun delete --force events
    wait
    bundle "$work/events" '.linux.resources.pids.limit = 5'
    equal 'a limit without a controller' 1 "$(status_of xrun run -b "$work/events" limited)"
    contains 'its text' "$(cat "$work/err")" '/linux/resources/pids/limit: the requested cgroup controller'
    equal 'skipped if asked for' 0 "$(status_of xrun --skip-unavailable-limits run -b "$work/events" limited)"
    contains 'with a warning' "$(cat "$work/err")" 'level=warning.*/linux/resources/pids/limit: skipped'
    equal 'events end with the container' 1 "$(status_of xrun events --stats events)"
    bundle "$work/events" 'del(.process)'
    check 'create without a process' xrun create -b "$work/events" events
    equal 'is created' created "$(status events)"
    check 'start' xrun start events
    equal 'has nothing to run' stopped "$(status events)"
    check 'delete' xrun delete events
}

readiness() {
    mkdir -p "$work/ready"
    jq '.process.terminal = false | .root = {path: "/", readonly: false} |
        .process.args = ["sh", "-c", "systemd-notify --ready; exec sleep 300"]' "$data/runc-spec.json" >"$work/ready/config.json"
    check 'run in a Type=notify unit' systemd-run --quiet --unit=ready-run --property=Type=notify \
        --property=NotifyAccess=all --property=Delegate=yes xrun run --bundle "$work/ready" ready
    equal 'its main process' "$(xrun state ready | jq .pid)" "$(systemctl show --value -p MainPID ready-run)"
    check 'delete --force' xrun delete --force ready
    check 'run --detach waits' systemd-run --quiet --unit=ready-detach --property=Type=notify \
        --property=NotifyAccess=all --property=Delegate=yes xrun run --detach --bundle "$work/ready" ready
    equal 'its main process' "$(xrun state ready | jq .pid)" "$(systemctl show --value -p MainPID ready-detach)"
    check 'delete --force' xrun delete --force ready
    [ ! -e /run/xrun/ready ] || fail 'the socket is left'
}

beside_others() {
    local other
    script_bundle "$work/beside" 'id -u; pwd; cat /proc/self/status | grep -E "^(Cap|NoNewPrivs|Seccomp:|Umask)"; ls /dev | grep -v core; hostname; ulimit -n; cat /proc/self/oom_score_adj; ls /proc/self/fd | wc -l'
    xrun run -b "$work/beside" beside >"$work/xrun.out" </dev/null
    # Whether /dev/core exists where /proc/kcore does not is a matter of taste.
    for other in runc crun; do
        $other run -b "$work/beside" beside >"$work/$other.out" 2>&1 </dev/null || { note "$other does not run here"; continue; }
        equal "as $other has it" "$(cat "$work/$other.out")" "$(cat "$work/xrun.out")"
    done
}

life_cycle
exit_statuses
executing
consoles
hooks
racing
killing
systemd_scopes
events
specs
rootless
readiness
beside_others
equal 'nothing is left' '' "$(xrun list -q)"
