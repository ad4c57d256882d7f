#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who is attached to a console and who writes: roles over all transports, stealing, and a client that does not read.
. "$(dirname "$0")/lib.sh"

clients() { xctl clients "$1" --json | jq -r "$2"; }
roles_are() { [ "$(clients "$1" '[.[].role] | join(" ")')" = "$2" ]; }

# --- the first writes, the second waits, an observer never writes; the next in line takes over
script_bundle "$work/echo" 'while read -r l; do echo "said $l"; [ "$l" = bye ] && exit 4; done'
check "created" xctl create talk "$work/echo"
check "started" xctl start talk
mkfifo "$work/first" "$work/second"
began=$(date +%s)
xctl attach talk <"$work/first" >"$work/first.out" 2>"$work/first.err" & one=$!
exec 7>"$work/first"
until_true roles_are talk writer || fail "one writer"
xctl attach talk <"$work/second" >"$work/second.out" 2>"$work/second.err" 7>&- & two=$!
exec 8>"$work/second"
until_true roles_are talk "writer waiting" || fail "one waits"
xctl attach --observe talk >/dev/null 2>&1 7>&- 8>&- & three=$!
until_true roles_are talk "writer waiting observer" || fail "roles: $(xctl clients talk)"
echo later >&8
echo now >&7
until_true grep -q '^said now$' "$work/second.out" || fail "what the writer typed reaches the container"
check "what the one who waits typed does not" sh -c "! grep -q later $work/second.out"
contains "the one who waits is told" "$(cat "$work/second.err")" 'another client has the input'
equal "who: the process" "$one" "$(clients talk '.[0].pid')"
equal "who: the user" 0 "$(clients talk '.[0].uid')"
contains "who: the unit" "$(clients talk '.[0].unit')" '\.(service|scope)$'
check "since when" [ "$(clients talk '.[0].since')" -ge $((began * 1000000)) ]
contains "the table" "$(xctl clients talk)" '^writer +0 +[0-9]+'
kill "$one"; wait "$one" 2>/dev/null || true
until_true roles_are talk "writer observer" || fail "the next in line writes: $(xctl clients talk)"
until_true grep -q '^said later$' "$work/second.out" || fail "the next in line writes, and what waited comes through"
note "roles, and the next in line"

kill "$two" "$three"; wait "$two" "$three" 2>/dev/null || true
exec 7>&- 8>&-
check "stopped" xctl stop -t 0 talk

# --- a role survives the daemon: whoever comes back first, the writer writes
check "started again" xctl start talk
mkfifo "$work/a" "$work/b"
xctl attach talk <"$work/a" >"$work/a.out" 2>/dev/null & one=$!
exec 7>"$work/a"
until_true roles_are talk writer || fail "one writer"
xctl attach talk <"$work/b" >"$work/b.out" 2>"$work/b.err" 7>&- & two=$!
exec 8>"$work/b"
until_true roles_are talk "writer waiting" || fail "one waits"
# Stopped, the writer comes back last.
kill -STOP "$one"
systemctl kill -s KILL xctld
until_true roles_are talk writer || fail "the other one is back"
kill -CONT "$one"
until_true roles_are talk "writer waiting" || fail "both are back"
equal "the writer writes again" "$one" "$(clients talk '.[0].pid')"
echo mine >&7
until_true grep -q '^said mine$' "$work/a.out" || fail "its input arrives"
r=0; xctl attach talk --steal --observe >/dev/null 2>&1 || r=$?
equal "steal and observe exclude each other" 125 "$r"
(sleep 0.2; echo bye; sleep 5) | xctl attach --steal talk >"$work/thief.out" 2>/dev/null & thief=$!
r=0; wait "$thief" || r=$?
equal "one that steals writes" 4 "$r"
for pid in "$one" "$two"; do r=0; wait "$pid" || r=$?; equal "and all see the end" 4 "$r"; done
exec 7>&- 8>&-

# --- both transports
check "D-Bus: Clients" busctl --json=short call org.xctl1 /org/xctl1 org.xctl1.Manager Clients s talk
equal "varlink: Clients" '{"clients":[]}' \
    "$(varlinkctl call -j /run/xctl/org.xctl.Containers org.xctl.Containers.Clients '{"name":"talk"}' | jq -c .)"

# --- a client that does not read falls behind; it costs neither the container nor xctld anything, and learns of the gap
script_bundle "$work/flood" 'read -r go; dd if=/dev/zero bs=64k count=2000 2>/dev/null | tr "\0" x; echo; echo over'
check "created" xctl create flood "$work/flood" --scrollback=256K
check "started" xctl start flood
xctl attach --observe flood >/dev/null 2>"$work/stalled.err" & stalled=$!
until_true roles_are flood observer || fail "attached"
kill -STOP "$stalled"
memory() { awk '/^RssAnon/ { print $2 }' "/proc/$(systemctl show -P MainPID xctld)/status"; }
before=$(memory)
echo | timeout $patience xctl attach flood >/dev/null 2>&1 || true
check "the container ends" timeout $patience xctl wait flood
check "it is far behind" [ "$(clients flood '.[0].behind')" -gt 100000000 ]
check "xctld keeps nothing for it" [ "$(($(memory) - before))" -lt 4096 ]
kill -CONT "$stalled"; r=0; wait "$stalled" || r=$?
equal "it gets the end" 0 "$r"
contains "and is told what it missed" "$(cat "$work/stalled.err")" '^xctl: [0-9]{9} bytes of output were lost$'

# --- detach keys from the environment
script_bundle "$work/tty" 'while read -r l; do echo "said $l"; done' '.process.terminal = true'
drive() {
    XCTL_DETACH_KEYS=ctrl-x,q python3 - "$work/tty" <<'PY'
import pexpect, subprocess, sys
def roles(): return subprocess.run("xctl clients tty --json | jq -r '[.[].role] | join(\" \")'", shell=True, capture_output=True, text=True).stdout.strip()
first = pexpect.spawn("xctl", ["run", "tty", sys.argv[1]], timeout=60, encoding="utf-8", dimensions=(30, 100))
first.sendline("one")
first.expect("said one")
second = pexpect.spawn("xctl", ["attach", "tty"], timeout=60, encoding="utf-8", dimensions=(40, 120))
second.expect("another client has the input")
thief = pexpect.spawn("xctl", ["attach", "--steal", "tty"], timeout=60, encoding="utf-8", dimensions=(50, 140))
first.expect("another client has the input")
assert roles() == "writer waiting waiting", roles()
first.sendline("unheard")
thief.sendline("two")
thief.expect("said two")
assert "unheard" not in thief.before
thief.send("\x18q")
thief.expect(pexpect.EOF)
thief.close()
assert thief.exitstatus == 0, thief.exitstatus
first.expect("the input is yours now")
first.sendline("three")
second.expect("said three")
second.send("\x18q")  # who waits can detach, too
second.expect(pexpect.EOF)
first.send("\x18q")
first.expect(pexpect.EOF)
PY
}
check "stealing on a terminal, giving back, detach keys of the environment" drive
