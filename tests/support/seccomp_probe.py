#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints what system calls answer, one word for each: ok or the name of an errno. Then does what programs do."""
import asyncio
import ctypes
import errno
import mmap
import multiprocessing
import os
import platform
import signal
import socket
import subprocess
import tempfile
import threading

libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"
NEW_USER, FS, ALG = 0x10000000, 0x200, 38
BAD = 1  # a pointer to nothing: whoever gets as far as to read it says EFAULT

# name: x86_64's number, that of aarch64, arguments
CALLS = {
    "mount": (165, 40, BAD, BAD, BAD, 0, 0),
    "umount2": (166, 39, BAD, 0),
    "unshare": (272, 97, NEW_USER),
    "unshare-fs": (272, 97, FS),
    "setns": (308, 268, -1, 0),
    "clone3": (435, 435, 0, 0),
    "keyctl": (250, 219, 0, -3, 0),
    "add_key": (248, 217, BAD, BAD, 0, 0, 0),
    "bpf": (321, 280, 0, BAD, 1),
    "io_uring_setup": (425, 425, 0, BAD),
    "userfaultfd": (323, 282, -1),
    "perf_event_open": (298, 241, BAD, 0, -1, -1, 0),
    "socket-alg": (41, 198, ALG, 5, 0),
    "socket-alg-64": (41, 198, ALG | 1 << 32, 5, 0),
    "socket-vsock": (41, 198, 40, 1, 0),
    "personality": (135, 92, 0xffffffff),
    "personality-norandom": (135, 92, 0x40000),
    "newer": (1000, 1000),
}


def answer(number, arguments):
    ctypes.set_errno(0)
    words = [ctypes.c_long(word) for word in (number, *arguments)]
    return "ok" if libc.syscall(*words) >= 0 else errno.errorcode[ctypes.get_errno()]


def in_child(function):
    """What a call changes ends with its process."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, function().encode())
        os._exit(0)
    os.wait()
    os.close(writer)
    with os.fdopen(reader) as text:
        return text.read()


def trace():
    """A parent traces its child, as debuggers do."""
    child = os.fork()
    if child == 0:
        libc.ptrace(0, 0, 0, 0)  # PTRACE_TRACEME
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(7)
    stopped = os.WIFSTOPPED(os.waitpid(child, 0)[1])
    libc.ptrace(7, child, 0, 0)  # PTRACE_CONT
    return stopped and os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def work():
    """Threads, processes, files, sockets, signals, timers, shared memory."""
    results = []
    threads = [threading.Thread(target=lambda: results.append(sum(range(1000)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [499500] * 8
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(abs, range(-5, 0)) == [5, 4, 3, 2, 1]
    assert subprocess.run(["sh", "-c", "echo $((6 * 7)) | cat"], capture_output=True, check=True).stdout == b"42\n"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        with open(path, "wb") as file:
            file.write(b"x" * 4096)
        os.chmod(path, 0o600)
        os.rename(path, path + "2")
        assert os.stat(path + "2").st_size == 4096
    with mmap.mmap(-1, 1 << 20) as memory:
        memory[:4] = b"abcd"
        memory.flush()
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as server:
            server.bind((address, 0))
            server.listen()
            with socket.create_connection(server.getsockname()[:2]) as client, server.accept()[0] as peer:
                client.sendall(b"hello")
                assert peer.recv(5) == b"hello"
    left, right = socket.socketpair()
    socket.send_fds(left, [b"."], [0])
    assert len(socket.recv_fds(right, 1, 1)[1]) == 1
    signal.signal(signal.SIGALRM, lambda *_: results.append("alarm"))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    while results[-1] != "alarm":
        signal.pause()

    async def later():
        await asyncio.sleep(0.01)
        process = await asyncio.create_subprocess_exec("true")
        return await process.wait()
    assert asyncio.run(later()) == 0
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    os.memfd_create("x")
    os.pidfd_open(os.getpid())
    return True


def main():
    for name, (x86, aarch64, *arguments) in CALLS.items():
        print(name, in_child(lambda: answer(x86 if X86 else aarch64, arguments)))
    print("trace", "ok" if trace() else "failed")
    print("work", "ok" if work() else "failed")


if __name__ == "__main__":
    main()
