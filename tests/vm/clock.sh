#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Somebody sets the wall clock by an hour, forward and back. Delays, windows and timeouts count elapsed time.
. /src/tests/system/lib.sh

step() { date --set="@$(($(date +%s) + $1))" >/dev/null; }
uptime_is() { [ "$(cut -d . -f 1 /proc/uptime)" -ge "$1" ]; }
define() { # NAME SCRIPT JQ-FILTER
    script_bundle "$work/$1" "$2"
    jq -n --arg bundle "$work/$1" "{bundle: \$bundle} | $3" >"/etc/xctl/containers/$1.json"
}
# Debian's time synchronization would set the clock again.
systemctl stop systemd-timesyncd 2>/dev/null || true
mkdir -p /etc/xctl/containers

for hour in 3600 -3600; do
    # A restart is due in 40 seconds; the next daemon takes over the rest of the delay.
    define due 'exit 1' '.restart = {policy: "always", delayUSec: 40000000, multiplier: 1}'
    due=$(($(cut -d . -f 1 /proc/uptime) + 40))
    check "$hour: start" xctl start due
    check "$hour: it waits for its restart" until_true state_is due waiting
    runs=$(field due runs)
    step $hour
    systemctl restart xctld
    equal "$hour: it waits on" "waiting $runs" "$(field due state) $(field due runs)"
    check "$hour: until it is due" until_true sh -c "[ \"\$(xctl list --json | jq '.[] | select(.name == \"due\").runs')\" -gt $runs ]"
    check "$hour: not earlier" uptime_is $due
    step $((-hour))
    check "$hour: delete" xctl delete --force due

    # Two restarts within ten minutes are allowed. The clock moves between them.
    define often 'sleep 0.5; exit 1' '.restart = {policy: "always", delayUSec: 2000000, multiplier: 1, limit: 2, windowUSec: 600000000}'
    check "$hour: start" xctl start often
    for run in 2 3; do
        check "$hour: run $run" until_true sh -c "[ \"\$(xctl list --json | jq '.[] | select(.name == \"often\").runs')\" -ge $run ]"
        step $hour
    done
    check "$hour: the limit ends it" until_true sh -c "xctl list --json | jq -e '.[] | select(.name == \"often\") | .message | test(\"giving up\")'"
    equal "$hour: after three runs" 3 "$(field often runs)"
    step $((-2 * hour))
    check "$hour: delete" xctl delete --force often

    # A container that ignores its stop signal is killed when the timeout has passed.
    define deaf 'trap "" TERM; while :; do sleep 1; done' '.stop.timeoutUSec = 20000000'
    check "$hour: start" xctl start deaf
    xctl stop deaf & client=$!
    check "$hour: it is asked to stop" until_true state_is deaf stopping
    step $hour
    check "$hour: the stop ends" wait $client
    equal "$hour: by a kill" "stopped signal" "$(field deaf state) $(field deaf exitReason)"
    step $((-hour))
    check "$hour: delete" xctl delete --force deaf
done
