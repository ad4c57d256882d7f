#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""xrun, crun and runc on the same bundles, interleaved in one run: medians, and ratios to crun. No verdict.

runtime.py WORK ROUNDS: WORK holds the bundles plain, seccomp and mounts.
"""
import collections
import json
import os
import statistics
import subprocess
import sys
import time

RUNTIMES = {name: f"/usr/bin/{name}" for name in ("xrun", "crun", "runc")}
DEVNULL = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]


class Bench:
    def __init__(self, work: str) -> None:
        self.work = work
        self.times: dict[tuple[str, str], list[float]] = collections.defaultdict(list)
        self.number = 0

    def command(self, runtime: str, *words: str) -> float:
        """Milliseconds from the start of the runtime to its end; its failure ends the benchmark."""
        argv = [RUNTIMES[runtime], "--root", f"{self.work}/state-{runtime}", *words]
        begin = time.perf_counter()
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=DEVNULL)
        status = os.waitpid(pid, 0)[1]
        end = time.perf_counter()
        if status != 0:
            sys.exit(f"{' '.join(argv)}: status {status}")
        return (end - begin) * 1000

    def fresh_name(self) -> str:
        self.number += 1
        return f"b{self.number}"

    def record(self, case: str, runtime: str, milliseconds: float) -> None:
        self.times[case, runtime].append(milliseconds)

    def run_once(self, runtime: str, bundle: str) -> None:
        name = self.fresh_name()
        self.record(f"run, {bundle}", runtime, self.command(runtime, "run", "-b", f"{self.work}/{bundle}", name))

    def life(self, runtime: str, suffix: str) -> None:
        """Every verb of one container that lives until it is deleted."""
        name = self.fresh_name()
        steps = (
            ("create", ("create", "-b", f"{self.work}/sleeper", name)),
            ("start", ("start", name)),
            ("state", ("state", name)),
            ("list", ("list", "-q")),
            ("exec", ("exec", name, "/bin/true")),
            ("delete", ("delete", "--force", name)),
        )
        for verb, words in steps:
            self.record(verb + suffix, runtime, self.command(runtime, *words))

    def fill(self, count: int) -> None:
        """So many containers that are there already, for every runtime."""
        for runtime in RUNTIMES:
            for i in range(count):
                self.command(runtime, "create", "-b", f"{self.work}/sleeper", f"idle-{runtime}-{i}")

    def empty(self, count: int) -> None:
        for runtime in RUNTIMES:
            for i in range(count):
                self.command(runtime, "delete", "--force", f"idle-{runtime}-{i}")

    def report(self) -> None:
        cases = dict.fromkeys(case for case, _ in self.times)
        print(f"{'case':24}" + "".join(f"{r + ' min/median ms':>22}{'x crun':>8}" for r in RUNTIMES))
        for case in cases:
            base = statistics.median(self.times[case, "crun"])
            row = f"{case:24}"
            for runtime in RUNTIMES:
                values = self.times.get((case, runtime))
                row += f"{min(values):14.1f}{statistics.median(values):8.1f}{statistics.median(values) / base:8.2f}"
            print(row)


def main() -> None:
    work, rounds, crowd = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    bench = Bench(work)
    for _ in range(rounds):
        for bundle in ("plain", "seccomp", "mounts"):
            for runtime in RUNTIMES:
                bench.run_once(runtime, bundle)
        for runtime in RUNTIMES:
            bench.life(runtime, "")
    if crowd > 0:
        bench.fill(crowd)
        for _ in range(max(rounds // 3, 1)):
            for runtime in RUNTIMES:
                bench.life(runtime, f" beside {crowd}")
        bench.empty(crowd)
    bench.report()


if __name__ == "__main__":
    main()
