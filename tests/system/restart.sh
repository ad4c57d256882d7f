#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Restart policies of containers in scopes: when each of them restarts; that delays grow up to their maximum, and start
# anew after a person's start; the limit within a window; stop and start while waiting; that a waiting container is
# still waiting after xctld was restarted or killed; and what counts as failure.
. /src/tests/system/lib.sh

# define NAME RESTART-JSON SCRIPT
define() {
    script_bundle "$work/$1" "$3"
    jq -n --arg bundle "$work/$1" --argjson restart "$2" '{$bundle, $restart}' >"/etc/xctl/containers/$1.json"
}
restarts_reach() { [ "$(field "$1" restarts)" -ge "$2" ]; }
# delay NAME RESTARTS: how far after the exit the next start is, in milliseconds, once it waits for this restart.
delay() {
    local filter="select(.name == \"$1\" and .state == \"waiting\" and .restarts == $2) | (.nextStart - .exited) / 1000 | floor"
    until_true eval 'sample=$(xctl list --json | jq -e ".[] | $filter")' || sample=never
    echo "$sample"
}
exit_of() { echo "$(field "$1" exitReason) $(field "$1" exitStatus)"; }
# between WHAT LOW HIGH ACTUAL
between() { [ "$4" != never ] && [ "$4" -ge "$2" ] && [ "$4" -le "$3" ] || fail "$1: expected $2..$3, got '$4'"; note "$1"; }

# ends_as NAME POLICY SCRIPT EXPECTED: what becomes of a container, "stopped" or "again".
ends_as() {
    define "$1" "{\"policy\": \"$2\", \"delayUSec\": 50000}" "$3"
    xctl start "$1"
    if [ "$4" = again ]; then
        check "$2, $3: again" until_true restarts_reach "$1" 2
    else
        check "$2, $3: ends" until_true state_is "$1" stopped
        sleep 0.4
        equal "$2, $3: once" '1 0' "$(field "$1" runs) $(field "$1" restarts)"
    fi
    xctl delete --force "$1"
}

test_policies() {
    ends_as p1 no 'sleep 0.1; exit 1' stopped
    ends_as p2 on-failure 'sleep 0.1; exit 1' again
    ends_as p3 on-failure 'sleep 0.1; exit 0' stopped
    ends_as p4 always 'sleep 0.1; exit 0' again
    ends_as p5 always 'sleep 0.1; exit 255' again

    # A signal is a failure, whoever sent it, unless it was sent by stop.
    define signal '{"policy": "on-failure", "delayUSec": 50000}' 'sleep 1000'
    xctl start signal
    xctl kill signal KILL
    check 'on-failure, killed: again' until_true eval 'state_is signal running && restarts_reach signal 1'
    equal 'the exit before it is on record' 'signal 9' "$(exit_of signal)"
    kill -KILL "$(field signal pid)"
    check 'on-failure, killed from outside: again' until_true eval 'state_is signal running && restarts_reach signal 2'
    xctl stop signal --timeout=0
    sleep 0.3
    equal 'stopped by somebody, though killed in the end: stays' 'stopped signal 9' "$(field signal state) $(exit_of signal)"
    xctl delete signal
}

test_delays() {
    define slow '{"policy": "always", "delayUSec": 2000000, "multiplier": 2.5, "maxDelayUSec": 8000000}' 'exit 5'
    xctl start slow || true
    # A busy xctld may count from a later moment, but not by the difference of two delays. Without a maximum the third
    # would be 12500.
    local expected restarts=0
    for expected in 2000 5000 8000 8000; do
        between "restart $((restarts + 1)) comes after $expected ms" $((expected - 5)) $((expected + 2500)) "$(delay slow $restarts)"
        restarts=$((restarts + 1))
    done
    equal 'waiting is stopped, for OCI' stopped "$(xctl state slow --json | jq -r .status)"
    equal 'why it waits' 'exited 5' "$(exit_of slow)"
    contains 'xctl state shows when it goes on' "$(xctl state slow)" 'Next start: .*\(in '
    equal 'there is no scope meanwhile' '' "$(field slow unit)"

    # A person's start counts from the beginning.
    xctl start slow || true
    between 'and with the first delay' 1995 4500 "$(delay slow 0)"
    xctl delete --force slow
}

test_limit() {
    define limit '{"policy": "on-failure", "delayUSec": 20000, "multiplier": 1, "limit": 3, "windowUSec": 60000000}' 'echo run; exit 2'
    xctl start limit || true
    check 'the limit ends it' until_true state_is limit failed
    sleep 0.5
    equal 'one start and three restarts' '4 3' "$(field limit runs) $(field limit restarts)"
    equal 'each ran' 4 "$(xctl logs limit | grep -c run)"
    contains 'the message says so' "$(field limit message)" 'restarted 3 times within 60 s, giving up'
    contains 'xctl state says so' "$(xctl state limit)" 'giving up'
    contains 'xctl why says so' "$(xctl why limit)" 'exited with 2, .*; restarted 3 times within 60 s, giving up'
    equal 'for OCI it is stopped' stopped "$(xctl state limit --json | jq -r .status)"
    systemctl kill --signal=KILL --kill-whom=main xctld
    equal 'the next xctld knows as well' failed "$(field limit state)"
    contains 'and why' "$(xctl why limit)" 'giving up'
    equal 'wait returns at once' 2 "$(status_of timeout $patience xctl wait limit)"
    check 'stop has nothing to do' xctl stop limit
    equal 'its exit is the last run'"'s" 'exited 2' "$(exit_of limit)"
    equal 'nothing more is planned' 0 "$(field limit nextStart)"
    xctl start limit || true
    check 'a person may start it again' until_true eval 'state_is limit failed && [ "$(field limit runs)" = 8 ]'
    xctl delete limit

    # Restarts that have left the window do not count.
    define window '{"policy": "always", "delayUSec": 300000, "multiplier": 1, "limit": 3, "windowUSec": 500000}' 'exit 2'
    xctl start window || true
    check 'slow restarts go on beyond the limit' until_true restarts_reach window 6
    xctl delete --force window
}

# A policy whose restarts do not come while we look.
hourly='{"policy": "always", "delayUSec": 3600000000, "maxDelayUSec": 3600000000}'

test_while_waiting() {
    define wait "$hourly" 'trap "exit 0" TERM; read -r word </word; [ "$word" = go ] || exit 4; echo runs; while :; do sleep 0.1; done'
    echo no >"$work/wait/rootfs/word"
    xctl start wait || true
    check 'it waits' until_true state_is wait waiting
    xctl wait wait & local waiter=$!
    sleep 0.3
    check 'wait does not return while it waits' kill -0 $waiter
    local before status=0
    before=$(field wait nextStart)
    systemctl restart xctld
    equal 'a restarted xctld waits on, for the same moment' "waiting $before" "$(field wait state) $(field wait nextStart)"
    systemctl kill --signal=KILL --kill-whom=main xctld
    sleep 0.5
    equal 'a killed one as well' "waiting $before" "$(field wait state) $(field wait nextStart)"
    check 'stop while it waits' timeout $patience xctl stop wait
    equal 'it is stopped' 'stopped 0' "$(field wait state) $(field wait nextStart)"
    equal 'with the record of its last run' 'exited 4' "$(exit_of wait)"
    wait $waiter || status=$?
    equal 'now wait returns' 4 $status
    sleep 0.5
    equal 'it stays stopped' stopped "$(field wait state)"

    xctl start wait || true
    check 'it waits again' until_true state_is wait waiting
    echo go >"$work/wait/rootfs/word"
    check 'start while it waits' timeout $patience xctl start wait
    equal 'it runs' running "$(field wait state)"
    equal 'without counting as a restart' 0 "$(field wait restarts)"
    xctl kill wait KILL
    check 'it waits' until_true state_is wait waiting
    check 'restart while it waits' timeout $patience xctl restart wait
    equal 'it runs' running "$(field wait state)"
    [ "$(status_of xctl delete wait)" = 9 ] || fail 'it could be deleted while it runs'
    xctl stop wait
    xctl start wait
    until_true eval '[ "$(xctl logs wait | grep -c runs)" = 3 ]' || fail 'it did not run three times'
    echo no >"$work/wait/rootfs/word"
    xctl kill wait KILL
    check 'it waits' until_true state_is wait waiting
    equal 'kill while it waits: there is nothing to kill' 9 "$(status_of xctl kill wait)"
    equal 'delete while it waits needs force' 9 "$(status_of xctl delete wait)"
    check 'delete by force' xctl delete --force wait
    equal 'it is gone' '' "$(field wait name)"
}

# What the definition says while the next start is awaited counts at once.
test_policy_changes() {
    define change "$hourly" 'exit 1'
    xctl start change || true
    check 'it waits' until_true state_is change waiting
    xctl set change restart.delayUSec=300ms
    check 'a shorter delay' until_true restarts_reach change 1
    xctl set change restart.delayUSec=1h
    check 'it waits' until_true state_is change waiting
    xctl set change restart.policy=no
    equal 'no policy any more' 'stopped 0' "$(field change state) $(field change nextStart)"
    xctl set change restart.policy=always
    equal 'which is not taken back' stopped "$(field change state)"
    xctl start change || true
    check 'it waits' until_true state_is change waiting
    systemctl stop xctld.socket xctld-launch.socket xctld.service 2>/dev/null
    echo '{"restart": {"policy": "no"}}' >/etc/xctl/containers/change.json.d/90-late.json
    systemctl start xctld.socket
    equal 'also one that changed while there was no xctld' stopped "$(field change state)"
    xctl delete change
}

# A launch that fails is an error for a person, and a failed run for the policy.
test_failed_launch() {
    define launch '{"policy": "on-failure", "delayUSec": 50000, "multiplier": 1, "limit": 3}' 'exit 1'
    jq '.process.args = ["/no/such"]' "$work/launch/config.json" >"$work/x" && cp "$work/x" "$work/launch/config.json"
    equal 'a person is told at once' 10 "$(status_of xctl start launch)"
    sleep 0.5
    equal 'it is not tried again' 'stopped launch-failed 1' "$(field launch state) $(field launch exitReason) $(field launch runs)"

    define later '{"policy": "on-failure", "delayUSec": 100000, "multiplier": 1, "limit": 3}' 'sleep 0.3; exit 1'
    xctl start later
    mv "$work/later/rootfs/bin/sh" "$work/later/rootfs/bin/hidden"
    check 'a restart that cannot be launched is tried again, up to the limit' until_true state_is later failed
    equal 'as often as the limit says' '4 launch-failed' "$(field later runs) $(field later exitReason)"
    contains 'the message says both' "$(field later message)" 'exec: "sh".*giving up'
    xctl delete later
    xctl delete launch
}

mkdir -p /etc/xctl/containers
for test in ${*:-policies delays limit while_waiting policy_changes failed_launch}; do
    note "== $test"
    "test_$test"
done
