#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Callers ask for what may take as long as a container runs, and leave: waits, events, streams, on varlink and on D-Bus.
# Nothing is kept for them, and those who stay are answered.
. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
xctld_pid() { systemctl show -P MainPID xctld; }
kilobytes() { awk '/VmRSS/ { print $2 }' "/proc/$(xctld_pid)/status"; }
descriptors() { find "/proc/$(xctld_pid)/fd" -mindepth 1 | wc -l; }
leave() { python3 "$here/leavers.py" web "$@"; }
wait_on_bus() { exec busctl --timeout=infinity --json=short call org.xctl1 /org/xctl1 org.xctl1.Manager Wait s web; }
call() { busctl --timeout=infinity --json=short call org.xctl1 /org/xctl1 org.xctl1.Manager "$@"; }
# settled COMMAND...: what it prints, once that stays the same for half a second.
settled() {
    local now=none before
    until before=$now; now=$("$@"); [ "$now" = "$before" ]; do sleep 0.5; done
    echo "$now"
}
has_grown_less() { now=$(kilobytes) && [ $((now - before)) -lt "$1" ]; } # KB
# grows_less KB COMMAND...
grows_less() {
    local limit=$1 before now; shift
    before=$(kilobytes)
    "$@"
    until_true has_grown_less "$limit" || fail "$*: xctld grew by $((now - before)) kB"
    note "$*: xctld grew by $((now - before)) kB"
}
are_as_few() { [ "$(descriptors)" -le "$1" ]; }

script_bundle "$work/b" 'trap "exit 7" TERM; while :; do sleep 0.1; done'
check 'created' xctl create web "$work/b"
check 'started' xctl start web

# Those who stay.
xctl wait web >/dev/null & varlink=$!
wait_on_bus >"$work/bus" & bus=$!
xctl events --json >"$work/events" & events=$!
has_called() { ls -l "/proc/$1/fd" | grep -q socket; } # PID
for pid in $varlink $bus $events; do until_true has_called "$pid" || fail "client $pid does not call"; done
leave wait 1000
leave stats 200
few=$(settled descriptors)

grows_less 3000 leave wait 20000
grows_less 3000 leave stats 2000
grows_less 3000 leave events 2000
check 'their descriptors are free' until_true are_as_few "$few"

for method in Events 'FollowStats sa{sv} web 1 intervalUSec t 3600000000'; do
    for n in $(seq 100); do
        # shellcheck disable=SC2086
        call $method >/dev/null || fail "D-Bus: $method"
    done
    check "D-Bus: streams of ${method%% *} are closed with their readers" until_true are_as_few "$few"
done

# Callers on D-Bus who wait, and end: the bus tells of it.
matches() {
    busctl --json=short call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus.Debug.Stats \
        GetConnectionStats s org.xctl1 | jq -r '.data[0].MatchRules.data'
}
before=$(settled matches)
for n in $(seq 20); do wait_on_bus >/dev/null 2>&1 & killed[n]=$!; done
check 'a match for each who waits' until_true eval '[ "$(matches)" -gt "$before" ]'
kill "${killed[@]}"
wait "${killed[@]}" 2>/dev/null || true
check 'and none when they have left' until_true eval '[ "$(matches)" -le "$before" ]'

xctl stop web >/dev/null
wait $varlink && fail 'xctl wait hides the status'
wait $bus || fail 'Wait on D-Bus has failed'
contains 'a wait on D-Bus is answered' "$(cat "$work/bus")" '"exitStatus".*"data":7'
check 'events are heard' until_true grep -q '"stopped"' "$work/events"
kill $events
