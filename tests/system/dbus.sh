#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The D-Bus interface: it starts xctld; introspection shows every verb, property and signal with its type; containers
# are objects of an ObjectManager; busctl can do what xctl can; a program in Python creates, starts, talks to and waits
# for a container and hears of everything; errors have names.
. /src/tests/system/lib.sh

path=/org/xctl1 manager=org.xctl1.Manager
call() { busctl --json=short --timeout=$patience -- call org.xctl1 $path $manager "$@"; }
call_at() { busctl --json=short --timeout=$patience -- call org.xctl1 "$path/container/$1" org.xctl1.Container "${@:2}"; }
get() { busctl get-property org.xctl1 "$path/container/$1" org.xctl1.Container "$2"; }
listing() { # PATH INTERFACE: its members with their types
    busctl --no-pager --no-legend introspect org.xctl1 "$1" "$2" | awk '{ print $1, $2, $3, ($2 == "method" ? $4 : "") }' |
        sed 's/^\.//; s/ *$//' | LC_ALL=C sort
}
# An error is named in the message of the D-Bus library, which busctl does not print, so we ask for it ourselves.
error_of() { # METHOD SIGNATURE ARGUMENT...
    dbus-send --system --print-reply --dest=org.xctl1 $path $manager."$1" "${@:2}" 2>&1 | sed -n 's/^Error \([^:]*\):.*/\1/p'
}
options=dict:string:variant:

test_activation() {
    systemctl stop xctld.socket xctld-launch.socket xctld.service 2>/dev/null
    check 'xctld is not running' [ "$(systemctl is-active xctld.service)" = inactive ]
    equal 'a call is answered' '{"type":"aa{sv}","data":[[]]}' "$(call List)"
    equal 'xctld has been started' active "$(systemctl is-active xctld.service)"
    equal 'with its sockets' 'active active' "$(systemctl is-active xctld.socket xctld-launch.socket | xargs)"
    check 'so that xctl works as well' xctl list
}

test_introspection() {
    equal 'the manager, completely' "$(LC_ALL=C sort <<'END'
Attach method sa{sv} h
Cat method s aa{sv}
Clients method s aa{sv}
Create method ssa{sv} a{sv}
Delete method sa{sv} -
Describe method s a{sv}s
Diff method s aa{sv}
Disable method s a{sv}
Edit method sa{sv} saa{sv}
Enable method s a{sv}
Events method - h
Exec method sasa{sv} sh
Execs method s aa{sv}
Explain method s s
FollowStats method sa{sv} h
History method s aa{sv}
Kill method sa{sv} -
List method - aa{sv}
Logs method sa{sv} h
Pause method s a{sv}
Ps method s aa{sv}t
Reset method s a{sv}
Restart method sa{sv} a{sv}
Resume method s a{sv}
Run method ssa{sv} h
Set method sasa{sv} a{sv}aa{sv}
Start method sa{sv} a{sv}
Stats method sa{sv} a{sv}aa{sv}t
Stop method sa{sv} a{sv}
Verify method sa{sv} aa{sv}
Wait method s a{sv}
Why method s a{sv}
Version property s
ContainerNew signal so
ContainerRemoved signal so
Event signal tssa{sv}
END
    )" "$(listing $path $manager)"
    local verb
    for verb in $(xctl help | sed -n '/^Verbs:/,/^$/ s/^  \([a-z]*\) .*/\1/p' | grep -v '^help$'); do
        # State is a property.
        [ "$verb" != state ] || verb=describe
        contains "the verb $verb has a method" "$(listing $path $manager)" "^${verb^} method"
    done
    bundle "$work/a"
    xctl create a-b.c "$work/a"
    equal 'a container, completely' "$(LC_ALL=C sort <<'END'
Attach method a{sv} h
Cat method - aa{sv}
Clients method - aa{sv}
Delete method a{sv} -
Describe method - a{sv}s
Diff method - aa{sv}
Disable method - a{sv}
Edit method a{sv} saa{sv}
Enable method - a{sv}
Exec method asa{sv} sh
Execs method - aa{sv}
Explain method - s
FollowStats method a{sv} h
History method - aa{sv}
Kill method a{sv} -
Logs method a{sv} h
Pause method - a{sv}
Ps method - aa{sv}t
Reset method - a{sv}
Restart method a{sv} a{sv}
Resume method - a{sv}
Set method asa{sv} a{sv}aa{sv}
Start method a{sv} a{sv}
Stats method a{sv} a{sv}aa{sv}t
Stop method a{sv} a{sv}
Verify method a{sv} aa{sv}
Wait method - a{sv}
Why method - a{sv}
Attached property t
Autostart property b
Bundle property s
ConsoleBegin property t
ConsoleEnd property t
ExitReason property s
ExitStatus property x
Exited property t
Health property s
LoadError property s
Message property s
Name property s
NextStart property t
Pid property t
Ready property b
RestartPolicy property s
Restarts property t
Runs property t
Started property t
State property s
Status property s
Unit property s
END
    )" "$(listing $path/container/a_2db_2ec org.xctl1.Container)"
    equal 'no property has the name of a method' '' \
        "$(listing $path/container/a_2db_2ec org.xctl1.Container | cut -d ' ' -f 1 | sort | uniq -d)"
    contains 'arguments have names' "$(busctl --xml-interface introspect org.xctl1 $path)" '<arg type="s" name="bundle" direction="in"'
    contains 'busctl tree shows it' "$(busctl --no-pager tree org.xctl1)" '/org/xctl1/container/a_2db_2ec$'
    equal 'GetManagedObjects lists it' a-b.c "$(busctl --json=short call org.xctl1 $path org.freedesktop.DBus.ObjectManager \
        GetManagedObjects | jq -r '.data[0]["/org/xctl1/container/a_2db_2ec"]["org.xctl1.Container"].Name.data')"
    systemctl restart xctld
    equal 'also after xctld was restarted' 's "a-b.c"' "$(get a_2db_2ec Name)"
    xctl delete a-b.c
    [ "$(status_of get a_2db_2ec Name)" != 0 ] || fail 'the object outlives the container'
}

test_busctl() {
    script_bundle "$work/b" 'trap "exit 4" TERM; echo "started $*"; while :; do sleep 0.1; done'
    local text
    text=$(call Create 'ssa{sv}' b "$work/b" 3 restart s on-failure autostart b true scrollback t 8192)
    equal 'Create with options' 'b created on-failure true' \
        "$(jq -r '.data[0] | [.name.data, .state.data, .restartPolicy.data, .autostart.data] | join(" ")' <<<"$text")"
    text=$(call Start 'sa{sv}' b 0)
    equal 'Start' running "$(jq -r '.data[0].state.data' <<<"$text")"
    equal 'List' running "$(call List | jq -r '.data[0][] | select(.name.data == "b") | .state.data')"
    equal 'Describe' running "$(call Describe s b | jq -r '.data[1] | fromjson | .status')"
    equal 'a property' 's "running"' "$(get b State)"
    equal 'the pid is the same everywhere' "t $(field b pid)" "$(get b Pid)"
    [ "$(status_of busctl set-property org.xctl1 $path/container/b org.xctl1.Container State s gone)" != 0 ] ||
        fail 'a property could be set'
    # The first process of a container ignores a signal until it has a handler.
    until_true eval 'xctl logs b | grep -q started' || fail 'it says nothing'
    call Restart 'sa{sv}' b 1 timeoutUSec t 5000000 >/dev/null
    equal 'Restart' '2 exited 4' "$(field b runs) $(field b exitReason) $(field b exitStatus)"
    call Stop 'sa{sv}' b 0 >/dev/null
    equal 'Stop' stopped "$(field b state)"
    call_at b Start 'a{sv}' 1 args as 3 sh -c 'exec sleep 1000' >/dev/null
    equal 'Start of the object, with other arguments' running "$(field b state)"
    call_at b Kill 'a{sv}' 1 signal s KILL
    call Disable s b >/dev/null
    equal 'Disable' 'b false' "$(get b Autostart)"
    call_at b Enable >/dev/null
    equal 'Enable' 'b true' "$(get b Autostart)"
    # It is restarted now, since it failed.
    equal Kill stopped "$(call Stop 'sa{sv}' b 0 | jq -r '.data[0].state.data')"
    call Wait s b | jq -e '.data[0].state.data == "stopped"' >/dev/null || fail 'Wait'
    call Delete 'sa{sv}' b 1 force b true
    equal 'Delete' '' "$(field b name)"
}

# busctl monitor prints a signal when it comes.
test_monitor() {
    script_bundle "$work/m" 'echo hi; exit 9'
    xctl create m "$work/m"
    busctl --json=short --match="type='signal',path='$path/container/m'" monitor >"$work/monitor" 2>/dev/null &
    local monitor=$!
    # The monitor listens when it has seen a signal of ours.
    until_true eval 'busctl emit $path/container/m org.xctl1.Test Here && [ -s "$work/monitor" ]' || fail 'the monitor sees nothing'
    xctl start m || true
    xctl wait m || true
    check 'a monitor sees the end' until_true grep -q '"ExitStatus":{"type":"x","data":9}' "$work/monitor"
    kill $monitor
    equal 'as PropertiesChanged of the container' 'org.freedesktop.DBus.Properties PropertiesChanged org.xctl1.Container' \
        "$(tail -n 1 "$work/monitor" | jq -r '[.interface, .member, .payload.data[0]] | join(" ")')"
    xctl delete m
}

test_python() {
    script_bundle "$work/p" 'echo ready; read -r line; echo "heard $line"; exit 7'
    check 'a Python program' timeout $patience python3 /src/tests/system/dbus.py "$work/p"
}

test_errors() {
    local prefix=org.xctl1.Error
    bundle "$work/e" '.process.args = ["/no/such"]'
    xctl create e "$work/e"
    equal NotFound $prefix.NotFound "$(error_of Start string:nobody $options)"
    equal Exists $prefix.Exists "$(error_of Create string:e string:"$work/e" $options)"
    equal 'InvalidArgument: a name' $prefix.InvalidArgument "$(error_of Create string:../e string:"$work/e" $options)"
    equal 'InvalidArgument: a relative path' $prefix.InvalidArgument "$(error_of Create string:f string:tmp/e $options)"
    equal 'InvalidArgument: a signal' $prefix.InvalidArgument "$(error_of Kill string:e ${options}signal,string:NOPE)"
    equal 'InvalidArgument: a policy' $prefix.InvalidArgument "$(error_of Create string:f string:"$work/e" ${options}restart,string:maybe)"
    equal LaunchFailed $prefix.LaunchFailed "$(error_of Start string:e $options)"
    equal 'WrongState: a signal to what does not run' $prefix.WrongState "$(error_of Kill string:e $options)"
    bundle "$work/f" '.process.cwd = 7'
    equal InvalidDocument $prefix.InvalidDocument "$(error_of Create string:f string:"$work/f" $options)"
    equal 'an unknown option' $prefix.InvalidArgument "$(error_of Start string:e ${options}nope,string:x)"
    # Of another type than the option has: refused, and xctld lives on.
    local pid
    pid=$(systemctl show --property=MainPID --value xctld)
    [ -n "$(error_of Start string:e ${options}args,string:x)" ] || fail 'an option of a wrong type was taken'
    [ "$(status_of call Start s e)" != 0 ] || fail 'a call of a wrong signature was taken'
    [ "$(status_of call Nothing)" != 0 ] || fail 'an unknown method was taken'
    equal 'none of this ended xctld' "$pid" "$(systemctl show --property=MainPID --value xctld)"
    contains 'the sentence comes along' "$(busctl call org.xctl1 $path $manager Start 'sa{sv}' nobody 0 2>&1 || true)" 'no container "nobody"'
    xctl delete e
}

for test in ${*:-activation introspection busctl monitor python errors}; do
    note "== $test"
    "test_$test"
done
