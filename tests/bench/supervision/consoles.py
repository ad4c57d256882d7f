# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast a container can print, in writes of 64 KiB: through xctld into its ring, through conmon into its log, and to
a program that only reads. The container says itself when it begins and when all is written."""
import collections
import json
import os
import select
import shutil
import signal
import subprocess
import threading
import time

from supervision.bench import Bench, Unable, at_least, run, try_to, until

CONMON, CRUN, BUSYBOX = "/usr/bin/conmon", "/usr/bin/crun", "/bin/busybox"
LINE = b"the quick brown fox jumps over the lazy dog, and the dog does not care about that at all: it is asleep\n"
BLOCK = 64 * 1024
TEXT_MB = 512
PATIENCE = 60
ROUNDS = 10

# How much each prints, in megabytes: enough that it takes some tenths of a second.
SIZES = {"pipe": {"xctl": 512, "xctl, journal": 64, "conmon": 128, "reader": 512},
         "terminal": {"xctl": 24, "xctl, journal": 24, "conmon": 24, "reader": 24}}


class Clock:
    """Listens to what the payload says."""

    def __init__(self, work: str) -> None:
        self.work = work
        self.fd = os.open(f"{work}/out/clock", os.O_RDWR | os.O_NONBLOCK)
        self.heard = b""

    def prepare(self, megabytes: int) -> None:
        while select.select([self.fd], [], [], 0)[0]:
            os.read(self.fd, 4096)
        self.heard = b""
        self.blocks = megabytes * 1024 * 1024 // BLOCK
        with open(f"{self.work}/out/blocks", "w", encoding="utf-8") as file:
            file.write(str(self.blocks))

    def await_word(self, word: str) -> float:
        end = time.monotonic() + PATIENCE
        while word.encode() not in self.heard.split():
            if not select.select([self.fd], [], [], max(end - time.monotonic(), 0))[0]:
                raise Unable(f"what prints has not said \"{word}\" after {PATIENCE} seconds")
            self.heard += os.read(self.fd, 4096)
        return time.perf_counter()

    def speed(self) -> float:
        """Megabytes a second."""
        begin = self.await_word("begin")
        return self.blocks * BLOCK / 1e6 / (self.await_word("end") - begin)


def through_xctld(clock: Clock, name: str) -> float:
    run("xctl", "start", name)
    speed = clock.speed()
    run("xctl", "wait", name)
    return speed


def through_conmon(clock: Clock, kind: str) -> float:
    directory = f"{clock.work}/conmon"
    shutil.rmtree(directory, ignore_errors=True)
    for name in ("exits", "sockets"):
        os.makedirs(f"{directory}/{name}")
    words = [CONMON, "--api-version", "1", "-c", "bench", "-u", "bench", "-n", "bench", "-r", CRUN, "-b",
             f"{clock.work}/{kind}", "-p", f"{directory}/pid", "--conmon-pidfile", f"{directory}/conmon.pid",
             "--exit-dir", f"{directory}/exits", "--socket-dir-path", f"{directory}/sockets", "-l", f"k8s-file:{directory}/log",
             *(["-t"] if kind == "terminal" else [])]
    try:
        with open(f"{directory}/messages", "wb") as messages:
            # It goes on in the background and holds what it got, so that nobody may wait for the end of a pipe.
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages,
                           timeout=PATIENCE)
        until(is_created, "conmon has made its container")
        run(CRUN, "start", "bench")
        speed = clock.speed()
        until(lambda: os.path.exists(f"{directory}/exits/bench"), "conmon has seen the end", PATIENCE)
        return speed
    except Unable as why:
        with open(f"{directory}/messages", encoding="utf-8") as messages:
            raise Unable(f"{why}; conmon says: {messages.read().strip()[-500:]}") from None
    finally:
        try_to(CRUN, "delete", "--force", "bench")
        end_conmon(f"{directory}/conmon.pid")


def end_conmon(pid_file: str) -> None:
    """It ends by itself, unless something went wrong."""
    try:
        with open(pid_file, encoding="utf-8") as file:
            pid = int(file.read())
        until(lambda: not os.path.exists(f"/proc/{pid}"), "conmon ends", 5)
    except Unable:
        os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError):
        pass


def is_created() -> bool:
    state = subprocess.run([CRUN, "state", "bench"], capture_output=True, text=True, check=False, timeout=PATIENCE)
    return state.returncode == 0 and json.loads(state.stdout)["status"] == "created"


def to_reader(clock: Clock, kind: str) -> float:
    """Without a container, to a program that throws away what it reads."""
    source, sink = os.pipe() if kind == "pipe" else os.openpty()
    out = f"{clock.work}/out"
    script = (f"echo begin >{out}/clock; {BUSYBOX} dd if={out}/text bs=64k count=$({BUSYBOX} cat {out}/blocks) "
              f"2>/dev/null; echo end >{out}/clock")
    reader = subprocess.Popen([BUSYBOX, "dd", "of=/dev/null", "bs=64k"], stdin=source, stderr=subprocess.DEVNULL)
    writer = subprocess.Popen([BUSYBOX, "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=sink)
    os.close(source)
    os.close(sink)
    try:
        return clock.speed()
    finally:
        for process in (writer, reader):
            stop = threading.Timer(PATIENCE, process.kill)
            stop.start()
            process.wait()
            stop.cancel()


def define(bench: Bench, name: str, kind: str, journal: bool) -> None:
    """One line goes to the journal, or all of them do as by default."""
    definition = {"bundle": f"{bench.work}/{kind}"} | ({} if journal else {"journal": {"burst": 1}})
    with open(f"/etc/xctl/containers/{name}.json", "w", encoding="utf-8") as file:
        json.dump(definition, file)


def measure_kind(bench: Bench, clock: Clock, kind: str) -> dict[str, list[float]]:
    define(bench, f"{kind}-quiet", kind, journal=False)
    define(bench, f"{kind}-journal", kind, journal=True)
    cases = {"xctl": lambda: through_xctld(clock, f"{kind}-quiet"),
             "xctl, journal": lambda: through_xctld(clock, f"{kind}-journal"),
             "conmon": lambda: through_conmon(clock, kind),
             "reader": lambda: to_reader(clock, kind)}
    speeds = collections.defaultdict(list)
    for number in range(min(bench.rounds, ROUNDS) + 1):
        for name, print_all in list(cases.items()):
            clock.prepare(SIZES[kind][name])
            try:
                speed = print_all()
            except (Unable, subprocess.SubprocessError) as why:
                bench.missing(f"console, {kind}, {name}", Unable(str(why)))
                del cases[name]
                continue
            if number > 0:  # the first is for warming up
                speeds[name].append(speed)
    return speeds


def measure(bench: Bench) -> None:
    with open(f"{bench.work}/out/text", "wb") as file:
        piece = (LINE * (1024 * 1024 // len(LINE) + 1))[:1024 * 1024]
        for _ in range(TEXT_MB):
            file.write(piece)
    clock = Clock(bench.work)
    pipe = measure_kind(bench, clock, "pipe")
    terminal = measure_kind(bench, clock, "terminal")
    for what, speeds, other, target in (("pipe", pipe, "conmon", at_least(8)), ("pipe", pipe, "reader", None),
                                        ("terminal", terminal, "reader", at_least(0.95)),
                                        ("terminal", terminal, "conmon", None)):
        for ours, name in (("xctl", "ring alone"), ("xctl, journal", "and all in the journal")):
            if speeds[ours] and speeds[other]:
                bench.row(f"console, {what}, {name}", "MB/s", speeds[ours], other, speeds[other], target)
