#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A process that cannot be killed: it waits for a file server that has taken its request and never answers. Its container
# is quarantined, everything else goes on, and it leaves quarantine when the server is gone.
. /src/tests/system/lib.sh

[ -e /dev/fuse ] || mknod /dev/fuse c 10 229 2>/dev/null || true
python3 -c 'import os; os.open("/dev/fuse", os.O_RDWR)' 2>/dev/null || { echo 'SKIPPED: no /dev/fuse'; exit 77; }

# Answers what a mount asks for, and what makes the file visible, but no read.
cat >"$work/server" <<'PY'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open('/dev/fuse', os.O_RDWR)
options = f'fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other'.encode()
if libc.mount(b'hang', sys.argv[1].encode(), b'fuse', 0, options) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
ATTR = struct.Struct('<QQQQQQIIIIIIIIII')
def attr(node):
    mode, links = (0o40755, 2) if node == 1 else (0o100644, 1)
    return ATTR.pack(node, 4096, 8, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)
def reply(unique, data=b'', error=0):
    os.write(fd, struct.pack('<IiQ', 16 + len(data), error, unique) + data)
while True:
    request = os.read(fd, 1 << 18)
    _, opcode, unique, node = struct.unpack_from('<IIQQ', request)
    if opcode == 26:    # INIT
        reply(unique, struct.pack('<IIIIHHIIHHI7I', 7, 31, 4096, 0, 8, 8, 65536, 1, 16, 0, *([0] * 8)))
    elif opcode == 1:   # LOOKUP: every name is the file
        reply(unique, struct.pack('<QQQQII', 2, 0, 3600, 3600, 0, 0) + attr(2))
    elif opcode == 3:   # GETATTR
        reply(unique, struct.pack('<QII', 3600, 0, 0) + attr(node))
    elif opcode in (14, 27):  # OPEN, OPENDIR
        reply(unique, struct.pack('<QII', 1, 0, 0))
    elif opcode == 15:  # READ: never
        print('reading', flush=True)
    elif opcode in (2, 36, 42):  # FORGET, INTERRUPT, BATCH_FORGET: no answer is expected
        pass
    else:
        reply(unique, error=-38)
PY
mkdir "$work/hang"
python3 "$work/server" "$work/hang" >"$work/server.log" 2>&1 & server=$!
trap 'kill -KILL $server 2>/dev/null || true; umount -l "$work/hang" 2>/dev/null || true' EXIT
until_true mountpoint -q "$work/hang" || { cat "$work/server.log"; echo 'SKIPPED: FUSE cannot be mounted here'; exit 77; }

mkdir -p /etc/xctl/containers
script_bundle "$work/stuck" 'cat /hang/file & echo up; wait' \
    ".mounts += [{destination: \"/hang\", type: \"bind\", source: \"$work/hang\", options: [\"rbind\"]}]"
xctl create stuck "$work/stuck"
xctl start stuck
check 'it reads' until_true grep -q reading "$work/server.log"

xctl stop stuck --timeout=0 2>"$work/stop.err" & stopper=$!
status=0
script_bundle "$work/other" 'sleep 1000'
check 'others come meanwhile' xctl create other "$work/other"
check 'and start' timeout $patience xctl start other
wait $stopper || status=$?
equal 'stop does not wait for ever' 5 $status
contains 'it says why, and which process' "$(cat "$work/stop.err")" 'stuck is quarantined: .* cannot end: [0-9]+ \((cat|sh), state D'
equal 'its state' quarantined "$(field stuck state)"
contains 'with a message' "$(field stuck message)" 'cannot end'
equal 'it cannot be started' 9 "$(status_of xctl start stuck)"
equal 'stop says it at once' 5 "$(status_of timeout $patience xctl stop stuck)"
equal 'nor deleted' 5 "$(status_of timeout $patience xctl delete --force stuck)"
check 'others stop' timeout $patience xctl stop other --timeout=0
systemctl kill --signal=KILL --kill-whom=main xctld
until_true xctl list
equal 'the next daemon knows' quarantined "$(field stuck state)"

kill -KILL $server
check 'it leaves by itself when the kernel lets go' until_true state_is stuck stopped
equal 'stopped by whom' 'user stop by uid 0' "$(xctl why stuck --json | jq -r '[.cause, .by] | join(" ")')"
check 'it can be deleted' xctl delete stuck
xctl delete other
