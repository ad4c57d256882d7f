#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A megabyte pasted into a terminal arrives whole, by attach, run and exec, with a reader that comes late. The end of a
# pipe is the end of a terminal's input.
. "$(dirname "$0")/lib.sh"

reader() { echo "stty raw -echo; echo ready; sleep 1; head -c 1000000 >/own/$1; echo taken"; }
export own="$work/own"
mkdir "$own"
mounts='.mounts += [{destination: "/own", source: env.own, type: "bind", options: ["bind"]}]'
script_bundle "$work/attach" "$(reader attach); sleep 1000" ".process.terminal = true | $mounts"
script_bundle "$work/run" "$(reader run)" ".process.terminal = true | $mounts"
script_bundle "$work/box" 'sleep 1000' "$mounts"
for name in attach box; do xctl create "$name" "$work/$name"; xctl start "$name"; done

cat >"$work/paste.py" <<'PY'
"""paste.py FILE COMMAND...: pastes a megabyte into what COMMAND shows on a terminal, and presses no key afterwards."""
import hashlib, os, pty, selectors, subprocess, sys, time, tty

path, command = sys.argv[1], sys.argv[2:]
master, slave = pty.openpty()
tty.setraw(slave)
client = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
os.set_blocking(master, False)
text = b"".join(b"%07d\r" % i for i in range(125000))
left, shown = memoryview(text), b""
watch = selectors.DefaultSelector()
watch.register(master, selectors.EVENT_READ)
give_up = time.monotonic() + 180
while b"taken" not in shown:
    assert time.monotonic() < give_up, f"{os.path.getsize(path)} bytes arrived, {len(left)} are not taken yet"
    wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if left and b"ready" in shown else 0)
    watch.modify(master, wanted)
    for _, events in watch.select(1):
        if events & selectors.EVENT_READ:
            shown += os.read(master, 65536)
        if events & selectors.EVENT_WRITE:
            left = left[os.write(master, left[:4096]):]
with open(path, "rb") as file:
    arrived = file.read()
assert arrived == text, f"{len(arrived)} bytes arrived, which are not those that were pasted"
client.kill()
PY
check 'by attach' python3 "$work/paste.py" "$own/attach" xctl attach --detach-keys= attach
check 'by run' python3 "$work/paste.py" "$own/run" xctl run --detach-keys= --rm run "$work/run"
check 'by exec' python3 "$work/paste.py" "$own/exec" xctl exec --detach-keys= -t box -- sh -c "$(reader exec)"

# --- what a pipe brings, and its end
seq 1 5000 >"$work/numbers"
check 'exec -t ends with its input' sh -c "xctl exec -t box -- tee /own/piped <'$work/numbers' >/dev/null"
check 'all of it arrived' cmp "$work/numbers" "$own/piped"
printf half | xctl exec -t box -- sh -c 'cat >/own/half' >/dev/null
equal 'in the middle of a line, too' half "$(cat "$own/half")"
equal 'without any input' 0 "$(status_of timeout $patience xctl exec -t box -- cat)"
script_bundle "$work/piped" 'cat >/own/attached; exit 7' ".process.terminal = true | $mounts"
xctl create piped "$work/piped"; xctl start piped
xctl attach piped </dev/null >/dev/null 2>&1 & watcher=$!
role() { xctl clients piped --json | jq -r '.[0].role'; }
until_true eval '[ "$(role)" = observer ]' || fail 'a client that only watches'
check 'who has typed nothing ends nothing' state_is piped running
r=0; xctl attach piped <"$work/numbers" >/dev/null || r=$?
equal 'attach ends the input that it has brought' 7 "$r"
check 'all of it arrived as well' cmp "$work/numbers" "$own/attached"
wait "$watcher" || true
xctl delete --force box
