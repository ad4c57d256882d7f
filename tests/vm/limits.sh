#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Limits, with every cgroup controller there is: MemoryMax= of a unit is enforced and the kill named as the reason of the
# exit, and so are the limits of config.json in a scope; what config.json says about processes, CPU and memory is in the
# files of the payload cgroup; device rules are enforced.
. /src/tests/system/lib.sh

property() { systemctl show --property="$2" --value "$1"; }
payload() { echo "/sys/fs/cgroup/xctl.slice/$1/payload"; }
# Fills the memory: tail keeps all that it reads until there is a line.
hog='tail /dev/zero'

test_memory_of_a_unit() {
    script_bundle "$work/unit" "exec $hog"
    xctl create limits-unit "$work/unit"
    mkdir -p /run/systemd/system/oci@limits-unit.service.d
    printf '[Service]\nMemoryMax=24M\nMemorySwapMax=0\n' >/run/systemd/system/oci@limits-unit.service.d/test.conf
    systemctl daemon-reload
    systemctl start oci@limits-unit
    check 'MemoryMax= ends it' until_true state_is limits-unit stopped
    equal 'its reason' 'oom-kill 9' "$(field limits-unit exitReason) $(field limits-unit exitStatus)"
    contains 'its message' "$(field limits-unit message)" 'memory'
    check 'the unit has failed' until_true eval '[ "$(property oci@limits-unit ActiveState)" = failed ]'
    equal 'systemd knows the signal' 9 "$(property oci@limits-unit ExecMainStatus)"
    equal 'xctl wait says the signal' 137 "$(status_of xctl wait limits-unit)"
    contains 'xctl state tells' "$(xctl state limits-unit)" 'oom-kill KILL'
}

test_memory_of_a_scope() {
    script_bundle "$work/scope" "exec $hog" '.linux.resources.memory = {"limit": 25165824, "swap": 25165824}'
    xctl create limits-scope "$work/scope"
    xctl start limits-scope
    check 'the limit ends it' until_true state_is limits-scope stopped
    equal 'its reason' 'oom-kill 9' "$(field limits-scope exitReason) $(field limits-scope exitStatus)"
    contains 'its message' "$(field limits-scope message)" 'memory'
    journalctl --sync
    local entries
    entries=$(journalctl --boot --output=json MESSAGE_ID=d9235cafd6bb4e28977a600cb9123195 CONTAINER_NAME=limits-scope)
    equal 'the journal has one entry of it' '1 xctld.service' "$(jq -s length <<<"$entries") $(jq -r ._SYSTEMD_UNIT <<<"$entries")"
    equal 'which names the cgroup' /xctl.slice/xctl-limits-scope.scope/payload "$(jq -r .CONTAINER_OOM_CGROUP <<<"$entries")"
    equal 'and one of the end' 'killed 9 oom' "$(journalctl --boot --output=json MESSAGE_ID=888d35b8ebf443c396bb5da59038436f \
        CONTAINER_NAME=limits-scope | jq -r '"\(.EXIT_CODE) \(.EXIT_STATUS) \(.CONTAINER_END_CAUSE)"')"
    equal 'its history names the cgroup' '/xctl.slice/xctl-limits-scope.scope/payload' \
        "$(xctl history limits-scope --json | jq -r '.[-1].oomCgroup')"

    # A process that is not the init: the container goes on, and its record tells in the end.
    script_bundle "$work/child" "$hog; echo \"child \$?\"; exit 6" '.linux.resources.memory = {"limit": 25165824, "swap": 25165824}'
    xctl create limits-child "$work/child"
    xctl start limits-child
    check 'the container outlives its child' until_true state_is limits-child stopped
    equal 'it could tell' 'child 137' "$(xctl logs limits-child | tail -n 1)"
    equal 'it ended by itself' 'exited 6' "$(field limits-child exitReason) $(field limits-child exitStatus)"
    contains 'the message tells of the child' "$(field limits-child message)" 'memory'
}

test_files() {
    script_bundle "$work/files" 'echo ready; exec sleep 10000' '.linux.resources += {
        "memory": {"limit": 67108864, "reservation": 33554432, "swap": 100663296},
        "cpu": {"quota": 50000, "period": 200000, "shares": 512}, "pids": {"limit": 33},
        "unified": {"memory.high": "50331648"}}'
    xctl create limits-files "$work/files"
    xctl start limits-files
    local at
    at=$(payload xctl-limits-files.scope)
    equal 'pids.max' 33 "$(cat "$at/pids.max")"
    equal 'cpu.max' '50000 200000' "$(cat "$at/cpu.max")"
    [ "$(cat "$at/cpu.weight")" -lt 100 ] || fail "cpu.weight is $(cat "$at/cpu.weight")"
    note 'cpu.weight'
    equal 'memory.max' 67108864 "$(cat "$at/memory.max")"
    equal 'memory.low' 33554432 "$(cat "$at/memory.low")"
    equal 'memory.swap.max' 33554432 "$(cat "$at/memory.swap.max")"
    equal 'unified: memory.high' 50331648 "$(cat "$at/memory.high")"
    equal 'the init is in it' "$(field limits-files pid)" "$(head -n 1 "$at/cgroup.procs")"
    equal 'the unit itself has no limit' max "$(cat "$at/../pids.max" | sed 's/^[0-9]*$/max/')"
    xctl stop limits-files --timeout=1
    check 'nothing is left in its cgroup' eval '! grep -qsx "populated 1" "$at/cgroup.events"'
    check 'which systemd removes' until_true test ! -e "$at"

    check 'the same in a unit' systemctl start oci@limits-files
    at=$(payload oci@limits-files.service)
    equal 'unit: pids.max and cpu.max' '33 50000 200000' "$(cat "$at/pids.max" "$at/cpu.max" | xargs)"
    systemctl kill --signal=KILL oci@limits-files
    until_true state_is limits-files stopped || fail 'files does not end'

    script_bundle "$work/forks" 'for i in 1 2 3 4 5 6 7 8; do sleep 100 & done; echo forked' '.linux.resources.pids.limit = 5'
    xctl create limits-forks "$work/forks"
    xctl start limits-forks
    check 'the limit of processes is enforced' until_true eval 'xctl logs limits-forks 2>&1 | grep -q "can.t fork"'
    xctl delete -f limits-forks
}

stat_of() { xctl stats "$1" --json | jq "$2"; }
of_systemd() { property "$1" "$2"; }

# What payload has no controller for, the unit knows; the limit is the tightest, whoever set it.
test_stats() {
    script_bundle "$work/stats" 'sleep 1000 & sleep 1000 & dd if=/dev/zero of=/tmp/fill bs=1M count=8; echo ready; wait' \
        'del(.linux.resources.memory, .linux.resources.pids) | .mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]'
    xctl create limits-stats "$work/stats"
    local unit
    for unit in xctl-limits-stats.scope oci@limits-stats.service; do
        if [ "$unit" = xctl-limits-stats.scope ]; then xctl start limits-stats; else systemctl start "$unit"; fi
        check "$unit: it is ready" until_true eval 'xctl logs -n 1 limits-stats | grep -q ready'
        check "$unit: payload has no memory controller" test ! -e "$(payload "$unit")/memory.current"
        check "$unit: memory is what systemd says" until_true eval \
            '[ "$(stat_of limits-stats .memory)" = "$(of_systemd '"$unit"' MemoryCurrent)" ]'
        equal "$unit: with what it has written" true "$(stat_of limits-stats '.memory >= 8388608')"
        equal "$unit: its processes" "$(of_systemd "$unit" TasksCurrent)" "$(stat_of limits-stats .processes)"
        equal "$unit: no limit" 'null null' "$(stat_of limits-stats .memoryLimit) $(stat_of limits-stats .processesLimit)"
        systemctl set-property --runtime "$unit" MemoryMax=64M TasksMax=40
        equal "$unit: limits of systemctl set-property" '67108864 40' \
            "$(stat_of limits-stats .memoryLimit) $(stat_of limits-stats .processesLimit)"
        check "$unit: a larger one of its own" xctl set limits-stats --runtime config.linux.resources.memory.limit=134217728
        equal "$unit: does not count" 67108864 "$(stat_of limits-stats .memoryLimit)"
        check "$unit: a smaller one" xctl set limits-stats --runtime config.linux.resources.memory.limit=33554432
        equal "$unit: does" 33554432 "$(stat_of limits-stats .memoryLimit)"
        xctl stop limits-stats --timeout=0
        until_true eval '! systemctl -q is-active '"$unit" || fail "$unit does not end"
        systemctl revert "$unit" 2>/dev/null || true
    done
    systemctl reset-failed oci@limits-stats 2>/dev/null || true
}

# Two devices that every kernel has and root may open. As in other runtimes any node may be made, but not opened.
test_devices() {
    local first second script common
    first=$(awk '$2 == "cpu_dma_latency" { print $1 }' /proc/misc)
    second=$(awk '$2 == "userfaultfd" { print $1 }' /proc/misc)
    [ -n "$first" ] && [ -n "$second" ] || fail 'the kernel lacks the devices that are tried'
    script='try() { if (: <$1) 2>/dev/null; then echo "$1 yes"; else echo "$1 no"; fi; }
        try /dev/zero; try /dev/first; try /dev/second
        mknod /tmp/made c 10 '$second' && try /tmp/made'
    common='.process.capabilities |= with_entries(.value += ["CAP_MKNOD"]) |
        .mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}] | .linux.devices = [
            {"path": "/dev/first", "type": "c", "major": 10, "minor": '$first', "fileMode": 438},
            {"path": "/dev/second", "type": "c", "major": 10, "minor": '$second', "fileMode": 438}]'
    script_bundle "$work/devices" "$script" "$common | .linux.resources.devices = [{\"allow\": false, \"access\": \"rwm\"},
        {\"allow\": true, \"type\": \"c\", \"major\": 10, \"minor\": $first, \"access\": \"r\"}]"
    xctl create limits-devices "$work/devices"
    xctl start limits-devices
    check 'it ends' until_true state_is limits-devices stopped
    equal 'what is in the list can be opened, what is not cannot' \
        '/dev/zero yes /dev/first yes /dev/second no /tmp/made no' "$(xctl logs limits-devices 2>/dev/null | xargs)"

    script_bundle "$work/open" "$script" "$common | .linux.resources.devices = [{\"allow\": true, \"access\": \"rwm\"}]"
    xctl create limits-open "$work/open"
    xctl start limits-open
    check 'it ends' until_true state_is limits-open stopped
    equal 'where all are allowed all can be opened' \
        '/dev/zero yes /dev/first yes /dev/second yes /tmp/made yes' "$(xctl logs limits-open 2>/dev/null | xargs)"
}

[ -e /sys/fs/cgroup/cgroup.controllers ] && grep -q memory /sys/fs/cgroup/cgroup.controllers ||
    { echo "this system has no memory controller"; exit 77; }
# The machine is shared with other tests.
trap 'for name in unit scope child files forks stats devices open; do xctl delete --force limits-$name || true; done 2>/dev/null' EXIT
for test in ${*:-memory_of_a_unit memory_of_a_scope files stats devices}; do
    note "== $test"
    "test_$test"
done
