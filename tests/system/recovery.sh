#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon goes away in every other way: restarted, stopped for a while, killed while a container starts, ends or
# waits for its restart; its definition is taken away; PID 1 is executed anew. Containers and what they say go on.
. "$(dirname "$0")/lib.sh"

printing='n=0; while [ ! -e /stop/now ]; do n=$((n+1)); echo "line $n"; sleep 0.05; done; exit 17'
mkdir -p "$work/stop"
export stop="$work/stop"
share='.mounts += [{destination: "/stop", source: env.stop, type: "bind", options: ["bind", "ro"]}]'

script_bundle "$work/calm" "$printing" "$share"
check "created" xctl create calm "$work/calm"
check "started" xctl start calm
pid=$(field calm pid)

check "systemctl restart" systemctl restart xctld
equal "the container is the same" "$pid" "$(field calm pid)"
check "daemon-reexec" systemctl daemon-reexec
check "daemon-reload" systemctl daemon-reload
equal "the container is the same" "$pid" "$(field calm pid)"
check "systemctl stop" systemctl stop xctld.socket xctld-launch.socket xctld.service
sleep 0.5
check "the container runs without the daemon" kill -0 "$pid"
check "systemctl start" systemctl start xctld.socket xctld-launch.socket
equal "the container is the same" "$pid" "$(field calm pid)"
check "the daemon may be killed while PID 1 is executed anew" sh -c 'systemctl kill -s KILL xctld; systemctl daemon-reexec'
equal "the container is the same" "$pid" "$(field calm pid)"

# --- its definition is taken away while it runs and nobody looks
mv /etc/xctl/containers/calm.json "$work/calm.json"
systemctl kill -s KILL xctld
equal "it is still there" "$pid" "$(field calm pid)"
xctl attach --observe calm >"$work/calm.out" 2>/dev/null & client=$!
until_true sh -c '[ "$(xctl list --json | jq ".[0].attached")" = 1 ]' || fail "attach"
touch "$stop/now"
r=0; wait "$client" || r=$?
equal "its end is told" 17 "$r"
lines=$(sed -n 's/^line //p' "$work/calm.out")
equal "with all that it printed in all that time" "$(seq 1 "$(printf '%s\n' "$lines" | wc -l)" | sha256sum)" \
    "$(printf '%s\n' "$lines" | sha256sum)"
check "without a definition it goes when it has stopped" until_true sh -c '[ "$(xctl list --json)" = "[]" ]'
rm "$stop/now"

# --- killed at random moments of a start: what was asked for is there in the end, once
script_bundle "$work/begin" 'echo began; exec sleep 1000'
check "created" xctl create begin "$work/begin"
began_more_than() { [ "$(xctl logs begin | grep -c began)" -gt "$1" ]; } # TIMES
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
    before=$(xctl logs begin | grep -c began || true)
    xctl start begin >/dev/null 2>&1 &
    sleep "0.00$round"
    systemctl kill -s KILL xctld
    wait "$!" || true
    # The call may have died before the daemon read it; then nothing was asked for.
    state=$(field begin state)
    if [ "$state" != running ]; then
        case $state in created | stopped) xctl start begin ;; *) until_true state_is begin running || fail "round $round: it is $(field begin state)" ;; esac
    fi
    until_true began_more_than "$before" || fail "round $round: it prints nothing"
    until_true pgrep -f '^sleep 1000$' || fail "round $round: it does not run"
    sleep 0.3
    equal "round $round: it began once" $((before + 1)) "$(xctl logs begin | grep -c began)"
    equal "round $round: one process" 1 "$(pgrep -fc '^sleep 1000$')"
    xctl stop begin --timeout=0 || fail "stop"
done
note "a start survives the daemon"

# --- killed while a restart is due: it still comes
script_bundle "$work/again" 'echo run; sleep 0.2; exit 1'
jq -n --arg bundle "$work/again" '{bundle: $bundle, restart: {policy: "always", delayUSec: 1500000, multiplier: 1}}' \
    >/etc/xctl/containers/again.json
check "a definition written by hand is known" xctl start again
until_true state_is again waiting || fail "it should wait for its restart"
runs=$(field again runs)
systemctl kill -s KILL xctld
check "it is started again by the next daemon" until_true sh -c "[ \"\$(xctl list --json | jq '.[] | select(.name == \"again\").runs')\" -gt $runs ]"
check "stopped while waiting" sh -c 'xctl stop again && [ "$(xctl list --json | jq -r ".[] | select(.name == \"again\").state")" = stopped ]'

# --- a container that goes when it stops, ending while there is no daemon
script_bundle "$work/gone" 'exec sleep 1777'
check "run --rm -d" xctl run -d --rm gone "$work/gone"
until_true pgrep -f '^sleep 1777$' || fail "it does not run"
systemctl stop xctld.socket xctld-launch.socket xctld.service
pkill -KILL -f '^sleep 1777$'
check "it has ended" until_true eval "! pgrep -f '^sleep 1777\$'"
systemctl start xctld.socket xctld-launch.socket
check "it is gone with the next daemon, soon" until_true sh -c 'xctl list --json | jq -e "all(.name != \"gone\")" >/dev/null'

# --- its state directory is removed under the daemon
script_bundle "$work/bare" 'i=0; while :; do i=$((i + 1)); echo "count $i"; sleep 0.1; done'
check "created" xctl create bare "$work/bare"
check "started" xctl start bare
printed() { xctl logs "$1" | grep -q "^count $2\$"; }
until_true printed bare 3 || fail "it prints"
rm -r /run/xctl/state
check "stop" xctl stop --timeout=0 bare
equal "how it ended is known" "stopped signal" "$(field bare state) $(field bare exitReason)"
check "what it printed is kept" printed bare 3
check "start" xctl start bare
check "it prints again" until_true sh -c '[ "$(xctl logs bare | grep -c "^count 1\$")" = 2 ]'
journalctl --sync
equal "the removal was logged once" 1 "$(journalctl -u xctld -o cat | grep -c 'bare: its state directory was removed')"
pid=$(field bare pid)
systemctl kill -s KILL xctld
equal "the next daemon knows the run" "running $pid" "$(field bare state) $(field bare pid)"
check "and what the first run printed" sh -c '[ "$(xctl logs bare | grep -c "^count 1\$")" = 2 ]'
