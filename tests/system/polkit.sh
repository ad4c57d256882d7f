#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Who may do what. Somebody without rights is refused every verb on varlink and on D-Bus, changes nothing, hears no
# signal, and reads no property, name, console or record. A polkit rule about an action, a container and a verb allows
# just that, on both transports.
. /src/tests/system/lib.sh

as_user() { runuser -u somebody -- timeout $patience "$@"; }
path=/org/xctl1
# dbus-send prints the names of errors.
send() { # OBJECT-PATH INTERFACE METHOD ARGUMENT...
    as_user dbus-send --system --print-reply --reply-timeout=60000 --dest=org.xctl1 "$1" "$2.$3" "${@:4}"
}
error_of_send() { send "$@" 2>&1 | sed -n 's/^Error \([^:]*\):.*/\1/p'; }
snapshot() {
    xctl list --json
    find /etc/xctl /run/xctl/containers -type f -exec md5sum {} + 2>/dev/null | sort
    systemctl list-units --no-legend 'xctl-*.scope' | awk '{ print $1, $3, $4 }'
}
no_options=dict:string:variant:

# Every verb, as its words on the command line; "run" runs, "idle" does not.
words_of() {
    case $1 in
    create | run) echo "$1 stolen $work/bundle" ;;
    start | delete | enable | disable) echo "$1 idle" ;;
    list | events) echo "$1" ;;
    set) echo "$1 idle autostart=yes" ;;
    exec) echo "$1 run -- true" ;;
    *) echo "$1 run" ;;
    esac
}

# And as arguments of D-Bus.
arguments_of() {
    case $1 in
    create | run) echo "string:stolen string:$work/bundle $no_options" ;;
    start | delete) echo "string:idle $no_options" ;;
    enable | disable) echo string:idle ;;
    list | events) ;;
    state | wait | cat | explain | diff | pause | resume | ps | reset | why | history | clients | execs) echo string:run ;;
    exec) echo "string:run array:string:true $no_options" ;;
    set) echo "string:idle array:string:autostart=yes $no_options" ;;
    *) echo "string:run $no_options" ;;
    esac
}

verbs=$(xctl help | sed -n '/^Verbs:/,/^$/ s/^  \([a-z]*\) .*/\1/p' | grep -v '^help$')

# refused_xctl WORD...: with the status that the man page gives, and a reason.
refused_xctl() {
    local expected=4 status
    case $1 in run | attach | exec) expected=125 ;; esac
    status=$(status_of as_user xctl "$@")
    equal "xctl $*: refused" $expected "$status"
    contains "xctl $*: says why" "$(cat "$work/err")" 'org\.xctl1\.[a-z]+.*(authentication|authorized)|(authentication|authorized).*org\.xctl1\.[a-z]+'
    equal "xctl $*: prints nothing" '' "$(cat "$work/out")"
}
refused_send() { contains "D-Bus $3 ${4-}: refused" "$(error_of_send "$@")" '^org\.xctl1\.Error\.(Denied|NeedsAuthentication)$'; }
# State is a property.
method_of() { if [ "$1" = state ]; then echo Describe; else echo "${1^}"; fi; }
allowed() { check "allowed: $*" as_user "$@" >/dev/null; }

test_refusal() {
    local verb before
    before=$(snapshot)
    for verb in $verbs; do
        # shellcheck disable=SC2046
        refused_xctl $(words_of "$verb")
        # shellcheck disable=SC2046
        refused_send $path org.xctl1.Manager "$(method_of "$verb")" $(arguments_of "$verb")
        case $verb in create | run | list | events) continue ;; esac
        # shellcheck disable=SC2046
        refused_send $path/container/run org.xctl1.Container "$(method_of "$verb")" $(arguments_of "$verb" | sed 's/string:[a-z]* *//')
    done
    refused_xctl start nobody
    equal 'nothing has changed' "$before" "$(snapshot)"
    contains 'busctl is refused, too' "$(as_user busctl call org.xctl1 $path org.xctl1.Manager List 2>&1 || true)" 'authentication|authorized'
    contains 'varlinkctl is refused, too' \
        "$(as_user varlinkctl call unix:/run/xctl/org.xctl.Containers org.xctl.Containers.List '{}' 2>&1 || true)" \
        'org\.xctl\.Containers\.(Denied|NeedsAuthentication)'
}

test_leaks() {
    local denied=org.freedesktop.DBus.Error.AccessDenied properties=org.freedesktop.DBus.Properties
    equal 'a property' $denied "$(error_of_send $path/container/run $properties Get string:org.xctl1.Container string:State)"
    equal 'all properties' $denied "$(error_of_send $path/container/run $properties GetAll string:org.xctl1.Container)"
    equal 'the managed objects' $denied "$(error_of_send $path org.freedesktop.DBus.ObjectManager GetManagedObjects)"
    check 'the interface itself may be read' send $path org.freedesktop.DBus.Introspectable Introspect >/dev/null
    [ "$(as_user busctl --no-pager tree org.xctl1 2>/dev/null | grep -c 'container/run')" = 0 ] || fail 'names leak by introspection'
    note 'no names by introspection'
    local file
    for file in console record.json; do
        check "root can read $file" head -c 1 /run/xctl/state/run/$file >/dev/null
        [ "$(status_of as_user head -c 1 /run/xctl/state/run/$file)" != 0 ] || fail "$file can be read"
    done
    note 'files are closed'

    # The same listener hears everything as root.
    cat >"$work/listen.py" <<'END'
import asyncio, sys
from sdbus import (DbusInterfaceCommonAsync, DbusObjectManagerInterfaceAsync, dbus_signal_async, sd_bus_open_system,
                   set_default_bus)

class Manager(DbusInterfaceCommonAsync, interface_name='org.xctl1.Manager'):
    @dbus_signal_async('so')
    def container_new(self): ...
    @dbus_signal_async('tssa{sv}')
    def event(self): ...

async def listen(signal):
    async for _ in signal.catch():
        print('heard', flush=True)

async def main():
    set_default_bus(sd_bus_open_system())
    manager = Manager.new_proxy('org.xctl1', '/org/xctl1')
    container = Manager.new_proxy('org.xctl1', '/org/xctl1/container/run')
    objects = DbusObjectManagerInterfaceAsync.new_proxy('org.xctl1', '/org/xctl1')
    tasks = [asyncio.create_task(listen(signal)) for signal in (
        manager.container_new, manager.event, container.properties_changed, objects.interfaces_added)]
    await asyncio.sleep(0.5)
    print('listening', flush=True)
    await asyncio.sleep(6)

asyncio.run(main())
END
    chmod 755 "$work"
    python3 "$work/listen.py" >"$work/root" & local first=$!
    as_user python3 "$work/listen.py" >"$work/user" & local second=$!
    until_true grep -q listening "$work/root" && until_true grep -q listening "$work/user" || fail 'nobody listens'
    xctl create new "$work/bundle"
    xctl restart run
    xctl delete new
    wait $first $second
    [ "$(grep -c heard "$work/root")" -ge 6 ] || fail "root hears only $(grep -c heard "$work/root") signals"
    equal 'signals are for root' 0 "$(grep -c heard "$work/user" || true)"
}

rule() { # JAVASCRIPT-EXPRESSION on id, container and verb
    cat >/etc/polkit-1/rules.d/10-test.rules <<END
polkit.addRule(function(action, subject) {
    var id = action.id, container = action.lookup("container"), verb = action.lookup("verb");
    if (subject.user == "somebody" && ($1)) return polkit.Result.YES;
});
END
    chmod 644 /etc/polkit-1/rules.d/10-test.rules
}

test_rule_for_a_container() {
    rule 'id == "org.xctl1.manage" && container == "mine"'
    check 'the rule takes effect' until_true as_user xctl start mine
    equal 'start' running "$(field mine state)"
    allowed xctl kill mine USR1
    allowed xctl restart mine
    equal 'restart' 2 "$(field mine runs)"
    allowed xctl stop mine
    equal 'stop' stopped "$(field mine state)"
    allowed busctl call org.xctl1 $path org.xctl1.Manager Start 'sa{sv}' mine 0
    allowed busctl call org.xctl1 $path/container/mine org.xctl1.Container Stop 'a{sv}' 0
    equal 'the same on D-Bus' '3 stopped' "$(field mine runs) $(field mine state)"
    local before verb
    before=$(snapshot)
    for verb in delete enable disable state attach logs wait; do refused_xctl $verb mine; done
    for verb in list events; do refused_xctl $verb; done
    for verb in start restart stop kill; do
        refused_xctl $verb run
        refused_xctl $verb min
        refused_xctl $verb mine2
        refused_send $path org.xctl1.Manager "$(method_of "$verb")" string:run $no_options
        refused_send $path/container/run org.xctl1.Container "$(method_of "$verb")" $no_options
    done
    refused_send $path org.xctl1.Manager Delete string:mine $no_options
    equal 'nothing has changed' "$before" "$(snapshot)"
}

test_rule_for_a_verb() {
    rule 'id == "org.xctl1.attach" && verb == "logs" || id == "org.xctl1.inspect" && container == "mine" && verb == "state"'
    check 'the rule takes effect' until_true as_user xctl logs run
    equal 'logs' ready "$(as_user xctl logs run | head -n 1)"
    equal 'state' mine "$(as_user xctl state mine --json | jq -r .id)"
    refused_xctl attach run
    refused_xctl state run
    refused_xctl wait mine
    refused_xctl list
    refused_xctl stop mine
    refused_send $path org.xctl1.Manager Attach string:run $no_options

    rule 'id == "org.xctl1.configure" && container == "own"'
    check 'the rule takes effect' until_true as_user xctl create own "$work/bundle"
    allowed xctl enable own
    refused_xctl create other "$work/bundle"
    refused_xctl delete mine
    allowed xctl delete own
    equal 'it is gone' '' "$(field own name)"
    rm /etc/polkit-1/rules.d/10-test.rules
    check 'without the rule it is refused again' until_true eval '[ "$(status_of as_user xctl create own "$work/bundle")" = 4 ]'
}

id somebody >/dev/null 2>&1 || useradd --create-home somebody
script_bundle "$work/bundle" 'trap "exit 0" TERM; trap : USR1; echo ready; while :; do sleep 0.1; done'
for name in run idle mine mine2; do xctl create $name "$work/bundle"; done
xctl start run
check 'it has printed' until_true eval '[ "$(field run consoleEnd)" = 6 ]'
for test in ${*:-refusal leaks rule_for_a_container rule_for_a_verb}; do
    note "== $test"
    "test_$test"
done
