#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# xctl --host: everything over a program like ssh, which here runs the rest of its command line on this host.
. "$(dirname "$0")/lib.sh"

cat >"$work/ssh" <<'EOF'
#!/bin/sh
echo "$*" >>"${0%/*}/calls"
while [ "$1" != -- ]; do shift; done
shift
host=$1; shift
[ "$host" = far ] || { echo "ssh: no host $host" >&2; exit 255; }
unset XCTL_HOST
exec "$@"
EOF
chmod +x "$work/ssh"
export XCTL_SSH="$work/ssh"

script_bundle "$work/hello" 'echo out; echo err >&2; read -r l; echo "got $l"; exit 5'
check "create" xctl -H far create hello "$work/hello"
equal "list" hello "$(xctl --host=far list --json | jq -r '.[].name')"
equal "the same as without a host" "$(xctl list --json)" "$(xctl -H far list --json)"
equal "errors" 3 "$(status_of xctl -H far state none)"
check "start" xctl -H far start hello
r=0; out=$(echo word | xctl -H far attach hello 2>"$work/err") || r=$?
equal "attach: the container's status" 5 "$r"
equal "attach: output, and input" "out
got word" "$out"
equal "attach: errors stay apart" err "$(cat "$work/err")"
equal "logs" "out
got word" "$(XCTL_HOST=far xctl logs hello 2>/dev/null)"
r=0; xctl -H far wait hello || r=$?
equal "wait" 5 "$r"
xctl -H far events >"$work/events" & events=$!
until_true sh -c "pgrep -f '^xctl --bridge' >/dev/null" || fail "a bridge"
until_heard "$work/events"
check "start again" xctl -H far start hello
until_true grep -q 'hello running' "$work/events" || fail "events arrive: $(cat "$work/events")"
kill "$events"
until_true sh -c "! pgrep -f '^xctl --bridge' >/dev/null" || fail "the bridge ends with its caller"
check "stop" xctl -H far stop -t 0 hello
check "delete" xctl -H far delete hello
equal "the command line of ssh" "-T -e none -- far xctl --bridge" "$(head -n 1 "$work/calls")"

# --- a host that is not there, or no host at all
equal "no such host" 1 "$(status_of xctl -H nowhere list)"
contains "it is said" "$(cat "$work/err")" 'nowhere could not be made'
equal "and tried once" 1 "$(grep -c -- '-- nowhere ' "$work/calls")"
equal "an option is no host" 2 "$(status_of xctl -H -oProxyCommand=x list)"

# --- much output, and deaths of xctld and of the connection: every byte once
script_bundle "$work/follow" 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; [ $((i % 100)) = 0 ] && sleep 0.1; done'
check "created" xctl create follow "$work/follow"
xctl -H far attach --observe follow >"$work/follow.out" 2>"$work/follow.err" & follower=$!
until_true sh -c '[ "$(xctl clients follow --json | jq length)" = 1 ]' || fail "attached"
check "started" xctl start follow
for _ in 1 2; do
    sleep 0.5; systemctl kill -s KILL xctld
    sleep 0.5; kill "$(xctl clients follow --json | jq '.[0].pid')" || true
done
r=0; wait "$follower" || r=$?
equal "the status" 0 "$r"
equal "every line once" "$(seq -f 'line %g' 1 3000 | sha256sum)" "$(sha256sum <"$work/follow.out")"
script_bundle "$work/big" 'seq 1 300000; echo; read -r l'
check "created" xctl create big "$work/big" --scrollback=8M
check "started" xctl start big
until_true sh -c '[ "$(xctl list --json | jq ".[] | select(.name == \"big\").consoleEnd")" -gt 1988895 ]' || fail "printed"
equal "much at once" "$(seq 1 300000 | sha256sum)" "$(xctl -H far logs big | sed '$d' | sha256sum)"
head -c 500000 /dev/zero | tr '\0' y >"$work/input"
script_bundle "$work/sink" 'head -c 500000 | sha256sum'
equal "much input" "$(sha256sum <"$work/input")" "$(xctl -H far run --rm sink "$work/sink" <"$work/input")"

# --- a terminal
script_bundle "$work/tty" 'while read -r l; do echo "said $l"; stty size; [ "$l" = bye ] && exit 8; done' '.process.terminal = true'
drive() {
    python3 - "$work/tty" <<'PY'
import pexpect, sys
first = pexpect.spawn("xctl", ["-H", "far", "run", "tty", sys.argv[1]], timeout=60, encoding="utf-8", dimensions=(30, 100))
first.sendline("one")
first.expect("said one\r\n30 100")
first.setwinsize(31, 101)
first.sendline("two")
first.expect("said two\r\n31 101")
first.send("\x10\x11")
first.expect(pexpect.EOF)
first.close()
assert first.exitstatus == 0, first.exitstatus
second = pexpect.spawn("xctl", ["-H", "far", "attach", "tty"], timeout=60, encoding="utf-8")
second.expect("said two")
second.sendline("bye")
second.expect("said bye")
second.expect(pexpect.EOF)
second.close()
sys.exit(0 if second.exitstatus == 8 else f"status {second.exitstatus}")
PY
}
check "sizes, detach keys and status on a terminal" drive
