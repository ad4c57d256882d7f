#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A running container: pause and resume, also across a killed xctld; signals to all of its processes; its processes and
# statistics, once and as a stream, over varlink and D-Bus.
. /src/tests/system/lib.sh

socket=/run/xctl/org.xctl.Containers
kill_daemon() { systemctl kill --signal=KILL --kill-whom=main xctld; until_true xctl list; }
ticks() { xctl logs "$1" | wc -l; }
frozen() { grep -qx 'frozen 1' "/sys/fs/cgroup/xctl.slice/xctl-$1.scope/payload/cgroup.events"; }
# call METHOD JSON [OPTION...]
call() { varlinkctl "${@:3}" call "$socket" "org.xctl.Containers.$1" "$2"; }

test_pause() {
    script_bundle "$work/tick" 'trap "echo bye; exit 7" TERM; while :; do echo tick; sleep 0.05; done'
    xctl create tick "$work/tick"
    xctl start tick
    equal 'what runs need not be resumed' 0 "$(status_of xctl resume tick)"
    check 'pause' xctl pause tick
    check 'its cgroup is frozen' frozen tick
    equal 'the word of the specification' paused "$(xctl state tick --json | jq -r .status)"
    equal 'the state' paused "$(field tick state)"
    local before
    before=$(ticks tick)
    sleep 0.4
    equal 'it prints nothing' "$before" "$(ticks tick)"
    equal 'it is paused already' 0 "$(status_of xctl pause tick)"
    equal 'nothing can be run in it' 125 "$(status_of xctl exec tick -- true)"
    equal 'it cannot be started' 9 "$(status_of xctl start tick)"
    kill_daemon
    equal 'it is paused under the next daemon' paused "$(field tick state)"
    check 'and frozen' frozen tick
    check 'resume' xctl resume tick
    equal 'the state' running "$(field tick state)"
    before=$(ticks tick)
    check 'it prints again' until_true eval '[ "$(ticks tick)" -gt '"$before"' ]'
    xctl pause tick
    check 'stop while it is paused' xctl stop tick
    equal 'it could end by itself' 'exited 7' "$(field tick exitReason) $(field tick exitStatus)"
    xctl start tick
    xctl pause tick
    check 'killed while it is paused' xctl kill tick KILL
    check 'it ends' until_true state_is tick stopped
    xctl start tick
    xctl pause tick
    check 'restart while it is paused' xctl restart tick
    equal 'it runs' running "$(field tick state)"
    check 'pause over D-Bus' busctl call org.xctl1 /org/xctl1/container/tick org.xctl1.Container Pause
    equal 'the property' 's "paused"' "$(busctl get-property org.xctl1 /org/xctl1/container/tick org.xctl1.Container State)"
    check 'resume over varlink' call Resume '{"name": "tick"}'
    check 'delete' xctl delete --force tick
}

# By systemctl freeze, in a scope and in a unit.
test_frozen_by_systemd() {
    script_bundle "$work/ice" 'trap "exit 7" TERM; while :; do echo tick; sleep 0.05; done'
    xctl create ice "$work/ice"
    local unit
    for unit in xctl-ice.scope oci@ice.service; do
        if [ "$unit" = xctl-ice.scope ]; then xctl start ice; else systemctl start "$unit"; fi
        systemctl freeze "$unit"
        check "$unit: paused" until_true state_is ice paused
        kill_daemon
        equal "$unit: also for another xctld" paused "$(field ice state)"
        systemctl thaw "$unit"
        check "$unit: running again" until_true state_is ice running
        systemctl freeze "$unit"
        check "$unit: paused" until_true state_is ice paused
        check "$unit: resume thaws it" xctl resume ice
        check "$unit: as systemd sees" until_true eval '[ "$(systemctl show -P FreezerState '"$unit"')" = running ]'
        local before; before=$(ticks ice)
        check "$unit: it prints again" until_true eval '[ "$(ticks ice)" -gt '"$before"' ]'
        xctl pause ice
        systemctl freeze "$unit"
        check "$unit: resume thaws what both have frozen" xctl resume ice
        before=$(ticks ice)
        check "$unit: it prints again" until_true eval '[ "$(ticks ice)" -gt '"$before"' ]'
        systemctl freeze "$unit"
        check "$unit: paused" until_true state_is ice paused
        systemctl kill -s KILL --kill-whom=main xctld
        systemctl thaw "$unit"
        check "$unit: thawed while there is no xctld" until_true state_is ice running
        xctl stop ice
        equal "$unit: it ended gracefully" 7 "$(field ice exitStatus)"
        systemctl reset-failed "$unit" 2>/dev/null || true
    done
    xctl delete ice
}

# A hook that hangs holds up neither a stop nor a delete, and goes with what it has started.
test_late_hooks() {
    printf '#!/bin/sh\ncat >/dev/null; sleep 877; true\n' >"$work/late"
    chmod +x "$work/late"
    local kind
    for kind in createRuntime poststart poststop; do
        script_bundle "$work/$kind" 'exec sleep 1000' ".hooks.$kind = [{path: \"$work/late\"}]"
        xctl create "$kind" "$work/$kind"
        xctl start "$kind" >/dev/null 2>&1 & local starter=$!
        if [ $kind = poststop ]; then
            check "$kind: runs" until_true state_is $kind running
        else
            check "$kind: the hook runs" until_true pgrep -f '^sleep 877'
        fi
        check "$kind: stop" timeout $patience xctl stop --timeout=1 "$kind"
        equal "$kind: stopped" stopped "$(field $kind state)"
        check "$kind: the hook is gone with its child" until_true eval '! pgrep -f "^sleep 877"'
        wait $starter || true
        xctl start "$kind" >/dev/null 2>&1 & starter=$!
        sleep 0.5
        check "$kind: delete by force" timeout $patience xctl delete --force "$kind"
        wait $starter || true
        check "$kind: nothing is left" until_true eval '! pgrep -f "^sleep 877"'
    done
    # It ended by itself, so that nobody limits its hooks yet.
    script_bundle "$work/ended" 'exit 0' ".hooks.poststop = [{path: \"$work/late\"}]"
    xctl create ended "$work/ended"
    systemctl start oci@ended
    check 'the hook runs' until_true pgrep -f '^sleep 877'
    check 'a stop of its unit' timeout $patience xctl stop --timeout=1 ended
    equal 'ends that, and the container ended as it did' 'stopped exited 0' "$(field ended state) $(field ended exitReason) $(field ended exitStatus)"
    equal 'without having been killed' false "$(xctl history ended --json | jq '.[-1].timedOut')"
    check 'nothing is left' until_true eval '! pgrep -f "^sleep 877"'
    xctl delete ended
}

test_exec_while_stopping() {
    script_bundle "$work/long" 'trap "" TERM; echo up; while :; do sleep 0.1; done'
    xctl create long "$work/long"
    xctl start long
    until_true eval 'xctl logs long | grep -q up'
    xctl stop --timeout=1h long & local stopper=$!
    check 'it is being stopped' until_true state_is long stopping
    equal 'programs can be run in it' 'hello' "$(xctl exec long -- echo hello)"
    xctl kill long KILL
    wait $stopper || fail 'the stop has failed'
    equal 'and then no more' 125 "$(status_of xctl exec long -- true)"
    xctl delete long
}

# Killed before systemd has moved it, an init is still in the cgroup of xctld.
test_hasty() {
    local pid i start
    script_bundle "$work/hasty" 'sleep 1000'
    xctl list >/dev/null
    pid=$(systemctl show --property=MainPID --value xctld)
    for i in {1..60}; do
        xctl create hasty "$work/hasty"
        xctl start hasty >/dev/null 2>&1 & start=$!
        sleep "0.0$(printf %02d $((i % 30)))"
        xctl delete --force hasty || fail "deleted while it starts, time $i"
        wait $start || true
    done
    equal 'nothing but what was started has been killed' "$pid" "$(systemctl show --property=MainPID --value xctld)"
}

test_processes() {
    script_bundle "$work/many" 'sh -c "trap \"echo child; exit\" USR1; echo ready; while :; do sleep 0.05; done" a & trap "echo init" USR1; wait; wait; sleep 1000'
    xctl create many "$work/many"
    equal 'none of one that does not run' 9 "$(status_of xctl ps many)"
    xctl start many
    check 'it is ready' until_true eval 'xctl logs many | grep -q ready'
    local json
    json=$(xctl ps many --json)
    equal 'its init is 1 inside' "$(field many pid)" "$(jq '.[] | select(.innerPid == 1) | .pid' <<<"$json")"
    check 'the command of its child is there' jq -e 'any(.[]; .command | startswith("sh -c trap"))' <<<"$json"
    contains 'ps for people' "$(xctl ps many)" 'PID +INNER +PARENT +UID +STATE +COMMAND'
    # Between fork and exec there is one more.
    local shells='map(select(.command | startswith("sh"))) | length'
    check 'two' until_true eval '[ "$(xctl ps many --json | jq "$shells")" = 2 ]'
    check 'as many over varlink' until_true eval '[ "$(call Ps "{\"name\": \"many\"}" | jq ".processes | $shells")" = 2 ]'
    check 'over D-Bus' busctl call org.xctl1 /org/xctl1/container/many org.xctl1.Container Ps
    check 'a signal for all' xctl kill many USR1 --all
    check 'the init got it' until_true eval 'xctl logs many | grep -qx init'
    check 'its child got it' until_true eval 'xctl logs many | grep -qx child'
    check 'kill all' xctl kill --all many KILL
    check 'all are gone' until_true state_is many stopped
    equal 'by a signal' 'signal 9' "$(field many exitReason) $(field many exitStatus)"
    xctl delete many
}

test_stats() {
    script_bundle "$work/use" 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done; echo used; sleep 1000'
    xctl create use "$work/use"
    xctl start use
    check 'it has worked' until_true eval 'xctl logs use | grep -q used'
    local json
    json=$(xctl stats use --json)
    check 'CPU time was counted' jq -e '.cpuUSec > 0 and .time > 0 and .name == "use"' <<<"$json"
    check 'its loopback is there, and nothing of the host' jq -e '.interfaces | map(.name) == ["lo"]' <<<"$json"
    check 'with its address' jq -e '.interfaces[0].addresses | index("127.0.0.1/8")' <<<"$json"
    contains 'for people' "$(xctl stats use)" 'CPU: .* in the kernel'
    if ! grep -qw memory /sys/fs/cgroup/cgroup.controllers; then
        equal 'what nobody counts is null' 'null null null' "$(jq -r '"\(.memory) \(.processes) \(.readBytes)"' <<<"$json")"
        contains 'and - for people' "$(xctl stats use)" 'Memory: -$'
        contains 'left out on D-Bus' "$(busctl --json=short call org.xctl1 /org/xctl1 org.xctl1.Manager Stats 'sa{sv}' use 0 |
            jq -c '.data[0] | [has("memory"), has("cpuUSec")]')" '\[false,true\]'
        equal 'and over varlink' 'false' "$(call Stats '{"name": "use"}' | jq '.stats | has("memory")')"
    fi
    check 'once over varlink' jq -e '.stats.cpuUSec > 0 and .interfaces[0].up' <<<"$(call Stats '{"name": "use"}')"
    varlinkctl --more -j --timeout=infinity call "$socket" org.xctl.Containers.Stats '{"name": "use", "intervalUSec": 100000}' \
        >"$work/more" & local caller=$!
    check 'again and again over varlink' until_true eval \
        '[ "$(tr -d "\036" <"$work/more" | jq -c "select(.stats.name == \"use\")" | wc -l)" -ge 3 ]'
    kill $caller
    contains 'once over D-Bus' "$(busctl call org.xctl1 /org/xctl1 org.xctl1.Manager Stats 'sa{sv}' use 0)" '"cpuUSec" t [1-9]'
    contains 'a stream over D-Bus is a method of its own' \
        "$(busctl introspect org.xctl1 /org/xctl1/container/use org.xctl1.Container)" '\.FollowStats +method +a\{sv\} +h'
    check 'and answers' busctl call org.xctl1 /org/xctl1/container/use org.xctl1.Container FollowStats 'a{sv}' 0
    xctl stats use --follow --interval=100ms --json >"$work/stream" 2>"$work/stream.err" & local follower=$!
    check 'xctl follows' until_true eval '[ "$(wc -l <"$work/stream")" -ge 3 ]'
    kill_daemon
    local before
    before=$(wc -l <"$work/stream")
    check 'also after xctld was killed' until_true eval '[ "$(wc -l <"$work/stream")" -gt '"$((before + 2))"' ]'
    xctl stop use --timeout=0
    local status=0
    wait $follower || status=$?
    equal 'until it has ended' 9 $status
    contains 'and says so' "$(cat "$work/stream.err")" 'use is not running'
    xctl delete use
}

mkdir -p /etc/xctl/containers
for test in ${*:-pause frozen_by_systemd late_hooks exec_while_stopping hasty processes stats}; do
    note "== $test"
    "test_$test"
done
