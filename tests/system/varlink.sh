#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The varlink interface: introspection shows every verb of xctl, with a comment on everything, and systemd's validator
# accepts it; varlinkctl can call every verb; events stream; consoles are passed as descriptors; errors have names and
# say step, path and errno; what does not fit the interface is refused; and D-Bus has the same verbs.
. /src/tests/system/lib.sh

address=unix:/run/xctl/org.xctl.Containers interface=org.xctl.Containers
call() { varlinkctl --json=short --timeout=$patience call "$address" "$interface.$1" "${2-"{}"}"; }
verbs=$(xctl help | sed -n '/^Verbs:/,/^$/ s/^  \([a-z]*\) .*/\1/p' | grep -v '^help$')

# refused WHAT ERROR METHOD PARAMETERS [PATTERN]: the call fails with this error, whose fields match.
refused() {
    [ "$(status_of call "$3" "$4")" != 0 ] || fail "$1: it was not refused"
    equal "$1" "$2" "$(sed -n 's/^.* failed: //p' "$work/err")"
    [ $# -lt 5 ] || contains "$1: the details" "$(cat "$work/out")" "$5"
}

test_introspection() {
    local idl=$work/idl verb
    varlinkctl introspect $address $interface >"$idl"
    check 'the validator accepts it' varlinkctl --quiet validate-idl "$idl" >/dev/null
    [ "$(echo "$verbs" | wc -w)" -gt 10 ] || fail "xctl help has no verbs"
    # State is a field, and on D-Bus a property.
    equal 'its methods are the verbs of xctl' "$(for verb in ${verbs/state/describe}; do echo "${verb^}"; done | sort)" \
        "$(sed -n 's/^method \([A-Za-z]*\)(.*/\1/p' "$idl" | sort)"
    # A stream is a flag of the call here, and a method of its own there.
    equal 'and those of D-Bus' "$(sed -n 's/^method \([A-Za-z]*\)(.*/\1/p' "$idl" | sort)" \
        "$(busctl --no-legend introspect org.xctl1 /org/xctl1 org.xctl1.Manager | awk '$2 == "method" && $1 !~ /^\.Follow/ { print substr($1, 2) }' | sort)"
    equal 'everything has a comment' '' \
        "$(awk '/^(interface|type|method|error) |^\t[a-zA-Z]+:/ && previous !~ /^\t?# / { print NR ": " $0 } { previous = $0 }' "$idl")"
    local error
    for error in InvalidArgument InvalidDocument Unsupported NotFound Exists WrongState Denied NeedsAuthentication Timeout \
        Cancelled LaunchFailed System; do
        contains "the error $error" "$(cat "$idl")" "^error $error\\("
    done
    contains 'who serves it' "$(varlinkctl info $address)" 'Product: xctld'
}

test_verbs() {
    script_bundle "$work/v" 'trap "exit 4" TERM; echo started; while :; do sleep 0.1; done'
    varlinkctl --more --json=short --timeout=infinity call $address $interface.Events '{}' >"$work/events" &
    local listener=$! state='.container.state'
    until_heard "$work/events"
    equal Create created "$(call Create "{\"name\": \"v\", \"bundle\": \"$work/v\", \"restart\": \"on-failure\"}" | jq -r $state)"
    equal Start running "$(call Start '{"name": "v"}' | jq -r $state)"
    equal List '["v","running","on-failure"]' "$(call List | jq -c '.containers[] | [.name, .state, .restartPolicy]')"
    equal Describe 'running running' "$(call Describe '{"name": "v"}' | jq -r '[.container.status, (.ociState | fromjson | .status)] | join(" ")')"
    # The first process of a container ignores a signal until it has a handler.
    starts_are() { [ "$(xctl logs v | grep -c started)" = "$1" ]; }
    until_true starts_are 1 || fail 'it says nothing'
    equal Restart 'running 2' "$(call Restart '{"name": "v"}' | jq -r '[.container.state, .container.runs] | join(" ")')"
    equal Attach 0 "$(call Attach '{"name": "v", "observe": true}' | jq .fd)"
    equal Logs 0 "$(call Logs '{"name": "v", "lines": 1}' | jq .fd)"
    until_true starts_are 2 || fail 'it says nothing after a restart'
    equal Stop 'stopped 4' "$(call Stop '{"name": "v", "timeoutUSec": 5000000}' | jq -r '[.container.state, .container.exitStatus] | join(" ")')"
    equal Wait stopped "$(call Wait '{"name": "v"}' | jq -r $state)"
    equal 'Start with other arguments' running "$(call Start '{"name": "v", "args": ["sh", "-c", "exit 0 | sleep 1000"]}' | jq -r $state)"
    equal Kill '{}' "$(call Kill '{"name": "v", "signal": "KILL"}')"
    equal 'Enable and Disable' 'true false' \
        "$(call Enable '{"name": "v"}' | jq .container.autostart) $(call Disable '{"name": "v"}' | jq .container.autostart)"
    equal Run 0 "$(call Run "{\"name\": \"r\", \"bundle\": \"$work/v\", \"remove\": true}" | jq .fd)"
    equal 'Delete by force' '{}{}' "$(call Delete '{"name": "v", "force": true}')$(call Delete '{"name": "r", "force": true}')"
    equal 'both are gone' '{"containers":[]}' "$(call List)"

    check 'Events' until_true grep -q '"event":"deleted","name":"r"' "$work/events"
    kill $listener
    # What varlinkctl streams is framed by record separators.
    tr -d '\036' <"$work/events" >"$work/lines"
    contains 'events tell each state of each run' \
        "$(jq -r '.event | select(.name == "v") | .event' "$work/lines" | xargs)" \
        '^created starting running stopping starting running stopping stopped starting running .*deleted$'
    equal 'and how it stopped' 'exited 4' \
        "$(jq -r '.event | select(.name == "v" and .event == "stopped") | .exitReason, .exitStatus' "$work/lines" | head -n 2 | xargs)"
    equal 'events are numbered without a gap' true \
        "$(jq -s '[.[].event.sequence] | . == [range(.[0]; .[0] + length)]' "$work/lines")"
}

test_parts() {
    local i
    bundle "$work/p"
    for i in {1..40}; do printf '{"bundle": "%s"}' "$work/p" >"/etc/xctl/containers/p$i.json"; done
    equal 'with more, a list comes in parts' '16 16 8' \
        "$(varlinkctl --more --json=short call $address $interface.List '{}' | tr -d '\036' | jq -c '.containers | length' | xargs)"
    equal 'which together are all' "$(call List | jq -c .containers)" \
        "$(varlinkctl --more --json=short call $address $interface.List '{}' | tr -d '\036' | jq -cs 'map(.containers[])')"
    equal 'and xctl shows them all' 40 "$(xctl list | grep -c '^p')"
    # Who leaves before the last part takes nothing with it, and leaves nothing behind.
    local pid before
    pid=$(systemctl show --property=MainPID --value xctld)
    before=$(ls "/proc/$pid/fd" | wc -l)
    python3 - "${address#unix:}" <<'END'
import socket, sys
for size in (0, 1, 6000, 9000) * 10:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(sys.argv[1])
        link.send(b'{"method": "org.xctl.Containers.List", "more": true}\0')
        if size:
            assert link.recv(size)
END
    equal 'and to the next' 40 "$(xctl list | grep -c '^p')"
    check 'no connection is left' until_true eval '[ "$(ls "/proc/$pid/fd" | wc -l)" -le "$before" ]'
    equal 'by the same xctld' "$pid" "$(systemctl show --property=MainPID --value xctld)"
    for i in {1..40}; do xctl delete p$i; done
}

test_descriptor() {
    script_bundle "$work/d" 'echo ready; read -r line; echo "heard $line"; exit 7'
    xctl create d "$work/d"
    equal 'a console as a descriptor' 'ready heard varlink' "$(timeout $patience python3 - "${address#unix:}" <<'END'
import array, json, os, socket, sys

def call(method, **parameters):
    link = socket.socket(socket.AF_UNIX)
    link.connect(sys.argv[1])
    link.send(json.dumps({'method': 'org.xctl.Containers.' + method, 'parameters': parameters}).encode() + b'\0')
    data, fds = b'', []
    while not data.endswith(b'\0'):
        part, new, _, _ = socket.recv_fds(link, 65536, 4)
        data, fds = data + part, fds + new
        assert part, data
    return json.loads(data[:-1])['parameters'], fds

reply, fds = call('Attach', name='d')
console = fds[reply['fd']]
call('Start', name='d')
assert os.read(console, 64) == b'ready\n'
os.write(console, b'varlink\n')
print('ready', os.read(console, 64).decode().strip())
END
)"
    check 'it has ended' until_true state_is d stopped
    equal 'as it should' 7 "$(field d exitStatus)"
    xctl delete d
}

test_errors() {
    bundle "$work/e" '.process.args = ["/no/such"]'
    xctl create e "$work/e"
    refused NotFound $interface.NotFound Start '{"name": "nobody"}' '"message":"no container \\"nobody\\""'
    refused Exists $interface.Exists Create "{\"name\": \"e\", \"bundle\": \"$work/e\"}"
    refused InvalidArgument $interface.InvalidArgument Stop '{"name": "../e"}'
    refused WrongState $interface.WrongState Kill '{"name": "e"}'
    refused LaunchFailed $interface.LaunchFailed Start '{"name": "e"}' '"step":"exec[a-z]*","path":"/no/such","errno":2\}'
    bundle "$work/f" '.root.path = 7'
    refused InvalidDocument $interface.InvalidDocument Create "{\"name\": \"f\", \"bundle\": \"$work/f\"}" \
        "\"message\":\"$work/f/config\\.json: /root/path: "
    xctl delete e
}

test_parameters() {
    local invalid=org.varlink.service.InvalidParameter
    refused 'a missing name' $invalid Start '{}' '"parameter":"name"'
    refused 'a name that is a number' $invalid Start '{"name": 7}' '"parameter":"name"'
    refused 'an array for a flag' $invalid Logs '{"name": "x", "follow": []}' '"parameter":"follow"'
    refused 'a string for an array' $invalid Start '{"name": "x", "args": "sh"}' '"parameter":"args"'
    refused 'a number within an array of strings' $invalid Start '{"name": "x", "args": ["sh", 1]}' '"parameter":"args"'
    refused 'a negative number' $invalid Logs '{"name": "x", "lines": -1}' '"parameter":"lines"'
    refused 'an unknown parameter' $invalid List '{"nope": 1}' '"parameter":"nope"'
    refused 'an unknown method' org.varlink.service.MethodNotFound Nope '{}'
    refused 'Events without more' org.varlink.service.ExpectedMore Events '{}'
    refused 'null counts as absent' $interface.NotFound Start '{"name": "nobody", "args": null, "allowInteractiveAuthentication": null}'
    # What is no varlink at all costs its own connection only.
    local pid
    pid=$(systemctl show --property=MainPID --value xctld)
    python3 - "${address#unix:}" <<'END'
import socket, sys
for junk in (b'\0', b'{}\0', b'[1]\0', b'{"method": 7}\0', b'{"method": "org.xctl.Containers.List", "parameters": []}\0',
             b'\xff' * 5000 + b'\0', b'{"method":' * 1000 + b'\0'):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(60)
    link.connect(sys.argv[1])
    link.send(junk)
    try:
        answer = link.recv(65536)
    except ConnectionResetError:
        answer = b''
    assert b'"error"' in answer or not answer, (junk, answer)
END
    equal 'xctld lives on' "$pid" "$(systemctl show --property=MainPID --value xctld)"
    equal 'and answers' '{"containers":[]}' "$(call List)"
}

for test in ${*:-introspection verbs parts descriptor errors parameters}; do
    note "== $test"
    "test_$test"
done
