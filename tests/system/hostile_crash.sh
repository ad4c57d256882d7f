#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the last daemon left may disagree: record, parking lot, unit, definition, mark. One check for each row of the
# table "After a crash" in docs/ARCHITECTURE.md. Each disagreement is made by hand while there is no daemon.
. "$(dirname "$0")/lib.sh"

stop_daemon() { systemctl stop xctld.socket xctld-launch.socket xctld.service; }
# systemd limits how often a socket is started.
start_daemon() {
    systemctl reset-failed xctld.socket xctld-launch.socket
    systemctl start xctld.socket xctld-launch.socket
    xctl list >/dev/null
}
record() { echo "/run/xctl/state/$1/record.json"; }
edit_record() { # NAME JQ-FILTER
    jq "$2" "$(record "$1")" >"$work/record"
    cp "$work/record" "$(record "$1")"
}
another_life='.life = "0123456789abcdef"'
absent() { xctl list --json | jq -e --arg name "$1" 'all(.name != $name)' >/dev/null; }
sleepers() { pgrep -fc "^sleep $1\$" || true; }
sleep_once() { [ "$(sleepers "$1")" = 1 ]; }
in_journal() { journalctl --sync; journalctl -u xctld -o cat --no-pager | grep -Eq -- "$1"; }

# Each container sleeps for a number of seconds that is its own, so that its processes can be counted.
sleeper() { # NAME SECONDS [OPTION...]
    script_bundle "$work/$1" "trap 'exit 143' TERM; sleep $2 & wait"
    xctl create "$1" "$work/$1" "${@:3}" || fail "create $1"
}

# --- a name that was deleted and created again is another life
for name in other1 other2 other3 other4; do
    sleeper "$name" 9000
    xctl start "$name" || fail "start $name"
done
for round in 1 2 3 4; do
    for name in ghost mayfly; do
        sleeper "$name" 9001 --restart=always
        xctl start "$name" && xctl stop --timeout=0 "$name" && xctl delete "$name" || fail "a short life"
    done
    sleeper mayfly 9001 --restart=always
    stop_daemon
    start_daemon
    sleep 0.3
    check "round $round: what was deleted stays deleted" absent ghost
    equal "round $round: what was only created is only created" "created 0" "$(field mayfly state) $(field mayfly runs)"
    equal "round $round: with no history" "[]" "$(xctl history mayfly --json)"
    xctl delete mayfly || fail "delete mayfly"
done
check "nothing tells of a deleted one" eval '! in_journal "definition of .(ghost|mayfly)"'

# --- the record says that it runs; the entry is of another life
sleeper lost 9002
xctl start lost || fail "start lost"
xctl exec lost -- sleep 9003 & client=$!
until_true sh -c 'pgrep -f "^sleep 9003$"' || fail "exec"
stop_daemon
edit_record lost "$another_life"
start_daemon
check "a run without descriptors is ended" until_true state_is lost stopped
equal "nobody knows how it ended" unknown "$(field lost exitReason)"
contains "and it is said why" "$(xctl why lost)" 'xctld lost its descriptors while it ran'
equal "no process goes on" "0 0" "$(sleepers 9002) $(sleepers 9003)"
wait "$client" || true
check "no untrue reason is logged" eval '! in_journal "stopped before it ran"'

# --- the same with a policy and a program that heeds no SIGTERM: the policy is asked once systemd has killed it
script_bundle "$work/stubborn" "trap '' TERM; while :; do sleep 0.2; done"
xctl create stubborn "$work/stubborn" --restart=always || fail "create stubborn"
xctl set stubborn stop.timeoutUSec=1s || fail "set stubborn"
xctl start stubborn || fail "start stubborn"
old=$(field stubborn pid)
stop_daemon
edit_record stubborn "$another_life"
start_daemon
check "its policy starts it again" until_true sh -c \
    "[ \"\$(xctl list --json | jq -r '.[] | select(.name == \"stubborn\") | .state + \" \" + (.pid != $old | tostring)')\" = 'running true' ]"
check "the old run is gone" sh -c "[ ! -d /proc/$old ]"
xctl delete --force stubborn || fail "delete stubborn"

# --- the record says that it starts: it is launched again, once
sleeper begin 9004
xctl start begin || fail "start begin"
stop_daemon
edit_record begin "$another_life | .machine.state = \"starting\""
start_daemon
check "a start that was asked for happens" until_true state_is begin running
check "one process" until_true sleep_once 9004

# --- the record says that it waits or has stopped; the entry says otherwise
for state in stopped waiting; do
    sleeper "$state" 9005 --restart=always
    xctl start "$state" || fail "start $state"
    stop_daemon
    edit_record "$state" ".machine.state = \"$state\" | .machine.nextStartMonotonic = 4000000000000000"
    start_daemon
    equal "the record counts" "$state" "$(field "$state" state)"
    check "what is left of the run is ended" until_true sh -c '! pgrep -f "^sleep 9005$"'
    check "and that is logged" in_journal "xctl-$state.scope has processes of a run that no record has"
    xctl delete --force "$state" || fail "delete $state"
done

# --- no record, or a damaged one
for damage in none damaged; do
    sleeper "$damage" 9006
    xctl start "$damage" || fail "start $damage"
    stop_daemon
    if [ $damage = none ]; then rm "$(record $damage)"; else echo '{"machine": {' >"$(record $damage)"; fi
    start_daemon
    equal "$damage: without a record nothing is adopted" "created 0" "$(field $damage state) $(field $damage runs)"
    check "$damage: its processes are ended" until_true sh -c '! pgrep -f "^sleep 9006$"'
    xctl start $damage || fail "start $damage again"
    check "$damage: it can be started" until_true sleep_once 9006
    xctl delete --force $damage || fail "delete $damage"
done
check "a damaged record is named" in_journal 'cannot read /run/xctl/state/damaged/record.json'

# --- a unit: what systemd runs without a record
sleeper unit 9007
systemctl start oci@unit || fail "start oci@unit"
stop_daemon
rm -r /run/xctl/state/unit
start_daemon
check "a unit without a record is stopped" until_true sh -c '! systemctl is-active --quiet oci@unit'
equal "and its processes with it" 0 "$(sleepers 9007)"
systemctl start oci@unit || fail "start oci@unit again"
stop_daemon
edit_record unit "$another_life | .machine.state = \"starting\""
start_daemon
check "a start in a unit is systemd's to repeat" until_true sh -c '! systemctl is-active --quiet oci@unit'
check "its end is known" until_true state_is unit stopped
equal "and its processes are gone" 0 "$(sleepers 9007)"

# --- a scope of ours that no container has
stop_daemon
systemd-run --quiet --scope --slice=xctl.slice --unit=xctl-nobody.scope sleep 9008 & stray=$!
until_true systemctl is-active --quiet xctl-nobody.scope || fail "a stray scope"
start_daemon
check "a stray scope is stopped" until_true sh -c '! systemctl is-active --quiet xctl-nobody.scope'
wait "$stray" || true

# --- no definition: a run goes on by what it was started with, all else of it goes
sleeper undefined 9009
xctl start undefined || fail "start undefined"
sleeper unused 9009
xctl start unused && xctl stop --timeout=0 unused || fail "use unused"
stop_daemon
rm /etc/xctl/containers/undefined.json /etc/xctl/containers/unused.json
start_daemon
equal "a run outlives its definition" running "$(field undefined state)"
check "a state directory does not" sh -c '[ ! -e /run/xctl/state/unused ]'
sleeper unused 9009
equal "a new container of that name has no past" "created 0 []" \
    "$(field unused state) $(field unused runs) $(xctl history unused --json)"
check "stopped" xctl stop --timeout=0 undefined
check "it is deleted when it stops" until_true absent undefined

# --- a broken definition: a run goes on, and a record stays
sleeper broken 9010
xctl start broken || fail "start broken"
sleeper broken2 9010
xctl start broken2 && xctl stop --timeout=0 broken2 || fail "use broken2"
stop_daemon
for name in broken broken2; do echo '{' >"/etc/xctl/containers/$name.json"; done
start_daemon
equal "a run outlives what broke its definition" running "$(field broken state)"
for name in broken broken2; do echo "{\"bundle\": \"$work/$name\"}" >"/etc/xctl/containers/$name.json"; done
equal "a record outlives it, too" "stopped 1" "$(field broken2 state) $(field broken2 runs)"

# --- what the run was started with, and what the definition says now
sleeper changed 9011 --restart=no
xctl start changed || fail "start changed"
stop_daemon
script_bundle "$work/changed" "trap 'exit 143' TERM; sleep 9012 & wait"
start_daemon
equal "the run is the old one" "1 0" "$(sleepers 9011) $(sleepers 9012)"
xctl restart --timeout=0 changed || fail "restart"
check "the next run is the new one" until_true sleep_once 9012
equal "and nothing of the old one is left" 0 "$(sleepers 9011)"

# --- the mark of unless-stopped counts at boot only, and belongs to one life
sleeper marked 9013 --restart=unless-stopped
xctl start marked || fail "start marked"
mark=/var/lib/xctl/wanted/marked
equal "a mark says what was asked for" run "$(cat $mark)"
xctl stop --timeout=0 marked || fail "stop marked"
stop_daemon
echo run >$mark
start_daemon
sleep 0.5
equal "within a boot the record counts" stopped "$(field marked state)"
stop_daemon
rm /etc/xctl/containers/marked.json
start_daemon
sleeper marked 9013 --restart=unless-stopped
check "a mark is no heirloom" sh -c "[ ! -e $mark ]"

# --- the console's open end, after a record that says that the run is over
sleeper console 9014
xctl start console || fail "start console"
stop_daemon
edit_record console '.machine.state = "stopped" | .machine.lastExit = {reason: "exited", status: 7, time: 1, message: ""}'
start_daemon
equal "who attaches is told the record's end" 7 "$(status_of timeout $patience xctl attach --observe console)"
