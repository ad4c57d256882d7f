#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Megabytes a second from a container's first process to whoever keeps its output. Medians, and ratios to conmon.

console.py WORK ROUNDS PIPE_MB TERMINAL_MB: WORK holds the bundles pipe and terminal, and the directory out.
"""
import collections
import os
import pathlib
import pty
import re
import shutil
import statistics
import subprocess
import sys
import time

CONMON, CRUN = "/usr/bin/conmon", "/usr/bin/crun"
LINE = b"the quick brown fox jumps over the lazy dog, and the dog does not care about that at all, it is asleep\n"
PATIENCE = 300


class Bench:
    def __init__(self, work: str) -> None:
        self.work = pathlib.Path(work)
        self.speeds: dict[tuple[str, str], list[float]] = collections.defaultdict(list)

    def make_text(self, megabytes: int) -> None:
        (self.work / "out/text").write_bytes(LINE * (megabytes * 1_000_000 // len(LINE)))

    def report_of_payload(self) -> float:
        """Megabytes a second."""
        path = self.work / "out/report"
        end = time.monotonic() + PATIENCE
        while True:
            text = path.read_text() if path.exists() else ""
            if found := re.search(r"^real ([\d.]+)$", text, re.M):
                return (self.work / "out/text").stat().st_size / 1e6 / max(float(found[1]), 0.01)
            if time.monotonic() > end:
                sys.exit(f"the payload reports nothing: {text}")
            time.sleep(0.01)

    def fresh(self) -> None:
        (self.work / "out/report").unlink(missing_ok=True)

    def through_xctld(self, kind: str, name: str) -> float:
        self.fresh()
        subprocess.run(["xctl", "start", name], check=True)
        subprocess.run(["xctl", "wait", name], check=True)
        return self.report_of_payload()

    def through_conmon(self, kind: str) -> float:
        self.fresh()
        directory = self.work / "conmon"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        words = [CONMON, "--api-version", "1", "-c", "bench", "-u", "bench", "-n", "bench", "-r", CRUN, "-b", f"{self.work}/{kind}",
                 "-p", f"{directory}/pid", "--exit-dir", f"{directory}", "--socket-dir-path", f"{directory}", "-l",
                 f"k8s-file:{directory}/log"]
        subprocess.run(words + (["-t"] if kind == "terminal" else []), check=True, stdin=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while subprocess.run([CRUN, "start", "bench"], stderr=subprocess.DEVNULL).returncode != 0:
            if time.monotonic() > end:
                sys.exit("conmon made no container")
            time.sleep(0.05)
        speed = self.report_of_payload()
        while not (directory / "bench").exists():
            time.sleep(0.01)
        subprocess.run([CRUN, "delete", "--force", "bench"], check=True)
        return speed

    def bare(self, kind: str) -> float:
        """Without a container, to a program that throws away what it reads."""
        self.fresh()
        if kind == "pipe":
            source, sink = os.pipe()
        else:
            source, sink = pty.openpty()
        script = f"exec time -p dd if={self.work}/out/text bs=64k 2>{self.work}/out/report"
        process = subprocess.Popen(["/bin/busybox", "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=sink)
        os.close(sink)
        try:
            while os.read(source, 1 << 20):
                pass
        except OSError:  # a terminal that nobody has open any more
            pass
        os.close(source)
        process.wait()
        return self.report_of_payload()

    def run(self, kind: str, rounds: int) -> None:
        for name, limit in (("journal", "0"), ("quiet", "1")):
            subprocess.run(["xctl", "create", f"{kind}-{name}", f"{self.work}/{kind}"], check=True)
            subprocess.run(["xctl", "set", f"{kind}-{name}", f"journal.burst={limit}"], check=True)
        for _ in range(rounds):
            self.speeds[kind, "xctl, journal"].append(self.through_xctld(kind, f"{kind}-journal"))
            self.speeds[kind, "xctl"].append(self.through_xctld(kind, f"{kind}-quiet"))
            self.speeds[kind, "conmon"].append(self.through_conmon(kind))
            self.speeds[kind, "bare reader"].append(self.bare(kind))

    def report(self) -> None:
        print(f"{'case':26}{'median MB/s':>12}{'max MB/s':>10}{'x conmon':>10}")
        for (kind, name), speeds in self.speeds.items():
            median = statistics.median(speeds)
            base = statistics.median(self.speeds[kind, "conmon"])
            print(f"{kind + ', ' + name:26}{median:12.1f}{max(speeds):10.1f}{median / base:10.2f}")


def main() -> None:
    work, rounds, pipe, terminal = sys.argv[1], *map(int, sys.argv[2:5])
    bench = Bench(work)
    for kind, megabytes in (("pipe", pipe), ("terminal", terminal)):
        bench.make_text(megabytes)
        bench.run(kind, rounds)
    bench.report()


if __name__ == "__main__":
    main()
