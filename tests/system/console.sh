#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The console: byte 0, scrollback, several clients, one that stalls, stdin, split streams, reconnecting clients.
. "$(dirname "$0")/lib.sh"

# --- attach while created sees byte 0
script_bundle "$work/first" 'printf first; read -r line; echo "got $line" >&2; exit 6'
check "created" xctl create first "$work/first"
mkfifo "$work/first.in"
xctl attach first <"$work/first.in" >"$work/first.out" 2>"$work/first.err" & attached=$!
exec 7>"$work/first.in"
until_true sh -c '[ "$(xctl list --json | jq ".[] | select(.name == \"first\").attached")" = 1 ]' || fail "attach in created"
check "started" xctl start first
until_true grep -q first "$work/first.out" || fail "it sees nothing"
echo answer >&7
r=0; wait "$attached" || r=$?
exec 7>&-
equal "the attached client exits with the container's status" 6 "$r"
equal "it saw byte 0 and nothing else on stdout" first "$(cat "$work/first.out")"
contains "stderr came on stderr, after stdin was passed on" "$(cat "$work/first.err")" '^got answer$'

# --- end of file on stdin reaches the container
script_bundle "$work/eof" 'wc -c'
equal "stdin ends where the client's ends" 1000 "$(head -c 1000 /dev/zero | xctl run eof "$work/eof")"

# --- two clients and one that never reads: each reader gets every line, the container is not held up
script_bundle "$work/many" 'read -r go; seq 1 200000; exit 3'
check "created" xctl create many "$work/many" --scrollback=4M
check "started" xctl start many
for n in 1 2; do xctl attach --observe many >"$work/many.$n" 2>"$work/many.err.$n" & pids[n]=$!; done
xctl attach --observe many >"$work/stalled.out" 2>/dev/null & stalled=$!
until_true sh -c '[ "$(xctl list --json | jq ".[] | select(.name == \"many\").attached")" = 3 ]' || fail "three clients"
kill -STOP "$stalled"
echo | timeout $patience xctl attach many >/dev/null 2>&1 || true
check "the container ends although one client stalls" timeout $patience sh -c 'xctl wait many; [ $? = 3 ]'
for n in 1 2; do
    r=0; wait "${pids[n]}" || r=$?
    equal "client $n: the status" 3 "$r"
    equal "client $n: every line, in order" "$(seq 1 200000 | sha256sum)" "$(sha256sum <"$work/many.$n")"
done
kill -CONT "$stalled"; wait "$stalled" || true
equal "the stalled one catches up from the ring" "$(seq 1 200000 | sha256sum)" "$(sha256sum <"$work/stalled.out")"
equal "logs: the last lines" "$(seq 199998 200000)" "$(xctl logs many -n 3)"

# --- a ring smaller than the output: a gap is told, never silently skipped
script_bundle "$work/small" 'seq 1 100000'
check "created" xctl create small "$work/small" --scrollback=64K
xctl start small; xctl wait small
out=$(xctl logs small 2>"$work/gap"); last=$(printf '%s\n' "$out" | tail -n 1)
equal "the end is kept" 100000 "$last"
equal "what is kept has no holes" "$(seq "$(printf '%s\n' "$out" | sed -n 2p)" 100000 | sha256sum)" \
    "$(printf '%s\n' "$out" | tail -n +2 | sha256sum)"

# --- a follower survives the daemon without losing or doubling a byte
script_bundle "$work/follow" 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; [ $((i % 100)) = 0 ] && sleep 0.05; done'
check "created" xctl create follow "$work/follow"
xctl attach --observe follow >"$work/follow.out" 2>"$work/follow.err" & follower=$!
xctl logs -f follow >"$work/follow.log" 2>/dev/null & logger=$!
until_true sh -c '[ "$(xctl list --json | jq ".[] | select(.name == \"follow\").attached")" = 2 ]' || fail "two followers"
check "started" xctl start follow
for _ in 1 2 3 4; do sleep 0.3; systemctl kill -s KILL xctld; done
r=0; wait "$follower" || r=$?
equal "the follower learns the status" 0 "$r"
equal "the follower has every line once" "$(seq -f 'line %g' 1 3000 | sha256sum)" "$(sha256sum <"$work/follow.out")"
check "logs -f ends with the container" wait "$logger"
equal "so has logs -f" "$(seq -f 'line %g' 1 3000 | sha256sum)" "$(sha256sum <"$work/follow.log")"

# --- a terminal: the keys detach, the container goes on
script_bundle "$work/tty" 'stty size; while read -r l; do echo "said $l"; [ "$l" = bye ] && exit 8; done' '.process.terminal = true'
drive() {
    python3 - "$work/tty" <<'PY'
import pexpect, subprocess, sys
first = pexpect.spawn("xctl", ["run", "tty", sys.argv[1]], timeout=60, encoding="utf-8")
first.sendline("one")
first.expect("said one")
first.send("\x10\x11")
first.expect(pexpect.EOF)
first.close()
assert first.exitstatus == 0, first.exitstatus
second = pexpect.spawn("xctl", ["attach", "tty"], timeout=60, encoding="utf-8")
second.expect("said one")  # the scrollback
second.sendline("bye")
second.expect("said bye")
second.expect(pexpect.EOF)
second.close()
sys.exit(0 if second.exitstatus == 8 else f"status {second.exitstatus}")
PY
}
check "detach keys, scrollback on attach, exit status on a terminal" drive
