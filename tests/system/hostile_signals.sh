#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Somebody without rights sends signals that pose as systemd's to every new connection of the bus: while xctld starts,
# before its name is there and the bus policy protects it, and to xrun, which has no name. No container stops, no start
# fails. What systemd itself says counts, also after it was executed anew and has another unique name.
. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
id somebody >/dev/null 2>&1 || useradd --create-home somebody
install -m 755 "$here/forged_signals.py" /tmp/forged_signals.py

attacker=
attack() { # WHAT UNIT...
    : >/tmp/attack.log
    chmod 666 /tmp/attack.log
    setpriv --reuid=somebody --regid=somebody --clear-groups python3 /tmp/forged_signals.py "$@" >/tmp/attack.log 2>&1 &
    attacker=$!
    until_true grep -q listening /tmp/attack.log || fail "the attacker does not listen: $(cat /tmp/attack.log)"
}
end_attack() { kill "$attacker" && wait "$attacker" 2>/dev/null || true; }
has_attacked() { [ "$(grep -c 'sent to' /tmp/attack.log)" -ge "$1" ]; } # TIMES
xctld_is_up() { timeout $patience xctl list >/dev/null 2>&1; }

pids() { echo "$(field web pid) $(field db pid) $(field web state) $(field db state)"; }

# By systemctl, after SIGKILL, and by the attacker's own call, which is refused.
test_while_xctld_starts() {
    local what before
    before=$(pids)
    for what in request-stop job-new; do
        attack $what xctl-web.scope xctl-db.scope
        systemctl restart xctld
        sleep 0.3
        systemctl kill -s KILL xctld
        check "$what: xctld is back" until_true xctld_is_up
        systemctl stop xctld.service 2>/dev/null
        setpriv --reuid=somebody --regid=somebody --clear-groups timeout $patience xctl list >/dev/null 2>&1 || true
        until_true has_attacked 3 || fail "$what: the attacker found only: $(cat /tmp/attack.log)"
        sleep 0.5
        end_attack
        equal "$what: nothing stops" "$before" "$(pids)"
    done
}

owner() {
    busctl --json=short call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus GetNameOwner s \
        org.freedesktop.systemd1 | jq -r '.data[0]'
}

test_systemd_itself() {
    local before
    # xctld is the controller of a scope that it started itself: systemd only asks it to stop that.
    xctl restart db
    systemctl stop xctl-db.scope
    check "systemd's request counts" until_true state_is db stopped
    contains 'history knows who it was' "$(xctl history db | tail -n 1)" 'systemd'
    before=$(owner)
    systemctl daemon-reexec
    check "systemd's name has an owner again" until_true owner
    [ "$before" != "$(owner)" ] || fail "systemd kept its unique name, $before: nothing is tested"
    check 'a start after systemd was executed anew' timeout $patience xctl start db
    check 'a stop after it' timeout $patience xctl stop db
    xctl start db
    systemctl stop xctl-db.scope
    check "systemd's request counts after it" until_true state_is db stopped
    contains 'history knows who it was' "$(xctl history db | tail -n 1)" 'systemd'
}

# xrun has no name that a policy could protect.
test_xrun() {
    local what n
    script_bundle "$work/x" 'sleep 100' '.linux.cgroupsPath = "system.slice:xrun:demo"'
    cd "$work/x"
    for what in job-removed owner-changed; do
        attack $what
        for n in 1 2 3 4 5 6; do
            timeout $patience xrun --systemd-cgroup run -d "demo$n" >/dev/null 2>"$work/err" </dev/null ||
                fail "$what: xrun fails in round $n: $(cat "$work/err")"
            xrun delete -f "demo$n"
        done
        end_attack
        n=$(grep -c 'sent for' /tmp/attack.log || true)
        [ "$n" -ge 6 ] || fail "$what: the attacker heard of $n jobs"
        note "$what: xrun with systemd's scopes works"
    done
}

script_bundle "$work/b" 'trap "exit 0" TERM; while :; do sleep 0.1; done'
for name in web db; do
    check "$name is created" xctl create $name "$work/b"
    check "$name is started" xctl start $name
done
for test in ${*:-while_xctld_starts systemd_itself xrun}; do
    note "== $test"
    "test_$test"
done
