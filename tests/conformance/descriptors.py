# SPDX-License-Identifier: LGPL-2.1-or-later
"""C2: which descriptors a program has: --preserve-fds, LISTEN_FDS, NOTIFY_SOCKET, pidfd-socket."""
from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import bundles
from harness import Context, case, mountinfo
from sockets import Listener, Readiness

ROW = "C2"


def placing(t: Context, *numbers: int) -> Callable[[], None]:
    """What a child does before it executes the runtime: files that say their number, at these numbers."""
    paths = {}
    for number in numbers:
        paths[number] = t.directory / f"fd{number}"
        paths[number].write_text(f"number {number}\n")

    def place() -> None:
        for number, path in paths.items():
            fd = os.open(path, os.O_RDONLY)
            if fd != number:
                os.dup2(fd, number)
                os.close(fd)
            os.set_inheritable(number, True)

    return place


@case(f"{ROW} a program has 0, 1 and 2 only")
def three(t: Context) -> None:
    out = t.output(t.spec("/bin/ls", "/proc/self/fd"), preexec_fn=placing(t, 3, 4, 9, 77), close_fds=False)
    # ls has one more for the directory that it lists.
    t.equal(out.split(), ["0", "1", "2", "3"], "descriptors")


@case("D CVE-2024-21626, 2016-9962: the created init holds no directory of the host")
def init_holds_nothing(t: Context) -> None:
    t.create(t.spec("sleep 1000"), preexec_fn=placing(t, 3, 4, 9), close_fds=False)
    host = str(t.directory)
    for path in Path(f"/proc/{t.pid()}/fd").iterdir():
        target = os.readlink(path)
        if path.name not in ("0", "1", "2") and target.startswith("/"):
            t.check(not path.is_dir(), f"descriptor {path.name} is the directory {target}")
            t.check(not target.startswith(host + "/fd"), f"descriptor {path.name} is the caller's {target}")


@case(f"{ROW} --preserve-fds")
def preserve(t: Context) -> None:
    out = t.output(t.spec("cat <&3; cat <&4; ls /proc/self/fd"), "--preserve-fds", "2",
                   preexec_fn=placing(t, 3, 4, 5), close_fds=False)
    t.equal(out.split(), ["number", "3", "number", "4", "0", "1", "2", "3", "4", "5"], "contents and descriptors")


@case(f"{ROW} --preserve-fds: one that is missing is refused")
def preserve_missing(t: Context) -> None:
    t.write(t.spec("true"))
    t.ids.append(t.id)
    t.bad("run", "--preserve-fds", "9", t.id, says="preserve(d-fd| descriptor) .*of 9", preexec_fn=placing(t, 3),
          close_fds=False)


@case(f"{ROW} LISTEN_FDS: for the process that they name")
def listen_fds(t: Context) -> None:
    # The shell that executes the runtime is the process that systemd would have named.
    t.write(t.spec("echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; cat <&3; cat <&4; ls /proc/self/fd | wc -l"))
    t.ids.append(t.id)
    out = with_shell(t, "LISTEN_PID=$$ LISTEN_FDS=2 exec", "run", 3, 4)
    t.equal(out.splitlines()[:3], ["2 1", "number 3", "number 4"], "variables and contents")
    t.equal(out.splitlines()[3], "6", "descriptors, with the one of ls")


def with_shell(t: Context, prefix: str, verb: str, *numbers: int) -> str:
    words = ["sh", "-c", f'{prefix} "$@"', "sh", t.runtime.path, "--root", str(t.state_root), verb, t.id]
    done = subprocess.run(words, cwd=t.bundle, capture_output=True, text=True, check=False, timeout=60,
                          preexec_fn=placing(t, *numbers), close_fds=False)
    t.equal(done.returncode, 0, f"status ({done.stderr})")
    return done.stdout


@case(f"{ROW} LISTEN_FDS of another process are not passed on",
      differs={"crun": "1.21 does not look at LISTEN_PID"})
def listen_fds_of_other(t: Context) -> None:
    t.write(t.spec("echo [$LISTEN_FDS]; ls /proc/self/fd | wc -l"))
    t.ids.append(t.id)
    t.equal(with_shell(t, "LISTEN_PID=1 LISTEN_FDS=1 exec", "run", 3), "[]\n4\n", "variable and descriptors")


@case(f"{ROW} NOTIFY_SOCKET: readiness is handed on")
def notify(t: Context) -> None:
    ready = Readiness(t)
    # busybox has no client of such sockets; the socket's being there is what the container sees.
    t.write(t.spec("echo $NOTIFY_SOCKET; test -S $NOTIFY_SOCKET && echo socket; sleep 5"))
    t.ids.append(t.id)
    environment = {**os.environ, "NOTIFY_SOCKET": str(ready.path)}
    t.good("create", t.id, env=environment)
    points = [line.split()[4] for line in mountinfo(t.pid()) if "notify" in line.split()[4]]
    t.check(points, "no socket is mounted in the container")
    process = t.popen("start", t.id, env=environment)
    send_from_inside(t, points[0])
    message = ready.receive()
    t.match(message, "READY=1", "what came")
    t.finish(process)


def send_from_inside(t: Context, point: str) -> None:
    """Sends as a program in the container would: what is mounted there is the socket, or its directory."""
    there = Path(f"/proc/{t.pid()}/root{point}")

    def sockets() -> list[Path]:
        return [path for path in (there, *(there.glob("*") if there.is_dir() else [])) if path.is_socket()]

    t.until(sockets, f"{point} has a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        folder = os.open(sockets()[0].parent, os.O_PATH)
        client.sendto(b"READY=1", f"/proc/self/fd/{folder}/{sockets()[0].name}")
        os.close(folder)


@case(f"{ROW} pidfd-socket", differs={"crun": "has an annotation instead", "runc": "1.1 does not know it"})
def pidfd_socket(t: Context) -> None:
    listener = Listener(t, "pidfd")
    t.create(t.spec("sleep 1000"), "--pidfd-socket", str(listener.path))
    data, descriptors = listener.one()
    t.equal(data.rstrip(b"\0"), b"standard", "the message")
    info = Path(f"/proc/self/fdinfo/{descriptors[0]}").read_text()
    t.match(info, rf"(?m)^Pid:\s*{t.pid()}$", "the descriptor is a pidfd of the init")


@case(f"{ROW} streams can be opened again, by exec in a user namespace and by another user too",
      differs={"crun": "only by the program's user"})
def streams_reopened(t: Context) -> None:
    bundles.give_away(t.rootfs, 100000)
    spec = t.spec("sleep 1000")
    bundles.user_namespace(spec)
    t.start(spec)
    for user in ("0", "1000"):
        reader, writer = os.pipe()
        t.finish(t.popen("exec", "--user", user, t.id, "sh", "-c", "echo x >/proc/self/fd/1 && echo opened", stdout=writer))
        os.close(writer)
        t.equal(os.read(reader, 100), b"x\nopened\n", f"what came from {user}")
        os.close(reader)


@case(f"{ROW} streams belong to the program's user")
def stream_owner(t: Context) -> None:
    reader, writer = os.pipe()
    spec = t.spec("echo x >/proc/self/fd/1 && echo opened")
    spec["process"]["user"] = {"uid": 1000, "gid": 1000}
    t.write(spec)
    t.ids.append(t.id)
    t.finish(t.popen("run", t.id, stdout=writer))
    os.close(writer)
    t.equal(os.read(reader, 100), b"x\nopened\n", "what came")
    os.close(reader)
