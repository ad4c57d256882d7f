#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# People and circumstances that mean no good: forged signals, garbage on a console, a FIFO for a document, a full /run,
# a broken definition. Nobody else's container notices.
. "$(dirname "$0")/lib.sh"

mkdir -p "$work/stop"
export stop="$work/stop"
script_bundle "$work/web" 'n=0; while [ ! -e /stop/now ]; do n=$((n+1)); echo "line $n"; sleep 0.01; done; exit 4' \
    '.mounts += [{destination: "/stop", source: env.stop, type: "bind", options: ["bind", "ro"]}]'
check "created" xctl create web "$work/web" --scrollback=64M
check "started" xctl start web
pid=$(field web pid)

# --- anyone may broadcast a signal; only systemd's counts
for path in xctl_2dweb_2escope xctl_2dweb_zz; do
    setpriv --reuid=65534 --clear-groups busctl emit "/org/freedesktop/systemd1/unit/$path" \
        org.freedesktop.systemd1.Scope RequestStop
done
sleep 0.5
equal "a forged request to stop is ignored" "$pid" "$(field web pid)"

# --- a client that speaks nonsense is cut off, and nobody else
python3 - <<'PY'
import array, json, os, socket
def attach():
    s = socket.socket(socket.AF_UNIX)
    s.connect("/run/xctl/org.xctl.Containers")
    s.sendall(json.dumps({"method": "org.xctl.Containers.Attach", "parameters": {"name": "web", "framed": True}}).encode() + b"\0")
    data, control, _, _ = s.recvmsg(65536, socket.CMSG_SPACE(4))
    fds = array.array("i"); fds.frombytes(control[0][2][:4])
    return socket.socket(fileno=fds[0])
for garbage in (b"\xff" * 4096, bytes([6, 0, 0, 0]) + b"\xff\xff\xff\xff" + b"\0" * 16, os.urandom(100000)):
    console = attach()
    try:
        console.sendall(garbage)
        console.settimeout(60)
        while console.recv(65536):
            pass
    except (BrokenPipeError, ConnectionResetError):
        pass
whole = socket.socket(socket.AF_UNIX)
whole.connect("/run/xctl/org.xctl.Containers")
whole.sendall(b"{]\0")
whole.settimeout(60)
assert whole.recv(100) == b"", "a malformed call must end the connection"
PY
equal "garbage on the console hurts nobody" "$pid" "$(field web pid)"
journalctl --sync
equal "the daemon is the same" 1 "$(journalctl -u xctld -o cat --no-pager | grep -c '^Started')"

# --- a document that is no file
mkdir -p "$work/fifo/rootfs"
mkfifo "$work/fifo/config.json"
equal "a FIFO as config.json is refused at once" 6 "$(status_of timeout $patience xctl create fifo "$work/fifo")"
contains "and named" "$(cat "$work/err")" 'fifo/config.json: .*regular file'

# --- a definition with a mistake costs its own container only
echo '{"bundle": "/x", "restrat": {}}' >/etc/xctl/containers/bad.json
equal "the misspelt key is named" 6 "$(status_of xctl start bad)"
contains "with file, key and rule" "$(cat "$work/err")" '/etc/xctl/containers/bad.json:1:18: /restrat: is not a key'
systemctl kill -s KILL xctld
equal "the next daemon keeps the others" "$pid" "$(field web pid)"

# --- /run is full: the container waits in its write, and loses nothing
fallocate -l "$(($(findmnt -bno AVAIL --target /run) - 4096))" /run/filler || fail "fill /run"
dd if=/dev/zero of=/run/filler2 bs=4k 2>/dev/null || true
sleep 3
check "the daemon answers with a full /run" timeout $patience xctl list
rm /run/filler /run/filler2
sleep 1.5
touch "$stop/now"
r=0; timeout $patience xctl wait web || r=$?
equal "its exit status" 4 "$r"
lines=$(xctl logs web | sed -n 's/^line //p')
equal "every line is there once" "$(seq 1 "$(printf '%s\n' "$lines" | wc -l)" | sha256sum)" "$(printf '%s\n' "$lines" | sha256sum)"
