# SPDX-License-Identifier: LGPL-2.1-or-later
"""B4: memoryPolicy."""
from __future__ import annotations

import ctypes
import os
from pathlib import Path

from harness import Context, Skip, case

ROW = "B4"


def policy(name: str, wanted: dict, shows: str) -> None:
    @case(f"{ROW} memoryPolicy", name=f"policy_{name}")
    def set_policy(t: Context) -> None:
        if not Path("/proc/self/numa_maps").exists():
            raise Skip("the kernel does not do NUMA")
        spec = t.spec("head -n 1 /proc/self/numa_maps | cut -d' ' -f 2")
        spec["linux"]["memoryPolicy"] = wanted
        t.match(t.output(spec), rf"^{shows}\n", "policy of the program's memory")


policy("bind", {"mode": "MPOL_BIND", "nodes": "0"}, "bind(=static)?:0")
policy("interleave", {"mode": "MPOL_INTERLEAVE", "nodes": "0"}, "interleave:0")
policy("preferred", {"mode": "MPOL_PREFERRED", "nodes": "0"}, "prefer:0")
policy("preferred_many", {"mode": "MPOL_PREFERRED_MANY", "nodes": "0"}, "prefer \\(many\\):0|prefer")
policy("local", {"mode": "MPOL_LOCAL", "nodes": ""}, "local")
policy("static", {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, "bind=static:0")


def interleave() -> None:
    """The policy of the caller, which would be inherited."""
    ctypes.CDLL(None).syscall(238, 3, ctypes.byref(ctypes.c_ulong(1)), 64)


@case(f"{ROW} memoryPolicy: none, and the default instead of the caller's")
def policy_default(t: Context) -> None:
    if not Path("/proc/self/numa_maps").exists() or os.uname().machine != "x86_64":
        raise Skip("the kernel does not do NUMA, or has other numbers of system calls")
    spec = t.spec("head -n 1 /proc/self/numa_maps | cut -d' ' -f 2")
    t.equal(t.output(spec, preexec_fn=interleave), "interleave:0\n", "policy without one asked for")
    spec["linux"]["memoryPolicy"] = {"mode": "MPOL_DEFAULT", "nodes": ""}
    t.equal(t.output(spec, preexec_fn=interleave), "default\n", "policy")


@case(f"{ROW} memoryPolicy: unknown modes, flags and nodes are errors")
def policy_wrong(t: Context) -> None:
    for wrong in ({"mode": "MPOL_WILD", "nodes": "0"}, {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_WILD"]},
                  {"mode": "MPOL_BIND", "nodes": "many"}):
        spec = t.spec()
        spec["linux"]["memoryPolicy"] = wrong
        t.refused(spec, "memory|mempolicy|MPOL|mode|flag|nodes")
