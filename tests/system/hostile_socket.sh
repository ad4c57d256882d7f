#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Users without rights take what they can of the varlink socket: connections, memory, descriptors. Root is answered all
# the while, others as far as there is room, and all is as before when they have left.
. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
xctld_pid() { systemctl show -P MainPID xctld; }
kilobytes() { awk '/VmRSS/ { print $2 }' "/proc/$(xctld_pid)/status"; }
descriptors() { find "/proc/$(xctld_pid)/fd" -mindepth 1 | wc -l; }
ticks() { awk '{ print $14 + $15 }' "/proc/$(xctld_pid)/stat"; }
crowd() { python3 "$here/crowd.py" "$@"; }

crowds=()
# crowd_of UID ARGUMENT...: in the background; returns when it holds what it can get.
crowd_of() {
    python3 "$here/crowd.py" "$@" >"$work/crowd.$1" 2>&1 &
    crowds+=($!)
    until_true test -s "$work/crowd.$1" || fail "no crowd of $1"
}
all_leave() { kill "${crowds[@]}" 2>/dev/null || true; wait "${crowds[@]}" 2>/dev/null || true; crowds=(); }
answers_root() { check "$1: root is answered" eval "timeout $patience xctl list >/dev/null"; }
least() { [ "$2" -ge "$3" ] || fail "$1: $2 is less than $3"; note "$1: $2"; }
most() { [ "$2" -le "$3" ] || fail "$1: $2 is more than $3"; note "$1: $2"; }
are_as_few() { [ "$(descriptors)" -le "$1" ]; }

test_order() {
    equal 'calls in a row and in pieces are answered' orderly "$(crowd 2000 orderly)"
    equal 'so are those of root' orderly "$(crowd 0 orderly)"
}

test_connections() {
    local before uid
    setpriv --reuid=2100 --clear-groups timeout $patience xctl list 2>/dev/null || true  # makes what the first call of others makes
    before=$(descriptors)
    crowd_of 2001 hold 1100 3600
    least 'one user may have' "$(cat "$work/crowd.2001")" 60
    most 'and no more than' "$(cat "$work/crowd.2001")" 64
    for uid in $(seq 2002 2012); do crowd_of "$uid" hold 80 3600; done
    most 'descriptors that a dozen users hold' $(($(descriptors) - before)) 520
    answers_root 'a crowd'
    equal 'somebody else is heard, and refused by polkit' 4 "$(status_of setpriv --reuid=2100 --clear-groups timeout $patience xctl list)"
    equal 'one of the crowd is heard as well' 4 "$(status_of setpriv --reuid=2001 --clear-groups timeout $patience xctl list)"
    all_leave
    check 'afterwards their descriptors are free' until_true are_as_few "$before"
}

test_memory() {
    local before
    before=$(kilobytes)
    crowd_of 2001 halves 60 3600
    most 'kB for calls that never end' $(($(kilobytes) - before)) 16384
    answers_root 'calls that never end'
    all_leave
    before=$(kilobytes)
    crowd_of 2002 deaf 60 3600
    most 'kB for answers that nobody reads' $(($(kilobytes) - before)) 16384
    answers_root 'answers that nobody reads'
    all_leave
    contains 'a call that is too long is told so' "$(setpriv --reuid=2003 --clear-groups timeout $patience python3 - <<'PY'
import socket
link = socket.socket(socket.AF_UNIX)
link.connect("/run/xctl/org.xctl.Containers")
link.settimeout(60)
try:
    link.sendall(b'{"method":"' + b"A" * 100000)
except OSError:
    pass
print(link.recv(1000))
PY
)" 'InvalidArgument.*65536 bytes'
    # Of root it is taken, and given back.
    before=$(kilobytes)
    crowd 0 halves 20 0 >/dev/null
    check 'memory of long calls is given back' until_true eval '[ $(($(kilobytes) - before)) -lt 32768 ]'
}

# Root's xctl itself needs a few descriptors of xctld.
test_descriptors() {
    local pid before
    mkdir -p /run/systemd/system/xctld.service.d
    printf '[Service]\nLimitNOFILE=60\n' >/run/systemd/system/xctld.service.d/few.conf
    systemctl daemon-reload
    systemctl restart xctld
    pid=$(xctld_pid)
    answers_root 'few descriptors'
    crowd_of 2001 hold 60 3600
    crowd_of 2002 hold 60 3600
    answers_root 'no descriptors are left'
    before=$(ticks)
    sleep 1
    most 'ticks of a second without descriptors' $(($(ticks) - before)) 20
    all_leave
    answers_root 'afterwards'
    equal 'and others are' 4 "$(status_of setpriv --reuid=2001 --clear-groups timeout $patience xctl list)"

    # The other socket, which only root can reach.
    python3 - >"$work/launch.connected" <<'PY' &
import socket, time
links = []
for _ in range(100):
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link.settimeout(0.2)
    try:
        link.connect("/run/xctl/launch")
    except OSError:
        break
    links.append(link)
print("connected", flush=True)
time.sleep(3600)
PY
    crowds+=($!)
    until_true test -s "$work/launch.connected" || fail 'nobody connects to the launch socket'
    before=$(ticks)
    sleep 1
    most 'ticks of a second in which the launch socket has no descriptors' $(($(ticks) - before)) 20
    all_leave
    check 'a launch by systemd works afterwards' timeout $patience systemctl start oci@web
    check 'it runs' until_true state_is web running
    systemctl stop oci@web
    equal 'it was one xctld all the time' "$pid" "$(xctld_pid)"
    rm /run/systemd/system/xctld.service.d/few.conf
    systemctl daemon-reload
    systemctl restart xctld
}

# What polkit need not be asked about: it would take the name into its question.
test_names() {
    local name
    for name in ../x '' "$(printf 'a%.0s' $(seq 200))"; do
        contains "varlink: the name '${name:0:8}' is refused before" \
            "$(setpriv --reuid=2001 --clear-groups varlinkctl call unix:/run/xctl/org.xctl.Containers org.xctl.Containers.Describe "{\"name\":\"$name\"}" 2>&1 || true)" \
            'InvalidArgument'
        contains "D-Bus: the name '${name:0:8}' is refused before" \
            "$(setpriv --reuid=2001 --clear-groups dbus-send --system --print-reply --dest=org.xctl1 /org/xctl1 org.xctl1.Manager.Describe "string:$name" 2>&1 || true)" \
            'org.xctl1.Error.InvalidArgument'
    done
}

id crowd >/dev/null 2>&1 || useradd --uid 2001 crowd  # the bus wants users to have names
script_bundle "$work/b" 'trap "exit 0" TERM; while :; do sleep 0.1; done'
check 'created' xctl create web "$work/b"
crowd 2099 patient >"$work/patient" 2>&1 &
patient=$!
for test in ${*:-order connections memory names}; do
    [ "$test" != descriptors ] || continue
    note "== $test"
    "test_$test"
done
wait $patient || fail "half a call: $(cat "$work/patient")"
least 'seconds until half a call is cut off' "$(cat "$work/patient")" 29
case " ${*:-descriptors} " in *" descriptors "*) ;; *) exit 0 ;; esac
note "== descriptors"
test_descriptors
