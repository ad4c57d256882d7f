#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Programs run in a running container: exit codes, streams, terminals, identity, many at once; that they are in the
# container's cgroup and end with it; that they survive xctld, their clients too; that a slow reader loses nothing.
. /src/tests/system/lib.sh

kill_daemon() { systemctl kill --signal=KILL --kill-whom=main xctld; until_true xctl list; }
start_box() { # [JQ-FILTER]
    script_bundle "$work/box" 'echo up; while :; do sleep 1; done' "${1:-.}"
    xctl create box "$work/box"
    xctl start box
}
no_execs() { [ -z "$(ls /run/xctl/state/box/exec 2>/dev/null)" ]; }

test_basics() {
    start_box
    equal 'what it prints' 'hello' "$(xctl exec box -- echo hello)"
    equal 'its exit code' 3 "$(status_of xctl exec box -- sh -c 'exit 3')"
    equal 'a signal' 137 "$(status_of xctl exec box -- sh -c 'kill -9 $$')"
    equal 'not found' 127 "$(status_of xctl exec box -- /no/such)"
    equal 'not executable' 126 "$(status_of xctl exec box -- /etc/passwd)"
    contains 'which is said' "$(xctl exec box -- /no/such 2>&1 || true)" '/no/such'
    equal 'a command is needed' 125 "$(status_of xctl exec box)"
    xctl exec box -- sh -c 'echo out; echo err >&2' >"$work/o" 2>"$work/e"
    equal 'streams apart' 'out err' "$(cat "$work/o") $(cat "$work/e")"
    equal 'input' 'a b' "$(printf 'a b' | xctl exec -i box -- cat)"
    equal 'no input unless asked for' '' "$(echo lost | xctl exec box -- cat)"
    equal 'user and group' '1000:100' "$(xctl exec --user=1000:100 box -- sh -c 'echo $(id -u):$(id -g)')"
    equal 'directory' /tmp "$(xctl exec --cwd=/tmp box -- pwd)"
    equal 'one that is not there' 125 "$(status_of xctl exec --cwd=/typo/below box -- pwd)"
    contains 'which is said' "$(cat "$work/err")" '/typo/below.*No such file or directory'
    equal 'and not made' '' "$(xctl exec box -- sh -c 'ls -d /typo 2>/dev/null' || true)"
    equal 'the umask of nobody' 0022 "$(umask 0077; xctl exec box -- sh -c umask)"
    equal 'its output can be opened again' 'again' "$(xctl exec --user=1000 box -- sh -c 'echo again >/dev/stdout' | cat)"
    equal 'variables' '1 x=y' "$(xctl exec -e A=1 --env=B=x=y box -- sh -c 'echo $A $B')"
    equal 'a variable needs a name' 125 "$(status_of xctl exec -e nonsense box -- true)"
    equal 'inside its namespaces' "$(readlink "/proc/$(field box pid)/ns/mnt" "/proc/$(field box pid)/ns/pid" "/proc/$(field box pid)/ns/net")" \
        "$(xctl exec box -- sh -c 'for n in mnt pid net; do readlink /proc/self/ns/$n; done')"
    xctl exec -d box -- sleep 1234 >"$work/id"
    contains 'detached, it says what it is' "$(cat "$work/id")" '^[0-9a-f]{16}$'
    local pid
    until_true eval 'xctl ps box --json | jq -e "any(.[]; .command == \"sleep 1234\")"' || fail 'it does not run'
    pid=$(xctl ps box --json | jq '.[] | select(.command == "sleep 1234") | .pid')
    contains 'it is in the cgroup of its container' "$(cat "/proc/$pid/cgroup")" 'xctl-box.scope/payload'
    kill "$pid"
    check 'what is over is forgotten' until_true no_execs
    xctl delete --force box
}

test_terminal() {
    start_box
    cat >"$work/driver" <<'PY'
import os, pty, subprocess, sys, termios
master, slave = pty.openpty()
termios.tcsetwinsize(master, (30, 90))
child = subprocess.Popen(['xctl', 'exec', '-t', 'box', '--', 'sh', '-c', 'echo ready; read x; echo got $x; stty size; exit 5'],
                         stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
os.close(slave)
seen = b''
sent = False
while True:
    try:
        piece = os.read(master, 4096)
    except OSError:
        break
    if not piece:
        break
    seen += piece
    if not sent and b'ready' in seen:
        os.write(master, b'typed\r')
        sent = True
    if b'90' in seen and child.poll() is not None:
        break
print(seen.decode().replace('\r', ''))
sys.exit(child.wait())
PY
    local status=0
    timeout $patience python3 "$work/driver" >"$work/out" || status=$?
    equal 'its exit code through a terminal' 5 $status
    contains 'what was typed reached it' "$(cat "$work/out")" 'got typed'
    contains 'its terminal is as large as ours' "$(cat "$work/out")" '^30 90$'
    xctl delete --force box
}

test_without_dev() {
    script_bundle "$work/bare" 'while :; do sleep 0.2; done' '.mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
    xctl create bare "$work/bare"
    xctl start bare
    equal 'a terminal in a container without /dev/pts' 'a terminal' \
        "$(timeout $patience xctl exec -t bare -- sh -c '[ -t 0 ] && echo a terminal' </dev/null 2>&1 | tr -d '\r')"
    xctl delete --force bare
}

test_listing() {
    start_box
    equal 'none runs' '[]' "$(xctl execs box --json)"
    xctl exec -d -t box -- sleep 4321 >"$work/id"
    listed() { xctl execs box --json | jq -r '.[] | "\(.id) \(.command) \(.terminal) \(.attached)"'; }
    check 'it is listed' until_true eval '[ "$(listed)" = "$(cat "$work/id") sleep 4321 true 0" ]'
    contains 'for people, too' "$(xctl execs box)" "^$(cat "$work/id") +[0-9]+ +yes +0 +sleep 4321"
    kill_daemon
    equal 'the next daemon knows it' "$(cat "$work/id") sleep 4321 true 0" "$(listed)"
    kill "$(xctl execs box --json | jq '.[0].pid')"
    check 'it is not listed when it has ended' until_true eval '[ -z "$(listed)" ]'
    xctl delete --force box
}

test_many() {
    start_box
    local i pids=()
    for i in {1..12}; do
        (status=0; xctl exec box -- sh -c "sleep 0.$((i % 5)); echo $i; exit $i" >"$work/many.$i" || status=$?; echo "$status" >"$work/status.$i") &
        pids+=($!)
    done
    wait "${pids[@]}"
    for i in {1..12}; do
        [ "$(cat "$work/many.$i") $(cat "$work/status.$i")" = "$i $i" ] || fail "number $i: $(cat "$work/many.$i" "$work/status.$i")"
    done
    note 'each has its own output and exit code'
    xctl delete --force box
}

test_end() {
    start_box
    local status=0
    xctl exec box -- sleep 1000 & local client=$!
    until_true eval 'xctl ps box --json | jq -e "any(.[]; .command == \"sleep 1000\")"' || fail 'it does not run'
    xctl stop box --timeout=0
    wait $client || status=$?
    equal 'it ends with its container' 137 $status
    equal 'none in a container that does not run' 125 "$(status_of xctl exec box -- true)"
    xctl delete box
    equal 'none in one that is not there' 125 "$(status_of xctl exec box -- true)"
}

test_daemon_dies() {
    start_box
    local status=0
    xctl exec -i box -- sh -c 'echo one; read x; echo $x; sleep 2; echo three; exit 9' <<<two >"$work/out" & local client=$!
    check 'it has begun' until_true eval 'grep -qx two "$work/out"'
    kill_daemon
    wait $client || status=$?
    equal 'its client has its exit code' 9 $status
    equal 'and all that it printed' 'one two three' "$(paste -sd' ' "$work/out")"

    # One that ends while there is no daemon.
    status=0
    xctl exec box -- sh -c 'echo begun; sleep 1333; echo ended; exit 4' >"$work/out" & client=$!
    check 'it has begun' until_true eval 'grep -qx begun "$work/out"'
    systemctl stop xctld xctld.socket
    pkill -f '^sleep 1333'
    check 'it has ended without a daemon' until_true eval '! pgrep -f "^sh -c echo begun"'
    systemctl start xctld.socket xctld
    wait $client || status=$?
    equal 'its exit code is known' 4 $status
    equal 'and its last words' 'begun ended' "$(paste -sd' ' "$work/out")"
    check 'nothing is left' until_true no_execs
    xctl delete --force box
}

# As a part of a pipeline: many times what the ring holds, to a reader that dawdles, and a daemon that dies meanwhile.
test_lossless() {
    start_box
    local sum
    sum=$(xctl exec box -- sh -c 'i=0; while [ $i -lt 64 ]; do dd if=/dev/zero bs=65536 count=4 2>/dev/null; echo $i; i=$((i + 1)); done' |
        { sleep 1; cat; } | md5sum)
    equal 'a slow reader loses nothing' \
        "$(sh -c 'i=0; while [ $i -lt 64 ]; do dd if=/dev/zero bs=65536 count=4 2>/dev/null; echo $i; i=$((i + 1)); done' | md5sum)" "$sum"
    xctl exec box -- seq 1 400000 >"$work/numbers" & local client=$!
    sleep 0.2
    kill_daemon
    wait $client || fail "exec failed with $?"
    check 'not through a killed daemon either' cmp "$work/numbers" <(seq 1 400000)
    check 'input is as long as it likes' eval 'seq 1 300000 | xctl exec -i box -- cat | cmp - <(seq 1 300000)'
    xctl delete --force box
}

test_placements() {
    bundle "$work/unit"
    jq '.process.args = ["sleep", "1000"]' "$work/unit/config.json" >"$work/x" && cp "$work/x" "$work/unit/config.json"
    xctl create unit "$work/unit"
    systemctl start oci@unit
    equal 'in a unit' 'in unit 6' "in unit $(status_of xctl exec unit -- sh -c 'exit 6')"
    systemctl stop oci@unit
    check 'xctld may hear of it later, and deletes it all the same' xctl delete unit
    mkdir -p "$work/private/home"
    echo mine >"$work/private/home/file"
    chown 1234 "$work/private"
    chmod 700 "$work/private"
    start_box '.linux.namespaces += [{"type": "user"}, {"type": "cgroup"}] |
        .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] | .linux.gidMappings = .linux.uidMappings |
        .mounts = [.mounts[] | select(.destination != "/sys/fs/cgroup")]
            + [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"]},
               {"destination": "/tmp", "type": "bind", "source": "'"$work"'/private/home", "options": ["bind"]}]'
    equal 'which has a directory of another user'"'"'s' mine "$(xctl exec box -- cat /tmp/file)"
    equal 'output can be opened again' 'again' "$(xctl exec --user=1000 box -- sh -c 'echo again >/dev/stdout' | cat)"
    equal 'in a user namespace' '0 100000' "$(xctl exec box -- id -u) $(xctl exec box -- awk '{print $2}' /proc/self/uid_map)"
    equal 'whose root has its cgroup' 0 "$(xctl exec box -- stat -c %u /sys/fs/cgroup)"
    equal 'with its exit code' 8 "$(status_of xctl exec box -- sh -c 'exit 8')"
    xctl delete --force box
}

# let_go PID: lets a hook of the container end while somebody waits for that.
let_go() {
    sleep 0.3
    check 'it is waited for' kill -0 "$1"
    touch "$work/box/rootfs/go"
}
start_slowly() {
    rm -f "$work/box/rootfs/go"
    xctl start box & start=$!
    check 'it is about to run' until_true state_is box starting
}

# As right after `systemctl start`, which systemd ends a moment before the program runs.
test_starting() {
    script_bundle "$work/box" 'while :; do sleep 1; done' \
        '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "while [ ! -e /go ]; do sleep 0.1; done"]}]'
    xctl create box "$work/box"
    local start
    start_slowly
    xctl exec box -- sh -c 'exit 5' & local client=$! status=0
    let_go $client
    wait $client || status=$?
    equal 'which exec waits for' 5 $status
    check 'it was started' wait $start
    xctl stop box
    start_slowly
    xctl pause box & client=$!
    let_go $client
    check 'pause waits as well' wait $client
    wait $start
    xctl resume box
    xctl stop box
    start_slowly
    xctl kill box KILL & client=$!
    let_go $client
    check 'so does kill' wait $client
    check 'and its start has succeeded' wait $start
    check 'it has ended' until_true state_is box stopped
    equal 'since its program was killed' 'signal 9' "$(field box exitReason) $(field box exitStatus)"
    xctl delete --force box

    script_bundle "$work/box" 'while :; do sleep 1; done' \
        '.hooks.poststart = [{path: "/usr/bin/xctl", args: ["xctl", "exec", "box", "--", "true"]}]'
    xctl create box "$work/box"
    contains 'a hook that its start waits for does not wait for its start' \
        "$(timeout $patience xctl start box 2>&1 || echo "status $?")" 'status 10'
    xctl delete --force box
}

test_wire() {
    start_box
    contains 'over D-Bus' "$(busctl call org.xctl1 /org/xctl1 org.xctl1.Manager Exec 'sasa{sv}' box 1 true 0 2>&1 || true)" '[0-9a-f]{16}|^sh'
    contains 'over varlink' "$(varlinkctl call --json=short unix:/run/xctl/org.xctl.Containers org.xctl.Containers.Exec '{"name": "box", "command": ["/no/such"]}' 2>&1 || true)" 'LaunchFailed'
    xctl delete --force box
}

mkdir -p /etc/xctl/containers
for test in ${*:-basics terminal without_dev listing many end daemon_dies lossless placements starting wire}; do
    note "== $test"
    "test_$test"
done
