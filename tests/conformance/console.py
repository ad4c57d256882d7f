# SPDX-License-Identifier: LGPL-2.1-or-later
"""C2: terminals: --console-socket, /dev/console, sizes, and what is refused."""
from __future__ import annotations

import json
import os
import termios
from pathlib import Path

from harness import Context, Spec, case
from sockets import Listener, Terminal

ROW = "C2"


def terminal_spec(t: Context, script: str) -> Spec:
    spec = t.spec(script)
    spec["process"]["terminal"] = True
    return spec


def with_terminal(t: Context, script: str, **process: object) -> Terminal:
    """A started container and the master of its terminal."""
    listener = Listener(t, "console")
    spec = terminal_spec(t, script)
    spec["process"].update(process)
    t.create(spec, "--console-socket", str(listener.path))
    data, descriptors = listener.one()
    t.equal(len(descriptors), 1, "descriptors of the message")
    t.check(1 <= len(data) <= 4095, f"{len(data)} bytes in the message")
    t.check(os.isatty(descriptors[0]), "what came is no terminal")
    t.good("start", t.id)
    return Terminal(descriptors[0])


@case(f"{ROW} console-socket: one message with the master, then the end")
def message(t: Context) -> None:
    listener = Listener(t, "console")
    t.create(terminal_spec(t, "sleep 1000"), "--console-socket", str(listener.path))
    listener.one()
    t.until(lambda: listener.rest, "the connection is closed")
    t.equal(listener.rest, [b""], "what follows the message")
    t.equal(len(listener.messages), 1, "messages")


@case(f"{ROW} console: output, input, all three streams")
def streams(t: Context) -> None:
    terminal = with_terminal(t, "test -t 0 && test -t 1 && test -t 2 && echo all; read line; echo got $line")
    terminal.read_until("all")
    terminal.write("typed\n")
    terminal.read_until("got typed")


@case(f"{ROW} console: it is the controlling terminal of a session")
def controlling(t: Context) -> None:
    terminal = with_terminal(t, "echo x >/dev/tty && tty && trap 'echo interrupted' INT && echo ready; while :; do sleep 0.05; done")
    terminal.read_until("ready")
    terminal.write("\x03")
    terminal.read_until("interrupted")


@case(f"{ROW} consoleSize")
def size(t: Context) -> None:
    terminal = with_terminal(t, "stty size; sleep 1000", consoleSize={"height": 33, "width": 99})
    terminal.read_until("33 99")


@case(f"{ROW} /dev/console is the terminal")
def device(t: Context) -> None:
    terminal = with_terminal(t, "echo to the console >/dev/console; stat -c %F /dev/console; tty; sleep 1000")
    text = terminal.read_until("/dev/pts/0")
    t.match(text, "to the console", "what was written to /dev/console")
    t.match(text, "character special file", "type of /dev/console")


@case(f"{ROW} the terminal belongs to the program's user")
def owner(t: Context) -> None:
    terminal = with_terminal(t, "stat -c '%u %a' $(tty); echo x >$(tty) && echo written", user={"uid": 1000, "gid": 1000})
    text = terminal.read_until("written")
    t.match(text, r"1000 6[02]0", "owner and mode")


@case(f"{ROW} the master ends with the container")
def hangup(t: Context) -> None:
    terminal = with_terminal(t, "echo ready; sleep 1000")
    terminal.read_until("ready")
    t.delete()
    try:
        rest = os.read(terminal.fd, 100)
    except OSError:
        rest = b""
    t.equal(rest, b"", "what is read after the end")


@case(f"{ROW} terminal needs --console-socket with create")
def socket_missing(t: Context) -> None:
    t.refused(terminal_spec(t, "sleep 1000"), "console|terminal|tty")


@case(f"{ROW} --console-socket needs a terminal", differs={"crun": "ignores it"})
def socket_needless(t: Context) -> None:
    listener = Listener(t, "console")
    t.refused(t.spec("sleep 1000"), "console|terminal|tty", "--console-socket", str(listener.path))


@case(f"{ROW} --console-socket: nobody listens")
def socket_dead(t: Context) -> None:
    t.refused(terminal_spec(t, "sleep 1000"), "no such file|console|connect", "--console-socket", "/no/such/socket")


@case(f"{ROW} exec --tty --detach --console-socket")
def exec_tty(t: Context) -> None:
    t.start(t.spec("sleep 1000"))
    listener = Listener(t, "console")
    process = t.directory / "process.json"
    process.write_text(json.dumps({"terminal": True, "args": ["/bin/sh", "-c", "tty; read line; echo got $line"],
                                   "env": ["PATH=/bin"], "cwd": "/", "user": {"uid": 0, "gid": 0},
                                   "consoleSize": {"height": 21, "width": 43}}))
    t.good("exec", "--detach", "--console-socket", str(listener.path), "--process", str(process), t.id)
    terminal = Terminal(listener.one()[1][0])
    terminal.read_until("/dev/pts/")
    terminal.write("typed\n")
    terminal.read_until("got typed")


@case(f"{ROW} run on a terminal: the runtime carries it")
def foreground(t: Context) -> None:
    master, slave = os.openpty()
    t.write(terminal_spec(t, "test -t 0 && echo a terminal; read line; echo got $line; exit 5"))
    t.ids.append(t.id)
    process = t.popen("run", t.id, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    terminal = Terminal(master)
    terminal.read_until("a terminal")
    terminal.write("typed\n")
    terminal.read_until("got typed")
    t.equal(t.finish(process).status, 5, "status")
    os.close(master)


@case("E run on a terminal: the container's clears ONLCR")
def onlcr(t: Context) -> None:
    master, slave = os.openpty()
    t.write(terminal_spec(t, "stty -a | tr ' ;' '\\n\\n' | grep onlcr; echo end"))
    t.ids.append(t.id)
    process = t.popen("run", t.id, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    terminal = Terminal(master)
    text = terminal.read_until("end")
    t.finish(process)
    t.match(text, "-onlcr", "settings of the container's terminal")
    os.close(master)


@case(f"{ROW} the caller's terminal is as it was after run")
def restored(t: Context) -> None:
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    t.write(terminal_spec(t, "echo here"))
    t.ids.append(t.id)
    t.finish(t.popen("run", t.id, stdin=slave, stdout=slave, stderr=slave))
    t.equal(termios.tcgetattr(slave)[:4], before[:4], "settings")
    os.close(slave)
    os.close(master)


@case("D CVE-2026-88264: a link at /dev/console makes no file on the host",
      differs={"crun": "1.21 has this error"})
def console_link(t: Context) -> None:
    victim = t.directory / "made-by-runtime"
    spec = terminal_spec(t, "sleep 1000")
    spec["mounts"] = [row for row in spec["mounts"] if not row["destination"].startswith("/dev")]
    (t.rootfs / "dev/console").symlink_to(victim)
    listener = Listener(t, "console")
    t.write(spec)
    t.ids.append(t.id)
    if t.call("create", "--console-socket", str(listener.path), t.id).status == 0:
        t.call("start", t.id)
    t.check(not victim.exists(), "a file was made on the host")
    t.check(not Path(f"{t.rootfs}{victim}").is_char_device(), "a device was made where the link leads")
