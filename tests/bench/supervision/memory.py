# SPDX-License-Identifier: LGPL-2.1-or-later
"""The memory that each idle container adds to whoever supervises it, and that nobody else shares."""
import os
import re
import time
from collections.abc import Callable

from supervision.bench import Bench, Target, Unable, processes, run, until

OURS = ("xctld", "xctl-launch", "xctl-keeper")
WORKERS = "xctl-pipes"  # their memory is xctld's
RINGS = "/run/xctl/state/"
FIRST, MORE = 10, 50  # so that what the first ones make xctld take for good does not count
OTHERS = 5
SETTLE = 1

MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$")
PRIVATE = re.compile(r"^Private_\w+:\s+(\d+) kB$")


def private_kilobytes(pids: list[int], counts: Callable[[str], bool] = lambda path: True) -> int:
    """Of the mappings whose file's path counts."""
    total = 0
    for pid in pids:
        path = ""
        with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
            for line in file:
                if mapping := MAPPING.match(line):
                    path = mapping[1]
                elif counts(path) and (private := PRIVATE.match(line)):
                    total += int(private[1])
    return total


def is_ring(path: str) -> bool:
    return path.startswith(RINGS)


def measure_ours(bench: Bench) -> tuple[float, float, float]:
    """Kilobytes beside rings, kilobytes of rings, and processes: for each container."""
    def now() -> tuple[int, int, int]:
        time.sleep(SETTLE)
        pids = processes(*OURS)
        return private_kilobytes(pids, lambda path: not is_ring(path)), private_kilobytes(pids, is_ring), \
            len(pids) + len(processes(WORKERS))

    for number in range(FIRST):
        run("xctl", "run", "--detach", f"idle{number}", f"{bench.work}/sleeper")
    before = now()
    for number in range(MORE):
        run("xctl", "run", "--detach", f"more{number}", f"{bench.work}/sleeper")
    beside, rings, count = (round((b - a) / MORE, 2) for a, b in zip(before, now()))
    return beside, rings, count


def one_by_one(process: str, start: Callable[[int], object]) -> list[float]:
    """What each of their containers brings, a process each."""
    values = []
    for number in range(OTHERS):
        before = set(processes(process))
        start(number)
        until(lambda: set(processes(process)) - before, f"{process} is there")
        time.sleep(SETTLE)
        values.append(float(private_kilobytes(list(set(processes(process)) - before))))
    return values


def measure_conmon(bench: Bench) -> list[float]:
    return one_by_one("conmon", lambda number: run(
        "podman", "run", "--detach", f"--name=idle{number}", "--network=none", "--rootfs", f"{bench.work}/busybox",
        "sleep", "1000000"))


def measure_shim(bench: Bench) -> list[float]:
    run("systemctl", "start", "containerd")
    # What runs here may lack the controller for the CPU shares that ctr asks for.
    with open("/sys/fs/cgroup/cgroup.controllers", encoding="utf-8") as file:
        shares = [] if "cpu" in file.read().split() else ["--cpu-shares", "0"]
    # The kernel has fifteen letters of containerd-shim-runc-v2.
    return one_by_one("containerd-shim", lambda number: run(
        "ctr", "run", "--runc-binary", "/usr/bin/crun", *shares, "--detach", "--rootfs", f"{bench.work}/busybox",
        f"idle{number}", "/bin/sleep", "1000000"))


def has_exit_info() -> bool:
    """Whether the kernel tells the exit status of whatever process (PIDFD_INFO_EXIT), so that no keeper is needed."""
    major, minor = re.match(r"(\d+)\.(\d+)", os.uname().release).groups()
    return (int(major), int(minor)) >= (6, 15)


def measure(bench: Bench) -> None:
    beside, rings, count = measure_ours(bench)
    limit = Target("<=", 40 if has_exit_info() else 110, of_ratio=False)
    for name, of_others in (("conmon", measure_conmon), ("containerd-shim", measure_shim)):
        try:
            bench.row("memory per idle container beside its ring", "KB", [beside], name, of_others(bench), limit)
        except Unable as why:
            bench.missing(f"memory beside {name}", why)
    bench.row("the used pages of its ring", "KB", [rings])
    bench.row("processes per idle container", "", [count], "conmon", [1.0],
              Target("<=", 0 if has_exit_info() else 1, of_ratio=False))
