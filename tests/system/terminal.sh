#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# xctl on a terminal: its mode comes back however xctl ends, its size is passed on, and a restart of xctld leaves no seam.
. "$(dirname "$0")/lib.sh"

script_bundle "$work/tty" 'while read -r l; do echo "said $l"; [ "$l" = size ] && stty size; done' '.process.terminal = true'
check "created" xctl create tty "$work/tty"
check "started" xctl start tty
drive() {
    python3 - <<'PY'
import os, pty, signal, subprocess, termios, time
import pexpect, pexpect.fdpexpect

def mode(fd):
    return termios.tcgetattr(fd)[:4]

def wait_until(condition, what):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)

def is_raw(fd):
    return not mode(fd)[3] & termios.ICANON

class Attached:
    """xctl on a terminal that outlives it, so that its mode can be looked at."""
    def __init__(self):
        self.master, self.slave = pty.openpty()
        self.before = mode(self.slave)
        self.process = subprocess.Popen(["xctl", "attach", "tty"], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        preexec_fn=lambda: (os.setsid(), __import__("fcntl").ioctl(0, termios.TIOCSCTTY, 0)))
        self.screen = pexpect.fdpexpect.fdspawn(self.master, timeout=60, encoding="utf-8")
        wait_until(lambda: is_raw(self.slave), "raw")

    def type(self, line):
        os.write(self.master, line.encode() + b"\r")

    def ended(self, what):
        self.process.wait(timeout=60)
        assert mode(self.slave) == self.before, what
        os.close(self.master)
        os.close(self.slave)
        return self.process.returncode

for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    attached = Attached()
    attached.process.send_signal(number)
    assert attached.ended(number) == -number
print("-- the mode comes back after signals", flush=True)

attached = Attached()
attached.type("hello")
attached.screen.expect("said hello")
attached.process.send_signal(signal.SIGTSTP)
wait_until(lambda: mode(attached.slave) == attached.before, "cooked while stopped")
attached.process.send_signal(signal.SIGCONT)
wait_until(lambda: is_raw(attached.slave), "raw again")
import fcntl, struct
fcntl.ioctl(attached.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 133, 0, 0))
attached.process.send_signal(signal.SIGWINCH)
# Typed input may overtake the size.
for _ in range(60):
    attached.type("size")
    if attached.screen.expect(["33 133", pexpect.TIMEOUT], timeout=1) == 0:
        break
else:
    raise AssertionError("the size does not arrive")
print("-- stopped and continued; the size follows", flush=True)

# xctld is killed: the terminal stays raw, and what is typed meanwhile arrives once.
subprocess.run(["systemctl", "stop", "xctld.socket", "xctld-launch.socket", "xctld"], check=True)
attached.type("seam")
time.sleep(0.5)
assert is_raw(attached.slave), "raw in the seam"
subprocess.run(["systemctl", "start", "xctld.socket", "xctld-launch.socket", "xctld"], check=True)
attached.screen.expect("said seam")
attached.type("after")
attached.screen.expect("said after")
assert "said seam" not in attached.screen.before
print("-- no seam", flush=True)

# A signal in the seam restores the terminal, too.
subprocess.run(["systemctl", "stop", "xctld.socket", "xctld-launch.socket", "xctld"], check=True)
time.sleep(0.3)
attached.process.send_signal(signal.SIGTERM)
assert attached.ended("a signal in the seam") == -signal.SIGTERM
subprocess.run(["systemctl", "start", "xctld.socket", "xctld-launch.socket", "xctld"], check=True)
print("-- a signal in the seam", flush=True)

# The terminal hangs up: xctl ends.
attached = Attached()
os.close(attached.master)
attached.process.wait(timeout=60)
print("-- a terminal that hangs up", flush=True)

# The container ends, and is deleted.
attached = Attached()
subprocess.run(["xctl", "stop", "-t", "0", "tty"], check=True)
assert attached.ended("the container's end") == 128 + signal.SIGKILL
PY
}
drive || fail "a terminal"
check "deleted" xctl delete tty
