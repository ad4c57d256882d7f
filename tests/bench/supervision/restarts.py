# SPDX-License-Identifier: LGPL-2.1-or-later
"""From the death of a program to the first thing that it does when it runs again."""
import collections
import json
import os
import select
import signal
import time
from collections.abc import Callable

from supervision.bench import Bench, Unable, at_most, run

PATIENCE = 20
SETTLE = 0.3
PROGRAM = "echo >{}; exec sleep 1000000"

# Beside whom, and how many times theirs it may take.
TARGETS = {"systemd, Restart=always": 0.25, "podman --restart=always": 0.04}


class Fifo:
    """Where each program says that it runs."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def arrived(self, seconds: float) -> bool:
        return bool(select.select([self.fd], [], [], seconds)[0]) and bool(os.read(self.fd, 4096))

    def drain(self) -> None:
        while self.arrived(0):
            pass


def start_ours(bench: Bench) -> Callable[[], str]:
    definition = {"bundle": f"{bench.work}/again", "restart": {"policy": "always", "delayUSec": 0, "limit": 0}}
    with open("/etc/xctl/containers/again.json", "w", encoding="utf-8") as file:
        json.dump(definition, file)
    run("xctl", "start", "again")
    return lambda: next(row["pid"] for row in json.loads(run("xctl", "list", "--json")) if row["name"] == "again")


def start_systemd(bench: Bench) -> Callable[[], str]:
    run("systemd-run", "--unit=bench-again", "-p", "Restart=always", "-p", "RestartSec=0", "-p",
        "StartLimitIntervalSec=0", "/bin/busybox", "sh", "-c", PROGRAM.format(f"{bench.work}/fifo"))
    return lambda: run("systemctl", "show", "-P", "MainPID", "bench-again")


def start_podman(bench: Bench) -> Callable[[], str]:
    run("podman", "run", "--detach", "--name=again", "--restart=always", "--network=none", "--volume",
        f"{bench.work}/fifo:/fifo", "--rootfs", f"{bench.work}/busybox", "sh", "-c", PROGRAM.format("/fifo"))
    return lambda: run("podman", "inspect", "-f", "{{.State.Pid}}", "again")


def measure(bench: Bench) -> None:
    fifo = Fifo(f"{bench.work}/fifo")
    cases = {"xctl": start_ours(bench)}
    for name, start in (("systemd, Restart=always", start_systemd), ("podman --restart=always", start_podman)):
        try:
            cases[name] = start(bench)
        except Unable as why:
            bench.missing(f"restart beside {name}", why)
    times = collections.defaultdict(list)
    for number in range(bench.rounds + 1):
        for name, pid_of in cases.items():
            time.sleep(SETTLE)
            pid = int(pid_of())
            fifo.drain()
            begin = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            if not fifo.arrived(PATIENCE):
                raise Unable(f"{name}: it does not run again")
            if number > 0:  # the first is for warming up
                times[name].append((time.perf_counter() - begin) * 1000)
    for name, limit in TARGETS.items():
        if name in times:
            bench.row("died to running again", "ms", times["xctl"], name, times[name], at_most(limit))
