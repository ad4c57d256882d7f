# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other ends of the runtime's sockets: consoles, seccomp agents, readiness."""
from __future__ import annotations

import array
import ctypes
import fcntl
import os
import select
import socket
import struct
import threading
import time
from pathlib import Path

from harness import SECONDS, Context, Failure


def receive(connection: socket.socket, most: int = 16) -> tuple[bytes, list[int]]:
    """One message and the descriptors in it."""
    found = array.array("i")
    data, controls, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(most * found.itemsize))
    for level, kind, payload in controls:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(payload[:len(payload) - len(payload) % found.itemsize])
    return data, list(found)


class Listener:
    """A socket that takes connections, each with one message, in a thread of its own."""

    def __init__(self, t: Context, name: str) -> None:
        # The path of a socket is short; the bundle's may not be.
        self.path = t.directory.parent / f"{name}.{os.getpid()}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind(str(self.path))
        self.path.chmod(0o777)
        self.socket.listen()
        self.messages: list[tuple[bytes, list[int]]] = []
        self.rest: list[bytes] = []
        self.closed = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        t.cleanups.append(self.close)

    def serve(self) -> None:
        while not self.closed:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(SECONDS)
                try:
                    self.messages.append(receive(connection))
                    self.rest.append(connection.recv(4096))
                except OSError as error:
                    self.rest.append(repr(error).encode())

    def one(self) -> tuple[bytes, list[int]]:
        """The first message, which may take a moment."""
        end = time.monotonic() + SECONDS / 2
        while not self.messages:
            if time.monotonic() > end:
                raise Failure(f"nothing came to {self.path.name}")
            time.sleep(0.01)
        return self.messages[0]

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(SECONDS)
        self.path.unlink(missing_ok=True)
        for _, descriptors in self.messages:
            for fd in descriptors:
                try:
                    os.close(fd)
                except OSError:
                    pass


class Terminal:
    """The master of a pseudo terminal."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.text = ""

    def read_until(self, pattern: str) -> str:
        end = time.monotonic() + SECONDS / 2
        while pattern not in self.text:
            ready, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
            try:
                data = os.read(self.fd, 4096) if ready else b""
            except OSError:
                data = b""
            if not data:
                raise Failure(f"the terminal said {self.text!r}, and not {pattern!r}")
            self.text += data.decode(errors="replace")
        return self.text

    def write(self, text: str) -> None:
        os.write(self.fd, text.encode())


# -- seccomp notifications, by the kernel's own interface

RECEIVE = 0xC0502100
SEND = 0xC0182101
CONTINUE = 1


class Agent(Listener):
    """Answers system calls of a container: by an error number, or by letting the kernel go on."""

    def __init__(self, t: Context, answer: int | None) -> None:
        self.answer = answer
        self.seen: list[int] = []
        super().__init__(t, "agent")
        self.worker = threading.Thread(target=self.work, daemon=True)
        self.worker.start()

    def work(self) -> None:
        while not self.closed and not self.messages:
            time.sleep(0.01)
        if not self.messages or not self.messages[0][1]:
            return
        fd = os.dup(self.messages[0][1][0])
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while not self.closed:
            events = poll.poll(50)
            if events and events[0][1] & select.POLLHUP:
                break
            if events:
                self.handle(fd)
        os.close(fd)

    def handle(self, fd: int) -> None:
        request = ctypes.create_string_buffer(80)
        try:
            fcntl.ioctl(fd, RECEIVE, request)
            identity, _, _, number = struct.unpack_from("=QIIi", request.raw)
            self.seen.append(number)
            error, flags = (0, CONTINUE) if self.answer is None else (-self.answer, 0)
            fcntl.ioctl(fd, SEND, ctypes.create_string_buffer(struct.pack("=QqiI", identity, 0, error, flags), 24))
        except OSError:
            # The caller was killed meanwhile.
            pass


class Readiness:
    """A socket as of sd_notify."""

    def __init__(self, t: Context) -> None:
        self.path = t.directory.parent / f"notify.{os.getpid()}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.path.chmod(0o777)
        self.socket.settimeout(SECONDS / 2)
        t.cleanups.append(self.close)

    def receive(self) -> str:
        try:
            return self.socket.recv(4096).decode()
        except OSError as error:
            raise Failure(f"no message came: {error}") from None

    def close(self) -> None:
        self.socket.close()
        Path(self.path).unlink(missing_ok=True)
