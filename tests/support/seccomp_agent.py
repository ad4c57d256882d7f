#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Handles seccomp notifications: seccomp_agent.py SOCKET. Prints what it reads; every call fails with EXDEV."""
import errno
import fcntl
import socket
import struct
import sys
import threading

RECV, SEND = 0xC0502100, 0xC0182101
NOTIFICATION_SIZE = 80


def handle(fd):
    while True:
        notification = bytearray(NOTIFICATION_SIZE)
        try:
            fcntl.ioctl(fd, RECV, notification)
            answer = struct.pack("QqiI", struct.unpack_from("Q", notification)[0], 0, -errno.EXDEV, 0)
            fcntl.ioctl(fd, SEND, bytearray(answer))
        except OSError:
            return


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    while True:
        connection, _ = listener.accept()
        message, fds, _, _ = socket.recv_fds(connection, 65536, 4)
        print(message.decode(), flush=True)
        for fd in fds:
            threading.Thread(target=handle, args=(fd,), daemon=True).start()


if __name__ == "__main__":
    main()
