#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""prctl_of.py PID NUMBER: what prctl(2) with this number and no arguments answers inside another process.

The process is stopped for a moment where it waits in a system call, and makes this one there. x86-64 only.
"""

import ctypes
import os
import sys

SYS_PRCTL = 157
PTRACE = {"attach": 16, "detach": 17, "singlestep": 9, "getregs": 12, "setregs": 13}
NAMES = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
         "ds es fs gs").split()


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in NAMES]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_ulong, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, data=None):
    if libc.ptrace(PTRACE[request], pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request}")


def main():
    pid, number = int(sys.argv[1]), int(sys.argv[2])
    ptrace("attach", pid)
    os.waitpid(pid, 0)
    before = Registers()
    ptrace("getregs", pid, ctypes.byref(before))
    if before.orig_rax >= 1 << 63:
        sys.exit(f"process {pid} is in no system call")
    # The instruction that it waits in is the one before, and is two bytes long.
    call = Registers.from_buffer_copy(before)
    call.rip -= 2
    call.rax, call.rdi, call.rsi, call.rdx, call.r10, call.r8 = SYS_PRCTL, number, 0, 0, 0, 0
    call.orig_rax = (1 << 64) - 1
    ptrace("setregs", pid, ctypes.byref(call))
    ptrace("singlestep", pid)
    os.waitpid(pid, 0)
    after = Registers()
    ptrace("getregs", pid, ctypes.byref(after))
    ptrace("setregs", pid, ctypes.byref(before))
    ptrace("detach", pid)
    print(ctypes.c_longlong(after.rax).value)


main()
