# SPDX-License-Identifier: LGPL-2.1-or-later
"""Beside many containers that run: starting one more, listing them, and what xctld does while nothing happens."""
import re
import time

from supervision.bench import Bench, Target, Unable, at_most, processes, run, timed

SAMPLE = 50
WARM_UP = 5
IDLE = 10


def wakeups(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.M)[1])


def wakeups_while_idle() -> list[float]:
    """A second, of xctld, its launcher and its pipe worker."""
    pids = processes("xctld", "xctl-launch", "xctl-pipes")
    if not pids:
        raise Unable("there is no xctld")
    before = sum(map(wakeups, pids))
    time.sleep(IDLE)
    return [(sum(map(wakeups, pids)) - before) / IDLE]


def start(bench: Bench, name: str) -> float:
    return timed("xctl", "run", "--detach", name, f"{bench.work}/sleeper")


def measure(bench: Bench) -> None:
    sample = min(SAMPLE, bench.crowd // 2)
    for number in range(WARM_UP):
        start(bench, f"warm{number}")
        run("xctl", "delete", "--force", f"warm{number}")
    times = [start(bench, f"c{number}") for number in range(bench.crowd)]
    bench.row(f"start of the last {sample} of {bench.crowd}", "ms", times[-sample:], f"the first {sample}",
              times[:sample], at_most(1.1))
    time.sleep(1)
    bench.row("wakeups a second while nothing happens", "", wakeups_while_idle(),
              target=Target("<=", 0, of_ratio=False))
    for number in range(bench.crowd):
        timed("crun", "run", "--detach", "--bundle", f"{bench.work}/sleeper", f"c{number}")
    lists = [(timed("xctl", "list"), timed("crun", "list")) for _ in range(bench.rounds)]
    bench.row(f"list of {bench.crowd}", "ms", [ours for ours, _ in lists], "crun list", [theirs for _, theirs in lists],
              at_most(0.1))
