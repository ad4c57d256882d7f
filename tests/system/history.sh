#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What is known of past runs: history and why, for people and as JSON, on both transports; who asked for an end, whether
# it had to be killed, which step or hook failed, what was printed last; that it survives xctld; its length. And the
# policies that go by exit codes, the one that outlives a boot, reset, and the event of a crash loop.
. /src/tests/system/lib.sh

# define NAME EXTRA-JSON SCRIPT [CONFIG-FILTER]
define() {
    script_bundle "$work/$1" "$3" "${4:-.}"
    jq -n --arg bundle "$work/$1" --argjson extra "$2" '{$bundle} + $extra' >"/etc/xctl/containers/$1.json"
}
why() { xctl why "$1" --json | jq -r "[$2] | map(tostring) | join(\" \")"; }
kill_daemon() { systemctl kill --signal=KILL --kill-whom=main xctld; until_true xctl list; }

test_ends() {
    define h '{}' 'echo first; echo last words; exit 3'
    equal 'nothing yet' 'No run of h has ended yet.' "$(xctl why h)"
    equal 'no runs' '[]' "$(xctl history h --json)"
    xctl start h || true
    check 'it ended' until_true state_is h stopped
    equal 'by itself' '1 exited 3 itself' "$(why h '.run, .exitReason, .exitStatus, .cause')"
    equal 'what it printed last' 'first|last words||' "$(xctl why h --json | jq -r .console | tr '\n' '|')"
    contains 'for people' "$(xctl why h)" '^Run 1 of h exited with 3, .* ago, after '
    contains 'with the lines' "$(xctl why h)" '^    last words$'
    contains 'a line per run' "$(xctl history h)" '^1 .* exited 3 +itself'
    check 'over D-Bus' busctl call org.xctl1 /org/xctl1/container/h org.xctl1.Container Why
    equal 'over varlink' 3 "$(varlinkctl call -j unix:/run/xctl/org.xctl.Containers org.xctl.Containers.History '{"name": "h"}' | jq '.runs[0].exitStatus')"

    define asked '{}' 'trap "exit 0" TERM; echo up; while :; do sleep 0.05; done'
    xctl start asked
    until_true eval 'xctl logs asked | grep -q up'
    xctl stop asked
    equal 'a stop, by whom' 'user stop by uid 0 false' "$(why asked '.cause, .by, .timedOut')"
    xctl start asked
    xctl kill asked KILL
    check 'killed' until_true state_is asked stopped
    equal 'a kill, by whom' 'user kill SIGKILL by uid 0' "$(why asked '.cause, .by')"
    xctl start asked
    kill -KILL "$(field asked pid)"
    check 'killed from outside' until_true state_is asked stopped
    equal 'nobody that we know of' 'itself signal 9' "$(why asked '.cause, .exitReason, .exitStatus')"
    xctl start asked
    systemctl stop xctl-asked.scope
    check 'stopped by systemd' until_true state_is asked stopped
    equal 'it says so' systemd "$(xctl history asked --json | jq -r '.[-1].cause')"
    equal 'the last failure is the one before' 3 "$(why asked .run)"

    define stubborn '{}' 'trap "" TERM; echo up; while :; do sleep 0.05; done'
    xctl start stubborn
    until_true eval 'xctl logs stubborn | grep -q up'
    xctl stop stubborn --timeout=200ms
    equal 'it had to be killed' 'user true signal 9' "$(why stubborn '.cause, .timedOut, .exitReason, .exitStatus')"
    contains 'for people' "$(xctl why stubborn)" 'after stop by uid 0; it did not end in time'
    xctl delete h
    xctl delete asked
    xctl delete stubborn
}

test_launches() {
    define bad '{}' 'exit 0' '.process.args = ["/no/such"]'
    xctl start bad 2>/dev/null || true
    equal 'the step, the path and the error' 'launch-failed launch executable 2' "$(why bad '.exitReason, .cause, .step, .errno')"
    contains 'for people' "$(xctl why bad)" 'could not be launched.*errno 2 \(No such file or directory\)'
    printf '#!/bin/sh\necho "the hook says no" >&2\nexit 4\n' >"$work/hook"
    chmod +x "$work/hook"
    define hooked '{}' 'exit 0' ".hooks.createRuntime = [{path: \"$work/hook\"}]"
    xctl start hooked 2>/dev/null || true
    equal 'a hook' 'launch-failed hook hook' "$(why hooked '.exitReason, .cause, .step')"
    contains 'what went wrong with it' "$(why hooked .message)" "$work/hook"
    xctl delete bad
    xctl delete hooked
}

test_survival() {
    define loop '{"history": 3, "restart": {"policy": "always", "delayUSec": 50000, "multiplier": 1, "limit": 0}}' 'sleep 0.2; exit 5'
    xctl start loop
    check 'it ran often' until_true eval '[ "$(field loop runs)" -ge 5 ]'
    equal 'as many as wanted are kept' 3 "$(xctl history loop --json | jq length)"
    kill_daemon
    equal 'the next daemon has them' 3 "$(xctl history loop --json | jq length)"
    check 'in order' jq -e 'map(.run) == (map(.run) | sort) and all(.[]; .exitStatus == 5)' <<<"$(xctl history loop --json)"
    xctl delete --force loop
    define slow '{"stop": {"timeoutUSec": 60000000}}' 'trap "while [ ! -e /end ]; do sleep 0.05; done; exit 0" TERM
        echo up; while :; do sleep 0.05; done'
    xctl start slow
    until_true eval 'xctl logs slow | grep -q up'
    xctl stop slow 2>/dev/null & local stopper=$!
    check 'it stops' until_true state_is slow stopping
    kill_daemon
    touch "$work/slow/rootfs/end"
    wait $stopper || true
    check 'it has stopped' until_true state_is slow stopped
    equal 'who asked is known to the next daemon' 'user stop by uid 0' "$(why slow '.cause, .by')"
    xctl delete slow
}

test_lists() {
    define prevent '{"restart": {"policy": "always", "delayUSec": 20000, "preventExitStatus": ["7", "TERM"]}}' 'sleep 0.1; exit 7'
    xctl start prevent
    check 'an exit code that prevents' until_true state_is prevent stopped
    equal 'no restart' 1 "$(field prevent runs)"
    define force '{"restart": {"policy": "on-failure", "delayUSec": 20000, "forceExitStatus": ["0"]}}' 'sleep 0.1; exit 0'
    xctl start force
    check 'an exit code that forces' until_true eval '[ "$(field force runs)" -ge 2 ]'
    xctl delete --force force
    xctl delete prevent
}

test_crash_loop() {
    define crash '{"restart": {"policy": "always", "delayUSec": 20000, "multiplier": 1, "limit": 2}}' 'exit 1'
    xctl events --json >"$work/events" & local watcher=$!
    until_heard "$work/events"
    xctl start crash || true
    check 'an event' until_true eval 'jq -e "select(.event == \"crash-loop\" and .name == \"crash\")" "$work/events"'
    check 'and one of the state, with its end' until_true eval \
        'jq -e "select(.event == \"failed\" and .exitStatus == 1 and .exitReason == \"exited\")" "$work/events"'
    kill $watcher
    equal 'it has failed' 'failed 2' "$(field crash state) $(field crash restarts)"
    check 'reset' xctl reset crash
    equal 'the count is gone' 'stopped 0' "$(field crash state) $(field crash restarts)"
    xctl delete crash
}

# entries NAME MESSAGE-ID: the journal's entries of xctld about a container, as JSON.
entries() { journalctl --sync; journalctl --boot --output=json --no-pager _SYSTEMD_UNIT=xctld.service "MESSAGE_ID=$2" "CONTAINER_NAME=$1"; }
told() { entries "$1" "$2" | jq -rs "map(.MESSAGE) | length"; } # how often
ended=888d35b8ebf443c396bb5da59038436f unlaunched=36347cd29cb64d3f876de0ea9b0c8252
given_up=f8d5dc4333624c318fd06b0e2351a3ba unhealthy=fd02a458b9374271bba07fe5e1185b8e

test_journal() {
    define crashy '{"restart": {"policy": "on-failure", "delayUSec": 20000, "multiplier": 1, "limit": 2}}' 'sleep 0.1; exit 3'
    xctl start crashy
    check 'it fails' until_true state_is crashy failed
    equal 'each end has an entry' 3 "$(told crashy $ended)"
    equal 'with its exit status, as systemd has it' 'exited 3 1 itself' \
        "$(entries crashy $ended | jq -rs '.[0] | [.EXIT_CODE, .EXIT_STATUS, .CONTAINER_RUN, .CONTAINER_END_CAUSE] | join(" ")')"
    equal 'and the crash loop has one' 1 "$(told crashy $given_up)"
    contains 'which says so' "$(entries crashy $given_up | jq -r .MESSAGE)" \
        '^crashy: exited with status 3; restarted 2 times within 600 s, giving up$'
    contains 'journalctl of xctld shows them' "$(journalctl -b -u xctld -o cat --no-pager)" '^crashy: exited with status 3$'
    contains "and that of the container's unit" "$(journalctl -b -u xctl-crashy.scope -o cat --no-pager)" '^crashy: exited with status 3$'
    journalctl --update-catalog
    contains 'the catalog explains an end' "$(journalctl -x -b --no-pager MESSAGE_ID=$ended)" 'The container crashy has ended unexpectedly'
    contains 'and a crash loop' "$(journalctl -x -b --no-pager MESSAGE_ID=$given_up)" 'The container crashy has failed: it ended too often'
    xctl delete crashy

    define calm '{}' 'trap "exit 4" TERM; echo up; while :; do sleep 0.05; done'
    xctl start calm
    until_true eval 'xctl logs calm | grep -q up'
    xctl stop calm
    equal 'what was asked for has none' 0 "$(told calm $ended)"
    xctl start calm
    xctl kill calm KILL
    check 'it ends' until_true state_is calm stopped
    equal 'nor has a kill' 0 "$(told calm $ended)"
    xctl start calm
    kill -KILL "$(field calm pid)"
    check 'it ends' until_true state_is calm stopped
    contains 'a signal of somebody else has' "$(entries calm $ended | jq -r '"\(.EXIT_CODE) \(.EXIT_STATUS) \(.MESSAGE)"')" \
        '^killed 9 calm: killed by SIGKILL$'
    xctl delete calm

    define nogo '{}' 'exit 0' '.process.args = ["/no/such"]'
    xctl start nogo 2>/dev/null || true
    equal 'a launch that fails' 1 "$(told nogo $unlaunched)"
    contains 'is explained' "$(journalctl -x -b --no-pager MESSAGE_ID=$unlaunched)" 'The container nogo could not be launched'
    xctl delete nogo
    define ill '{"health": {"exec": ["false"], "intervalUSec": 100000, "retries": 2}}' 'sleep 1000'
    xctl start ill
    check 'ill health' until_true eval '[ "$(told ill $unhealthy)" = 1 ]'
    sleep 0.5
    equal 'is told once' 1 "$(told ill $unhealthy)"
    contains 'and explained' "$(journalctl -x -b --no-pager MESSAGE_ID=$unhealthy)" 'The container ill is unhealthy'
    xctl delete --force ill
}

test_unless_stopped() {
    define keep '{"restart": {"policy": "unless-stopped", "delayUSec": 20000}}' 'trap "exit 0" TERM; echo ready; while :; do sleep 0.05; done'
    boot() { # what the first daemon of a boot finds
        systemctl stop xctld.socket xctld
        systemctl kill --signal=KILL xctl-keep.scope 2>/dev/null || true
        until_true eval '! systemctl is-active --quiet xctl-keep.scope'
        systemctl clean --what=fdstore xctld
        rm -rf /run/xctl/state/keep /run/xctl/booted
        systemctl start xctld.socket xctld
    }
    boot
    equal 'nobody asked for it yet' created "$(field keep state)"
    xctl start keep
    # The first process of a container ignores a signal until it has a handler.
    check 'it is ready' until_true eval 'xctl logs keep | grep -q ready'
    kill "$(field keep pid)"
    check 'it is restarted' until_true eval '[ "$(field keep runs)" = 2 ]'
    boot
    check 'it starts at boot' until_true state_is keep running
    xctl stop keep
    boot
    equal 'stopped stays stopped' created "$(field keep state)"
    xctl delete keep
    check 'nothing is left of it' [ ! -e /var/lib/xctl/wanted/keep ]
}

mkdir -p /etc/xctl/containers
for test in ${*:-ends launches survival lists crash_loop journal unless_stopped}; do
    note "== $test"
    "test_$test"
done
