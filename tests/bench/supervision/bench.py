# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the sections share: commands that cannot hang, and the table."""
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

DEVNULL = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]

CLEAN_UP_SECONDS = 300


class Unable(Exception):
    """Something cannot be measured, and why."""


class Hangs(Exception):
    """A section is at the end of its time. Not an Unable, with which a section goes on to what else it measures."""


@dataclass(frozen=True)
class Target:
    """Of the ratio, or of our own value."""
    sign: str  # "<=" or ">="
    limit: float
    of_ratio: bool = True

    def is_met(self, ratio: float | None, ours: float) -> bool:
        value = ratio if self.of_ratio else ours
        if value is None:
            return False
        return value <= self.limit if self.sign == "<=" else value >= self.limit


def at_most(limit: float) -> Target:
    return Target("<=", limit)


def at_least(limit: float) -> Target:
    return Target(">=", limit)


def run(*words: str, seconds: float = 60) -> str:
    """What the command prints. Not for one that leaves a process behind, which would hold the pipes: see timed()."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=seconds,
                              check=False)
    except FileNotFoundError:
        raise Unable(f"{words[0]} is not here") from None
    except subprocess.TimeoutExpired:
        raise Unable(f"{' '.join(words)}: no end after {seconds:.0f} seconds") from None
    if done.returncode != 0:
        raise Unable(f"{' '.join(words)}: status {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()


def timed(*words: str) -> float:
    """Milliseconds from the start of the command to its end, by as little as Python can do."""
    begin = time.perf_counter()
    pid = os.posix_spawnp(words[0], words, os.environ, file_actions=DEVNULL)
    try:
        status = os.waitpid(pid, 0)[1]
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    end = time.perf_counter()
    if status != 0:
        raise Unable(f"{' '.join(words)}: status {os.waitstatus_to_exitcode(status)}")
    return (end - begin) * 1000


def until(true: Callable[[], object], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise Unable(f"in vain waited until {what}")
        time.sleep(0.02)


def processes(*names: str) -> list[int]:
    """By the names that the kernel has, of fifteen letters at most."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().strip() in names:
                    found.append(int(pid))
        except OSError:
            pass
    return found


def try_to(*words: str, seconds: float = 60) -> str:
    """For cleaning up: what cannot be done stays."""
    try:
        return run(*words, seconds=seconds)
    except Unable:
        return ""


def clean_up() -> None:
    """Takes away whatever a section may have left, however it ended."""
    for container in json.loads(try_to("xctl", "list", "--json") or "[]"):
        try_to("xctl", "delete", "--force", container["name"])
    for name in try_to("crun", "list", "--quiet").split():
        try_to("crun", "delete", "--force", name)
    try_to("podman", "rm", "--all", "--force", "--time=0")
    for name in try_to("ctr", "container", "ls", "--quiet", seconds=5).split():
        try_to("ctr", "task", "rm", "--force", name)
        try_to("ctr", "container", "rm", name)
    try_to("systemctl", "stop", "bench-again")


class Bench:
    def __init__(self, work: str, rounds: int, crowd: int) -> None:
        self.work = work
        self.rounds = rounds
        self.crowd = crowd
        self.unable: list[str] = []
        self.met: list[bool] = []

    def begin(self) -> None:
        signal.signal(signal.SIGALRM, self.give_up)
        print(f"Linux {os.uname().release}, {os.cpu_count()} processors; medians of {self.rounds} rounds\n")
        print(f"{'':46}{'xctl':>12}   {'beside it':40}{'ratio':>8}  target")

    def give_up(self, _signal: int, frame: object) -> None:
        where = traceback.extract_stack(frame)  # type: ignore[arg-type]
        ours = [entry for entry in where if "/tests/bench/" in entry.filename]
        raise Hangs(f"it hangs in {ours[-1].name}, called at {ours[-2].filename}:{ours[-2].lineno}: {ours[-2].line}")

    def section(self, name: str, measure: Callable[["Bench"], None], seconds: int) -> None:
        signal.alarm(seconds)
        try:
            measure(self)
        except (Unable, Hangs) as why:
            self.missing(name, why)
        except (OSError, ValueError, KeyError, IndexError, StopIteration, statistics.StatisticsError) as error:
            traceback.print_exc()
            self.missing(name, error)
        signal.alarm(CLEAN_UP_SECONDS)
        try:
            clean_up()
        except Hangs as why:
            self.missing(f"{name}, cleaning up", why)
        signal.alarm(0)

    def missing(self, what: str, why: Exception) -> None:
        self.unable.append(what)
        print(f"{what}: cannot be measured: {str(why) or repr(why)}", flush=True)

    def row(self, what: str, unit: str, ours: Sequence[float], beside: str = "", theirs: Sequence[float] = (),
            target: Target | None = None) -> None:
        """Ours, theirs, and by how much they differ; values of many rounds, of which the medians count."""
        mine = statistics.median(ours)
        other = statistics.median(theirs) if theirs else None
        ratio = mine / other if other else None
        text = f"{beside} {other:.1f} {unit}" if other is not None else ""
        line = f"{what:46}{f'{mine:.1f} {unit}':>12}   {text:40}{f'{ratio:.2f}' if ratio is not None else '-':>8}"
        if target:
            met = target.is_met(ratio, mine)
            self.met.append(met)
            limit = f"{target.limit:g}" if target.of_ratio else f"{target.limit:g} {unit}".rstrip()
            line += f"  {target.sign} {limit}: {'met' if met else 'MISSED'}"
        print(line.rstrip(), flush=True)

    def finish(self) -> None:
        print(f"\n{sum(self.met)} of {len(self.met)} targets met")
        if self.unable:
            sys.exit(f"not measured: {', '.join(self.unable)}")
