#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# machinectl(1) and a container: with systemd in it, as a scope and as a unit, it can be listed, shown, entered, logged
# into and powered off, by an xctld that was restarted meanwhile as well. What ended is forgotten. Others are told of if
# their definition says so. A name that somebody else has stays theirs, and without machined nothing is different.
. "$(dirname "$0")/lib.sh"

service=org.freedesktop.machine1
manager="$service /org/freedesktop/machine1 $service.Manager"
path_of() { busctl --json=short call $manager GetMachine s "$1" | jq -r '.data[0]'; }
property() { busctl --json=short get-property $service "$(path_of "$1")" $service.Machine "$2" | jq -r .data; }
has_leader() { [ "$(property "$1" Leader)" = "$(field "$1" pid)" ]; }
is_listed() { machinectl --no-legend list | grep -q "^$1 "; }
is_forgotten() { ! is_listed "$1"; }
logins() { xctl logs deb | grep -c 'debian-inside login:' || true; }
has_booted() { [ "$(logins)" -gt "$before" ]; }
warned() { journalctl --sync; journalctl --no-pager --boot --output=cat --unit=xctld | grep -Eq -- "$1"; }

# in_terminal SECONDS PATTERN COMMAND...: it ends within that time, and prints the pattern.
in_terminal() {
    python3 - "$@" <<'PY'
import pexpect, re, sys
seconds, pattern, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
child = pexpect.spawn(command[0], command[1:], timeout=seconds, encoding="utf-8")
child.expect(pexpect.EOF)
child.close()
print(child.before)
sys.exit(child.exitstatus != 0 or not re.search(pattern, child.before))
PY
}

# Somebody logs in by a password, and leaves by the keys for that.
log_in() {
    python3 - <<'PY'
import pexpect, sys
child = pexpect.spawn("machinectl", ["login", "deb"], timeout=60, encoding="utf-8", logfile=sys.stdout)
child.expect("login: ")
child.sendline("root")
child.expect("assword: ")
child.sendline("secret")
child.expect("[#$] ")
child.sendline("echo I am $(hostname) on $(tty)")
child.expect("I am debian-inside on /dev/pts/")
child.send("\x1d\x1d\x1d")
child.expect(pexpect.EOF)
child.close()
sys.exit(child.exitstatus)
PY
}

uuid=0123456789abcdef0123456789abcdef
debian_bundle "$work/deb" ".process.env += [\"container_uuid=$uuid\"]"
check 'created' xctl create deb "$work/deb"

# enter: all that machinectl can do with one that goes on running.
enter() { # UNIT
    local text pid
    pid=$(field deb pid)
    contains 'machinectl list' "$(machinectl --no-legend list)" '^deb +container +xctl +debian'
    text=$(machinectl --no-pager --full status deb)
    contains 'machinectl status: its unit' "$text" "Unit: $1"
    contains 'machinectl status: its init' "$text" "Leader: $pid "
    contains 'machinectl status: its service and class' "$text" 'Service: xctl; class container'
    contains 'machinectl status: its root' "$text" "Root: $work/deb/rootfs"
    contains 'machinectl status: its system' "$text" 'OS: Debian'
    contains 'machinectl status: its processes' "$text" 'systemd-journald'
    equal 'its machine ID' $uuid "$(machinectl show deb --property=Id --value)"
    check 'machinectl shell' in_terminal 60 'I am debian-inside' machinectl shell deb /bin/sh -c 'echo I am $(hostname)'
    equal 'systemd-run --machine: the exit status' 7 \
        "$(status_of systemd-run --machine=deb --quiet --pipe --wait sh -c 'exit 7')"
    equal 'systemctl --machine' active "$(systemctl --machine=deb is-active systemd-journald)"
    check 'machinectl login' log_in
}

# restart_daemon COMMAND...: machined is told nothing that it did not know.
restart_daemon() {
    local since
    since=$(property deb Timestamp)
    check "xctld goes away: $*" "$@"
    equal 'the container runs' running "$(field deb state)"
    check 'machined still has it' is_listed deb
    equal 'and has had it all the time' "$since" "$(property deb Timestamp)"
    check 'by its init' has_leader deb
}

test_scope() {
    local before
    before=$(logins)
    check 'xctl start' xctl start deb
    check 'it is listed at once' is_listed deb
    check 'it boots' until_true has_booted
    enter xctl-deb.scope
    restart_daemon systemctl restart xctld
    restart_daemon systemctl kill --signal=KILL xctld
    check 'machinectl shell after that' in_terminal 60 'I am here' machinectl shell deb /bin/echo I am here
    check 'machinectl poweroff' machinectl poweroff deb
    check 'it is stopped' until_true state_is deb stopped
    equal 'it ended by itself' 'exited 0' "$(field deb exitReason) $(field deb exitStatus)"
    check 'machinectl list does not have it' until_true is_forgotten deb
}

test_unit() {
    local before
    systemctl daemon-reload  # so that the unit has the stop signal
    before=$(logins)
    check 'systemctl start' systemctl start oci@deb
    check 'it is listed' until_true is_listed deb
    check 'it boots' until_true has_booted
    enter oci@deb.service
    restart_daemon systemctl restart xctld
    check 'machinectl poweroff' machinectl poweroff deb
    check 'its unit is inactive' until_true sh -c '[ "$(systemctl is-active oci@deb)" = inactive ]'
    check 'machinectl list does not have it' until_true is_forgotten deb

    # Stopped by us, and by machinectl.
    systemctl start oci@deb
    check 'it is listed again' until_true is_listed deb
    xctl stop deb --timeout=0
    check 'xctl stop: it is forgotten' until_true is_forgotten deb
    before=$(logins)
    xctl start deb
    check 'it is listed as a scope' is_listed deb
    check 'it boots again' until_true has_booted
    check 'machinectl terminate' timeout $patience machinectl terminate deb
    check 'it is stopped' until_true state_is deb stopped
    check 'machinectl terminate: it is forgotten' until_true is_forgotten deb
}

app='trap "exit 0" TERM; while :; do sleep 0.1; done'
app_bundle() { # NAME REGISTER
    script_bundle "$work/$1" "$app"
    echo "{\"bundle\": \"$work/$1\", \"register\": \"$2\"}" >"/etc/xctl/containers/$1.json"
}

test_definition() {
    script_bundle "$work/plain" "$app"
    xctl create plain "$work/plain"
    app_bundle told always
    xctl start plain
    xctl start told
    check 'told is listed' is_listed told
    check 'plain is not' is_forgotten plain
    equal 'told has a number of its own' 32 "$(machinectl show told --property=Id --value | tr -d '\n' | wc -c)"
    xctl restart told
    check 'restarted, it is listed' until_true is_listed told
    check 'by its new init' until_true has_leader told
    xctl stop told
    check 'stopped, it is forgotten' until_true is_forgotten told

    xctl set deb register=never
    xctl start deb
    until_true state_is deb running
    check 'one with systemd can be left out' is_forgotten deb
    xctl stop deb --timeout=0

    # A name that no host can have.
    app_bundle a_b always
    check 'one that machined refuses starts' xctl start a_b
    check 'xctld says why it is not listed' until_true warned 'a_b: not registered with systemd-machined: .*name'
    xctl stop a_b
}

register_by_hand() { # NAME SERVICE PID
    busctl --quiet call $manager RegisterMachine sayssus "$1" 0 "$2" container "$3" ''
}

test_taken_names() {
    systemd-run --quiet --unit=theirs sleep 1000
    systemd-run --quiet --unit=stale sleep 1000
    register_by_hand taken somebody "$(systemctl show theirs --property=MainPID --value)"
    register_by_hand left xctl "$(systemctl show stale --property=MainPID --value)"
    app_bundle taken always
    check 'one whose name is taken starts' xctl start taken
    check 'xctld says so' until_true warned 'taken: not registered with systemd-machined: somebody has'
    xctl stop taken
    sleep 0.5
    equal 'the machine is still theirs' somebody "$(property taken Service)"
    app_bundle left always
    xctl start left
    check 'what an earlier run left is replaced' until_true has_leader left
    xctl stop left
    systemctl stop theirs stale
}

test_without_machined() {
    systemctl --quiet mask --runtime systemd-machined
    systemctl stop systemd-machined
    app_bundle alone always
    check 'without machined it starts as ever' timeout $patience xctl start alone
    systemctl restart xctld
    equal 'it runs' running "$(field alone state)"
    check 'and stops' timeout $patience xctl stop alone
    systemctl --quiet unmask --runtime systemd-machined
}

mkdir -p /etc/xctl/containers
for test in ${*:-scope unit definition taken_names without_machined}; do
    note "== $test"
    "test_$test"
done
