#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What systemd sees of containers. In a scope: its slice, its cgroup, and that stopping it goes through xctld, with the
# right exit record. As oci@NAME.service: the init is PID 1's child and the unit's main process, in the unit's own
# payload cgroup; exit status, log, Restart= and start limits are systemd's, and xctl's verbs work all the same; what
# cannot be started fails readably; an exit without xctld is known to both. A container is in one place at a time.
# What has autostart starts at boot.
. /src/tests/system/lib.sh

property() { systemctl show --property="$2" --value "$1"; }
property_is() { [ "$(property "$1" "$2")" = "$3" ]; }
cgroup_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
journal_of() { journalctl --sync; journalctl --no-pager --boot --output="${2:-cat}" --unit="$1"; }
journal_has() { journal_of "$1" | grep -Fq -- "$2"; }
start_fails() { # WHAT UNIT PATTERN: starting it fails, and status and journal say why
    [ "$(status_of systemctl start "$2")" != 0 ] || fail "$1: systemctl start succeeded"
    until_true property_is "$2" ActiveState failed || fail "$1: $2 is $(property "$2" ActiveState)"
    contains "$1: its status says why" "$(systemctl --no-pager --full status "$2" || true)" "$3"
    contains "$1: its journal says why" "$(journal_of "$2")" "$3"
    equal "$1: nothing runs" 0 "$(property "$2" MainPID)"
    systemctl reset-failed "$2"
}
drop_in() { # UNIT TEXT
    mkdir -p "/run/systemd/system/$1.d"
    printf '%s\n' "$2" >"/run/systemd/system/$1.d/test.conf"
    systemctl daemon-reload
}

# What most containers here run: a service that ends as the signal says.
service='trap "echo got term; exit 3" TERM; trap "exit 42" USR1; trap "echo -n last words; exit 0" USR2
echo "$NAME is ready"; while :; do sleep 0.1; done'
service_bundle() { script_bundle "$work/$1" "$service" ".process.env += [\"NAME=$1\"] | ${2:-.}"; }
printed() { xctl logs "$1" | grep -Fq -- "$2"; }
# An init without a handler ignores signals, so it must have said that it is ready, once more than before.
starts() { xctl logs "$1" 2>/dev/null | grep -c 'is ready' || true; }
until_ready() { # NAME COMMAND...
    local before
    before=$(starts "$1")
    "${@:2}"
    until_true eval "[ \"\$(starts $1)\" -gt $before ]" || fail "$1 is ready"
}

test_scope() {
    service_bundle web
    xctl create web "$work/web" --restart=always
    xctl start web
    until_true printed web 'web is ready' || fail 'web does not print'
    until_true journal_has xctl-web.scope 'web is ready' || fail 'the journal does not have it'
    local pid scope=xctl-web.scope text
    pid=$(field web pid)
    equal 'xctl names the scope' $scope "$(field web unit)"
    equal 'the scope is active' active "$(property $scope ActiveState)"
    equal 'it is in xctl.slice' xctl.slice "$(property $scope Slice)"
    equal 'it is delegated' yes "$(property $scope Delegate)"
    equal 'xctld controls it' org.xctl1 "$(property $scope Controller)"
    equal 'its description' 'Container web' "$(property $scope Description)"
    contains 'it ends before xctld at shutdown' "$(property $scope After)" '(^| )xctld\.service( |$)'
    equal 'the payload cgroup' /xctl.slice/$scope/payload "$(cgroup_of "$pid" | sed 's/^\/\.\.\/\.\.//')"
    text=$(systemctl --no-pager --full status $scope)
    contains 'systemctl status shows the cgroup' "$text" 'CGroup: .*/xctl\.slice/xctl-web\.scope'
    contains 'systemctl status shows the process' "$text" "[├└]─ *$pid sh -c"
    contains 'systemctl status shows the log' "$text" 'web\[[0-9]+\]: web is ready'
    contains 'systemd-cgls shows the process' "$(systemd-cgls --no-pager --full --unit $scope)" "[├└]─ *$pid sh -c"
    contains 'systemctl status of the slice shows the container' "$(systemctl --no-pager status xctl.slice)" "$scope"
    contains 'the journal has its name' "$(journalctl --no-pager --output=cat CONTAINER_NAME=web CONTAINER_ID=web)" '^web is ready$'
    contains 'the journal has its unit' "$(journal_of $scope)" '^web is ready$'

    # Its policy would start it again, but somebody stopped it.
    check 'systemctl stop of the scope' timeout $patience systemctl stop $scope
    check 'stopped, not restarted' until_true state_is web stopped
    equal 'it was stopped by its stop signal' 'exited 3' "$(field web exitReason) $(field web exitStatus)"
    equal 'it ran once' 1 "$(field web runs)"
    check 'it could say goodbye' printed web 'got term'
    check 'the scope is gone' until_true property_is $scope LoadState not-found
    [ ! -e /proc/"$pid" ] || fail 'its init still runs'
    [ ! -e "/sys/fs/cgroup/xctl.slice/$scope" ] || fail 'its cgroup is still there'

    # One that does not listen is killed by xctld when its own timeout is over, not by systemd's later one.
    script_bundle "$work/deaf" 'trap "" TERM; while :; do sleep 0.1; done'
    echo "{\"bundle\": \"$work/deaf\", \"stop\": {\"timeoutUSec\": 500000}}" >/etc/xctl/containers/deaf.json
    xctl start deaf
    check 'systemctl stop of a deaf container' timeout $patience systemctl stop xctl-deaf.scope
    check 'it is stopped' until_true state_is deaf stopped
    equal 'it was killed' 'signal 9' "$(field deaf exitReason) $(field deaf exitStatus)"
}

# Every name that is allowed for a container is possible in both places.
test_names() {
    local name unit
    for name in a-b.c_d-E 0 "$(printf 'n%.0s' {1..128})"; do
        service_bundle name ".hostname = \"x\""
        xctl create "$name" "$work/name"
        check "a scope for ${name:0:20}" xctl start "$name"
        unit=$(field "$name" unit)
        equal "its scope is active" active "$(property "$unit" ActiveState)"
        check 'stopping its scope' timeout $patience systemctl stop "$unit"
        check 'it is stopped' until_true state_is "$name" stopped
        equal 'stopped gracefully' 'exited 3' "$(field "$name" exitReason) $(field "$name" exitStatus)"
        check "a unit for ${name:0:20}" systemctl start "oci@$name.service"
        check 'it runs' until_true state_is "$name" running
        xctl stop "$name"
        xctl delete "$name"
    done
}

test_unit() {
    service_bundle u
    xctl create u "$work/u"
    check 'systemctl start oci@u' systemctl start oci@u
    until_true printed u 'u is ready' || fail 'u does not print'
    until_true journal_has oci@u 'u is ready' || fail 'the journal does not have it'
    local pid text
    pid=$(property oci@u MainPID)
    equal 'the main process is the init' "$(field u pid)" "$pid"
    equal 'the init is a child of PID 1' 1 "$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")"
    equal 'the init is PID 1 of its container' 1 "$(awk '/^NSpid:/ { print $NF }' "/proc/$pid/status")"
    equal 'it is in the payload of its unit' /xctl.slice/oci@u.service/payload "$(cgroup_of "$pid" | sed 's/^\/\.\.\/\.\.//')"
    equal 'no helper stays' '' "$(cat /sys/fs/cgroup/xctl.slice/oci@u.service/supervisor/cgroup.procs 2>/dev/null)"
    equal 'no scope is made' not-found "$(property xctl-u.scope LoadState)"
    text=$(systemctl --no-pager --full status oci@u)
    contains 'systemctl status: the main process' "$text" "Main PID: $pid \(sh\)"
    contains 'systemctl status: the processes' "$text" "[├└]─ *$pid sh -c"
    contains 'systemctl status: the log' "$text" 'u\[[0-9]+\]: u is ready'
    contains 'journalctl -u' "$(journal_of oci@u)" '^u is ready$'
    text=$(journal_of oci@u json | jq -r 'select(.MESSAGE == "u is ready") | [.CONTAINER_NAME, .CONTAINER_ID, ._SYSTEMD_UNIT // .OBJECT_SYSTEMD_UNIT] | join(" ")')
    equal 'the fields of a log line' 'u u oci@u.service' "$text"
    equal 'xctl: the unit' oci@u.service "$(field u unit)"
    equal 'xctl: the state' running "$(field u state)"
    equal 'xctl state' running "$(xctl state u --json | jq -r .status)"
    equal 'xctl state: the pid' "$pid" "$(xctl state u --json | jq -r .pid)"

    xctl wait u & local waiter=$! status=0
    xctl kill u USR1
    wait $waiter || status=$?
    equal 'xctl wait: the exit code' 42 $status
    check 'the unit has failed' until_true property_is oci@u ActiveState failed
    equal 'systemd: the exit code' '1 42' "$(property oci@u ExecMainCode) $(property oci@u ExecMainStatus)"
    equal 'systemd: the result' exit-code "$(property oci@u Result)"
    contains 'systemctl status: the exit code' "$(systemctl --no-pager status oci@u || true)" 'status=42'
    equal 'xctl: the exit record' 'stopped exited 42' "$(field u state) $(field u exitReason) $(field u exitStatus)"

    until_ready u systemctl start oci@u
    xctl kill u USR2
    check 'xctl sees success' until_true state_is u stopped
    check 'a success leaves the unit inactive' until_true property_is oci@u ActiveState inactive
    check 'a last line without an end is logged' until_true journal_has oci@u 'last words'

    until_ready u systemctl start oci@u
    xctl kill u KILL
    check 'xctl sees the signal' until_true state_is u stopped
    check 'the unit has failed by the signal' until_true property_is oci@u Result signal
    equal 'systemd: the signal' '2 9' "$(property oci@u ExecMainCode) $(property oci@u ExecMainStatus)"
    equal 'xctl: the signal' 'signal 9' "$(field u exitReason) $(field u exitStatus)"
    systemctl reset-failed oci@u
}

test_unit_stop() {
    until_ready u systemctl start oci@u
    check 'systemctl stop' timeout $patience systemctl stop oci@u
    equal 'after systemctl stop' 'stopped exited 3' "$(field u state) $(field u exitReason) $(field u exitStatus)"
    check 'its log has the goodbye' until_true journal_has oci@u 'got term'
    systemctl reset-failed oci@u 2>/dev/null || true

    until_ready u systemctl start oci@u
    check 'xctl stop' timeout $patience xctl stop u
    equal 'after xctl stop' 'stopped exited 3' "$(field u state) $(field u exitReason) $(field u exitStatus)"
    check 'the unit does not run' until_true eval '! systemctl --quiet is-active oci@u'
    equal 'no process is left' 0 "$(property oci@u MainPID)"
    systemctl reset-failed oci@u 2>/dev/null || true

    local first
    until_ready u systemctl start oci@u
    first=$(property oci@u MainPID)
    until_ready u check 'systemctl restart' timeout $patience systemctl restart oci@u
    [ "$(property oci@u MainPID)" != "$first" ] || fail 'systemctl restart kept the process'
    equal 'xctl follows' "$(property oci@u MainPID) running" "$(field u pid) $(field u state)"
    first=$(property oci@u MainPID)
    until_ready u check 'xctl restart' timeout $patience xctl restart u
    equal 'xctl restart: in its unit again' "oci@u.service running" "$(field u unit) $(field u state)"
    [ "$(property oci@u MainPID)" != "$first" ] || fail 'xctl restart kept the process'
    systemctl stop oci@u
    systemctl reset-failed oci@u 2>/dev/null || true
}

test_unit_console() {
    script_bundle "$work/echo" 'read -r line; echo "heard $line"; exit 5'
    xctl create echo "$work/echo"
    systemctl start oci@echo
    local status=0 text
    text=$(echo hello | timeout $patience xctl attach echo) || status=$?
    equal 'attach to a unit: its status' 5 $status
    equal 'attach to a unit: its output' 'heard hello' "$text"
    equal 'logs of a unit' 'heard hello' "$(xctl logs echo)"
    check 'systemd knows as well' until_true property_is oci@echo ExecMainStatus 5
    xctl delete echo
    systemctl reset-failed oci@echo
}

test_unit_restart() {
    script_bundle "$work/flaky" 'echo once more; sleep 0.3; exit 7'
    xctl create flaky "$work/flaky"
    drop_in oci@flaky.service $'[Unit]\nStartLimitIntervalSec=600\nStartLimitBurst=3\n[Service]\nRestart=on-failure\nRestartSec=100ms'
    systemctl start oci@flaky
    check 'systemd restarts it' until_true property_is oci@flaky NRestarts 1
    check 'and again' until_true property_is oci@flaky NRestarts 2
    check 'the start limit ends it' until_true journal_has oci@flaky 'Start request repeated too quickly'
    check 'it has failed' until_true property_is oci@flaky ActiveState failed
    sleep 1
    equal 'three runs in all' 3 "$(field flaky runs)"
    equal 'each printed' 3 "$(xctl logs flaky | grep -c 'once more')"
    equal 'xctl: it has stopped' 'stopped exited 7' "$(field flaky state) $(field flaky exitReason) $(field flaky exitStatus)"
    equal 'xctl shows how often systemd has restarted it' 2 "$(field flaky restarts)"
    systemctl reset-failed oci@flaky

    # The definition's own policy is not used in a unit.
    script_bundle "$work/once" 'sleep 0.2; exit 7'
    xctl create once "$work/once" --restart=always
    systemctl start oci@once
    check 'it ends' until_true state_is once stopped
    sleep 1
    equal 'a unit without Restart= is not restarted' '1 failed' "$(field once runs) $(property oci@once ActiveState)"
    systemctl reset-failed oci@once
}

# stops NAME DEFINITION SCRIPT RESULT [JQ-FILTER]: what systemctl stop makes of the unit.
stops() {
    script_bundle "$work/$1" "$3" "${5:-.}"
    jq -n --arg bundle "$work/$1" --argjson more "$2" '{$bundle} + $more' >"/etc/xctl/containers/$1.json"
    systemctl daemon-reload
    until_ready "$1" systemctl start "oci@$1"
    systemctl stop "oci@$1"
    equal "$1: after systemctl stop" "$4" "$(property "oci@$1" ActiveState) $(field "$1" exitReason) $(field "$1" exitStatus)"
    systemctl reset-failed "oci@$1" 2>/dev/null || true
    xctl delete "$1"
}

# The stop signal is a good end, as itself and as an exit status.
test_unit_stop_status() {
    local wait='echo is ready; while :; do sleep 0.1; done'
    stops term '{}' "trap 'exit 143' TERM; $wait" 'inactive exited 143'
    stops quit '{"stop": {"signal": "QUIT"}}' "trap 'exit 131' QUIT; $wait" 'inactive exited 131'
    stops usr '{"stop": {"signal": "USR2"}}' 'echo is ready; exec sleep 1000' 'inactive signal 12' \
        '.linux.namespaces |= map(select(.type != "pid"))'
    stops other '{"stop": {"signal": "QUIT"}}' "trap 'exit 130' QUIT; $wait" 'failed exited 130'
}

test_unit_failures() {
    start_fails 'a missing container' oci@nobody 'no container .?"?nobody'
    bundle "$work/broken" '.process.args = []'
    echo "{\"bundle\": \"$work/broken\"}" >/etc/xctl/containers/broken.json
    start_fails 'a broken bundle' oci@broken 'config\.json: /process/args: must be an array'
    equal 'xctl: a broken bundle has not run' 0 "$(field broken pid)"
    bundle "$work/absent" '.process.args = ["/no/such/program"]'
    xctl create absent "$work/absent"
    start_fails 'a missing program' oci@absent 'exec: "?/no/such/program"?: .*no such file'
    equal 'xctl: the launch failed' 'stopped launch-failed' "$(field absent state) $(field absent exitReason)"
    bundle "$work/mount" '.mounts += [{"destination": "/mnt", "type": "bind", "source": "/no/such/source", "options": ["rbind"]}]'
    xctl create mount "$work/mount"
    start_fails 'a missing source of a mount' oci@mount '/no/such/source'
}

test_one_place() {
    xctl start web
    local pid status
    pid=$(field web pid)
    start_fails 'a container that runs in a scope' oci@web 'web runs already, in xctl-web\.scope'
    equal 'it is not disturbed' "$pid running xctl-web.scope" "$(field web pid) $(field web state) $(field web unit)"
    xctl stop web
    systemctl start oci@web
    pid=$(field web pid)
    status=$(status_of xctl start web)
    equal 'xctl start of a container that runs in a unit: nothing to do' "0 $pid" "$status $(field web pid)"
    equal 'nor is that one' "$pid running oci@web.service" "$(field web pid) $(field web state) $(field web unit)"
    systemctl stop oci@web
    systemctl reset-failed oci@web 2>/dev/null || true
    check 'then a scope is possible again' xctl start web
    equal 'it is in its scope' xctl-web.scope "$(field web unit)"
    xctl stop web
}

# Nothing of xctl runs or listens while the container ends.
test_exit_without_xctld() {
    until_ready u systemctl start oci@u
    until_ready web xctl start web
    local pid unit_pid
    pid=$(field web pid) unit_pid=$(property oci@u MainPID)
    systemctl stop xctld.socket xctld-launch.socket xctld.service 2>/dev/null
    kill -USR1 "$unit_pid"
    kill -USR1 "$pid"
    check 'without xctld systemd has its exit code' until_true property_is oci@u ExecMainStatus 42
    check 'the process is gone' until_true [ ! -e "/proc/$pid" ]
    systemctl start xctld.socket xctld.service
    equal 'afterwards xctl has it, too' 'stopped exited 42' "$(field u state) $(field u exitReason) $(field u exitStatus)"
    # Its policy is always, so that it runs again, with the exit code of the first run on record.
    check 'in a scope it is restarted' until_true state_is web running
    equal 'and its exit code is known' 'exited 42' "$(field web exitReason) $(field web exitStatus)"
    systemctl reset-failed oci@u
    xctl stop web

    until_ready u systemctl start oci@u
    unit_pid=$(property oci@u MainPID)
    systemctl kill --signal=KILL --kill-whom=main xctld
    kill -USR1 "$unit_pid"
    check 'xctld killed: systemd has its exit code' until_true property_is oci@u ExecMainStatus 42
    check 'xctld killed: xctl has it, too' until_true state_is u stopped
    equal 'xctld killed: the record' 'exited 42' "$(field u exitReason) $(field u exitStatus)"
    systemctl reset-failed oci@u
}

# A boot, as far as xctld can tell: its files of this boot are gone, and the targets are started.
test_autostart() {
    service_bundle always
    service_bundle never
    xctl create always "$work/always"
    xctl create never "$work/never" --autostart
    xctl enable always
    xctl disable never
    equal 'enable is shown' 'true false' "$(field always autostart) $(field never autostart)"
    equal 'enable is in the file' true "$(jq .autostart /etc/xctl/containers/always.json)"
    equal 'neither runs' 'created created' "$(field always state) $(field never state)"
    systemctl restart xctld
    equal 'a restart of xctld is no boot' created "$(field always state)"

    systemctl --quiet enable xctld.service 2>/dev/null
    systemctl stop xctld.service xctld.socket xctld-launch.socket
    systemctl clean --what=fdstore xctld.service 2>/dev/null || true
    rm -rf /run/xctl/state /run/xctl/booted
    systemctl start multi-user.target
    check 'after a boot the enabled one runs' until_true state_is always running
    equal 'and nothing else' 'created 1' "$(field never state) $(xctl list --json | jq '[.[] | select(.state != "created")] | length')"
    systemctl stop xctld.service
    systemctl start xctld.service
    equal 'only once' 1 "$(field always runs)"
    xctl stop always

    # Units are enabled as units are.
    service_bundle unit
    xctl create unit "$work/unit"
    check 'systemctl enable oci@unit' systemctl --quiet enable oci@unit
    contains 'it is wanted at boot' "$(property multi-user.target Wants)" 'oci@unit\.service'
    check 'systemctl start of the target starts it' systemctl start multi-user.target
    check 'it runs' until_true state_is unit running
    systemctl --quiet disable oci@unit
    equal 'disabled, it runs on' running "$(field unit state)"
    systemctl stop oci@unit
}

mkdir -p /etc/xctl/containers
for test in ${*:-scope unit unit_stop unit_console unit_restart unit_stop_status unit_failures one_place exit_without_xctld names autostart}; do
    note "== $test"
    "test_$test"
done
