#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Below Linux 6.15 nobody can ask a pidfd how somebody else's child ended. The status of a container is known all the
# same when xctld was killed before it ended, or is not there while it ends: in a scope by the keeper that stays beside
# it, in a unit by systemd. No keeper is left behind.
. /src/tests/system/lib.sh

property() { systemctl show --property="$2" --value "$1"; }
exit_of() { echo "$(field "$1" state) $(field "$1" exitReason) $(field "$1" exitStatus)"; }
keepers() { pgrep --full --count 'xctl-launch' --parent 1 || true; }
processes() { cat "/sys/fs/cgroup/xctl.slice/$1/$2/cgroup.procs"; }
revive() { systemctl reset-failed xctld.service 2>/dev/null || true; systemctl start xctld.socket xctld-launch.socket xctld.service; }
# For a while: nothing of xctl runs or listens.
silence() {
    systemctl stop xctld.socket xctld-launch.socket
    systemctl kill --signal=KILL xctld.service
    systemctl stop xctld.service
}
service='trap "exit 42" USR1; trap "exit 0" TERM; while :; do sleep 0.2; done'

test_scope() {
    local pid keeper
    xctl start status-scope
    pid=$(field status-scope pid)
    equal 'the init is in the payload' "$pid" "$(processes xctl-status-scope.scope payload | head -n 1)"
    keeper=$(processes xctl-status-scope.scope supervisor)
    equal 'its parent is the keeper, apart from it' "$keeper" "$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")"

    kill -USR1 "$pid"
    check 'it ends' until_true state_is status-scope stopped
    equal 'with xctld all the time' 'stopped exited 42' "$(exit_of status-scope)"
    check 'the keeper is gone' until_true [ ! -e "/proc/$keeper" ]

    xctl start status-scope
    pid=$(field status-scope pid)
    systemctl kill --signal=KILL xctld.service
    check 'xctld is back' until_true state_is status-scope running
    equal 'and knows its container' "$pid" "$(field status-scope pid)"
    kill -USR1 "$pid"
    check 'it ends' until_true state_is status-scope stopped
    equal 'xctld was killed before' 'stopped exited 42' "$(exit_of status-scope)"

    local signal
    for signal in USR1 KILL; do
        xctl start status-scope
        pid=$(field status-scope pid) keeper=$(processes xctl-status-scope.scope supervisor)
        silence
        check "$signal: it runs without xctld" kill -0 "$pid"
        kill -$signal "$pid"
        check "$signal: it ends" until_true [ ! -e "/proc/$pid" ]
        check "$signal: its keeper has nothing more to do" until_true [ ! -e "/proc/$keeper" ]
        revive
        check "$signal: it has stopped" until_true state_is status-scope stopped
        case $signal in
        USR1) equal 'an exit code without xctld' 'stopped exited 42' "$(exit_of status-scope)" ;;
        KILL) equal 'a signal without xctld' 'stopped signal 9' "$(exit_of status-scope)" ;;
        esac
        check "$signal: the scope is gone" until_true [ ! -e /sys/fs/cgroup/xctl.slice/xctl-status-scope.scope ]
    done
    equal 'no keeper is left' "$before" "$(keepers)"
}

test_unit() {
    local pid
    systemctl start oci@status-unit
    pid=$(field status-unit pid)
    equal 'the init is a child of PID 1' 1 "$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")"
    kill -USR1 "$pid"
    check 'it ends' until_true state_is status-unit stopped
    equal 'with xctld all the time' 'stopped exited 42' "$(exit_of status-unit)"
    equal 'systemd agrees' 42 "$(property oci@status-unit ExecMainStatus)"
    systemctl reset-failed oci@status-unit

    local signal
    for signal in USR1 KILL; do
        systemctl start oci@status-unit
        pid=$(field status-unit pid)
        silence
        kill -$signal "$pid"
        check "$signal: systemd has noticed" until_true eval '[ "$(property oci@status-unit ActiveState)" = failed ]'
        revive
        check "$signal: it has stopped" until_true state_is status-unit stopped
        case $signal in
        USR1) equal 'an exit code without xctld' 'stopped exited 42 42' "$(exit_of status-unit) $(property oci@status-unit ExecMainStatus)" ;;
        KILL) equal 'a signal without xctld' 'stopped signal 9 9' "$(exit_of status-unit) $(property oci@status-unit ExecMainStatus)" ;;
        esac
        systemctl reset-failed oci@status-unit
    done
    equal 'no keeper is left' "$before" "$(keepers)"
}

release=$(uname -r)
case $release in
[1-5].* | 6.[0-9].* | 6.1[0-4].*) ;;
*) echo "the kernel is $release: from 6.15 on there are no keepers"; exit 77 ;;
esac
# The machine is shared with other tests.
before=$(keepers)
trap 'for name in scope unit; do xctl delete --force status-$name || true; done 2>/dev/null' EXIT
for name in scope unit; do
    script_bundle "$work/$name" "$service"
    xctl create status-$name "$work/$name"
done
for test in ${*:-scope unit}; do
    note "== $test"
    "test_$test"
done
