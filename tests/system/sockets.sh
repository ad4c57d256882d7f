#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Socket activation: the first connection starts oci@NAME, which gets the sockets; it stops, and starts again with the
# next. Sockets of a drop-in, by their names.
. "$(dirname "$0")/lib.sh"

# The container sees the programs of the host, since this one wants more than busybox has.
host_programs='.mounts += [("/usr", "/lib", "/lib64") | {destination: ., source: ., type: "bind", options: ["rbind", "ro"]}]'
serve='import os, socket
print("fds", os.environ["LISTEN_FDS"], "names", os.environ.get("LISTEN_FDNAMES"), "pid", os.environ["LISTEN_PID"], flush=True)
sockets = [socket.socket(fileno=3 + n) for n in range(int(os.environ["LISTEN_FDS"]))]
connection = sockets[-1].accept()[0]
connection.sendall(b"hello from %d\n" % os.getpid())
connection.close()
connection = sockets[-1].accept()[0]'
export serve
bundle "$work/web" ".process.args = [\"/usr/bin/python3\", \"-c\", env.serve] | $host_programs"
check 'created' xctl create web "$work/web"
ask() { python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX if sys.argv[1].startswith("/") else socket.AF_INET)
s.settimeout(60)
s.connect(sys.argv[1] if sys.argv[1].startswith("/") else ("127.0.0.1", int(sys.argv[1])))
sys.stdout.write(s.makefile().read())' "$1"; }

check 'the socket listens' systemctl start oci@web.socket
equal 'nothing runs yet' 'inactive created' "$(systemctl is-active oci@web.service || true) $(field web state)"
equal 'a connection is answered from within' 'hello from 1' "$(ask /run/oci/web.socket | head -n 1)"
equal 'the service runs' active "$(systemctl is-active oci@web.service)"
contains 'it has got the socket' "$(xctl logs web)" '^fds 1 names oci@web.socket pid 1'
equal 'nothing else was left open' '0 1 2 3' "$(ls /proc/"$(field web pid)"/fd | sort -n | head -n 4 | xargs)"
check 'stopped' systemctl stop oci@web.service
equal 'the socket still listens' active "$(systemctl is-active oci@web.socket)"
equal 'so that the next connection starts it again' 'hello from 1' "$(ask /run/oci/web.socket | head -n 1)"
equal 'as its second run' 2 "$(field web runs)"
systemctl stop oci@web.socket oci@web.service

mkdir -p /etc/systemd/system/oci@web.socket.d
printf '[Socket]\nListenStream=\nListenStream=/run/first\nListenStream=127.0.0.1:4711\nFileDescriptorName=two\n' \
    >/etc/systemd/system/oci@web.socket.d/listen.conf
systemctl daemon-reload
check 'sockets of a drop-in listen' systemctl start oci@web.socket
equal 'TCP' 'hello from 1' "$(ask 4711 | head -n 1)"
contains 'it has got both' "$(xctl logs -n 2 web)" '^fds 2 names two:two pid 1'
systemctl stop oci@web.socket oci@web.service
check 'deleted' xctl delete web
rm -r /etc/systemd/system/oci@web.socket.d

note '== idle'
loop='import os, signal, socket, threading
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
def serve(connection):
    connection.sendall(b"hello\n")
    connection.recv(1)
    connection.close()
def listen(listening):
    while True:
        threading.Thread(target=serve, args=(listening.accept()[0],)).start()
threading.Thread(target=listen, args=(socket.socket(fileno=4),)).start()
listen(socket.socket(fileno=3))'
export loop
bundle "$work/idle" ".process.args = [\"/usr/bin/python3\", \"-c\", env.loop] | $host_programs"
check 'created' xctl create idle "$work/idle"
check 'with a time' xctl set idle idle.timeoutUSec=3s
mkdir -p /etc/systemd/system/oci@idle.socket.d
printf '[Socket]\nListenStream=4712\n' >/etc/systemd/system/oci@idle.socket.d/listen.conf
systemctl daemon-reload
systemctl start oci@idle.socket
visit() { # ADDRESS: stays for as long as its input
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX if sys.argv[1].startswith("/") else socket.AF_INET)
s.connect(sys.argv[1] if sys.argv[1].startswith("/") else ("127.0.0.1", int(sys.argv[1])))
print(s.makefile().readline(), end="", flush=True)
sys.stdin.read()' "$1"
}
mkfifo "$work/stay"
arrive() { # ADDRESS
    visit "$1" <"$work/stay" >"$work/greeting" & visitor=$!
    exec 7>"$work/stay"
    until_true grep -q hello "$work/greeting" || fail "nobody answers at $1"
}
leave() { exec 7>&-; wait $visitor; }
for address in /run/oci/idle.socket 4712; do
    arrive "$address"
    sleep 5
    check "it stays while somebody is connected to $address" state_is idle running
    leave
    check 'and is stopped when nobody is' until_true state_is idle stopped
    check 'by systemd' until_true eval '[ "$(systemctl is-active oci@idle.service)" = inactive ]'
    contains 'for this reason' "$(xctl history idle --json)" '"cause":"idle","by":"nobody was connected for 3s"'
    equal 'the socket listens on' active "$(systemctl is-active oci@idle.socket)"
done
visit /run/oci/idle.socket </dev/null
systemctl restart xctld
check 'a new xctld stops it, too' until_true state_is idle stopped
arrive /run/oci/idle.socket
check 'without a time' xctl set idle idle.timeoutUSec=
leave
sleep 5
check 'it stays' state_is idle running
systemctl stop oci@idle.socket oci@idle.service
check 'deleted' xctl delete idle
