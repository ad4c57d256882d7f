#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""chaos.py: containers count lines while xctld is killed, restarted and replaced, PID 1 executes itself again, clients
die or stall, the disk fills up, programs are executed in some of them all the time, and names are deleted and created
again. Nobody but the containers themselves may end one; every line is there exactly once, every exit status is right,
what was deleted stays deleted, what was only created does not run, and nothing is left.

CHAOS_CONTAINERS (50), CHAOS_SECONDS (60) and CHAOS_SEED choose how many, how long, and which chaos; CHAOS_PACE (1) how
many times longer containers pause. It goes on until xctld has met CHAOS_KILLS (50 in a minute) SIGKILLs, and something
was executed on pipes and on terminals. CHAOS_EXECS (5) clients execute at a time."""
from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chaos_execs import Execs, left_of_execs

WORK = Path(sys.argv[1])
CONTAINERS = int(os.environ.get("CHAOS_CONTAINERS", "50"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
KILLS = int(os.environ.get("CHAOS_KILLS", str(int(SECONDS * 50 / 60))))
PACE = float(os.environ.get("CHAOS_PACE", "1"))
EXECS = int(os.environ.get("CHAOS_EXECS", "5"))
SEED = int(os.environ.get("CHAOS_SEED", str(random.SystemRandom().randrange(1_000_000))))
DAEMON = Path("/usr/libexec/xctl/xctld")
DEFINITIONS = Path("/etc/xctl/containers")
SCROLLBACK = "16M"
MAYFLIES = 3
NOT_FOUND = 3  # exit status of xctl
BEGIN = time.monotonic()
PATIENCE = 120.0  # seconds after which something hangs
REST = 10.0  # seconds between two moments when xctld is let live

# Each counts until a file appears, says how far it came, and ends with its own code. $CODE, $BURST and $PAUSE are put in.
COUNTER = """i=0
while [ ! -e /stop/now ]; do i=$((i + 1)); echo "line $i"; [ $((i % BURST)) != 0 ] || sleep PAUSE; done
echo "last $i"; exit CODE"""

# Each run is short and fails, so that the policy starts the next one; the last ends well.
RESTARTER = """r=$(($(cat /own/runs) + 1)); echo $r >/own/runs; i=0
while [ $i -lt 20 ] && [ ! -e /stop/now ]; do i=$((i + 1)); echo "run $r line $i"; sleep PAUSE; done
echo "run $r last $i"; [ ! -e /stop/now ] || exit 0; exit $((r % 100 + 1))"""


def fail(text: str) -> None:
    raise SystemExit(f"FAILED: {text}")


def check(true: object, text: str) -> None:
    if not true:
        fail(text)


def note(text: str) -> None:
    print(f"-- {text} ({time.monotonic() - BEGIN:.0f} s)", flush=True)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False, errors="replace")


def until(true: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            fail(f"in vain waited until {what}")
        time.sleep(0.1)


def until_none(find: Callable[[], list[str]]) -> None:
    """Until nothing is left."""
    end = time.monotonic() + PATIENCE
    while left := find():
        if time.monotonic() > end:
            fail(f"these are left: {left}")
        time.sleep(0.1)


def listing() -> dict[str, dict]:
    """xctl waits for an xctld that starts, so that it answers whatever was just done to it."""
    done = run("xctl", "list", "--json")
    check(done.returncode == 0, f"xctl list: {done.stderr}")
    return {row["name"]: row for row in json.loads(done.stdout)}


def main_pid() -> int:
    return int(run("systemctl", "show", "-p", "MainPID", "--value", "xctld").stdout)


@dataclass
class Container:
    """One container of a kind: pipe, tty, unit (started by systemd), or restarter."""
    name: str
    kind: str
    code: int
    pid: int = 0
    directory: Path = field(init=False)

    def __post_init__(self) -> None:
        self.directory = WORK / self.name

    def define(self, spec: dict, rng: random.Random) -> None:
        (self.directory / "own").mkdir(parents=True)
        (self.directory / "own/runs").write_text("0")
        if self.kind == "restarter":
            script = RESTARTER.replace("PAUSE", str(0.1 * PACE))
        else:
            script = COUNTER.replace("CODE", str(self.code)).replace("BURST", str(rng.choice((1, 10, 100)))) \
                .replace("PAUSE", str(rng.choice((0.1, 0.3, 0.6)) * PACE))
        spec = json.loads(json.dumps(spec))
        spec["process"]["args"] = ["sh", "-c", script]
        spec["process"]["terminal"] = self.kind == "tty"
        spec["root"]["path"] = str(WORK / "rootfs")
        spec["mounts"] += [{"destination": "/stop", "source": str(WORK / "stop"), "type": "bind", "options": ["bind", "ro"]},
                           {"destination": "/own", "source": str(self.directory / "own"), "type": "bind", "options": ["bind"]}]
        (self.directory / "config.json").write_text(json.dumps(spec))
        done = run("xctl", "create", self.name, str(self.directory), f"--scrollback={SCROLLBACK}")
        check(done.returncode == 0, f"create {self.name}: {done.stderr}")
        # The journal is not what this is about, and would be busy for long.
        more: dict[str, dict] = {"journal": {"burst": 100}}
        if self.kind == "restarter":
            more["restart"] = {"policy": "on-failure", "delayUSec": 20000, "multiplier": 1, "limit": 0}
        file = DEFINITIONS / f"{self.name}.json.d/chaos.json"
        file.parent.mkdir()
        file.write_text(json.dumps(more))

    def start(self) -> None:
        done = run("systemctl", "start", f"oci@{self.name}") if self.kind == "unit" else run("xctl", "start", self.name)
        check(done.returncode == 0, f"start {self.name}: {done.stderr}")

    def expected(self, log: list[str]) -> list[str]:
        """What it must have printed, from where the log says that it ended."""
        if self.kind != "restarter":
            last = int(log[-1].removeprefix("last ")) if log and log[-1].startswith("last ") else -1
            return [f"line {i}" for i in range(1, last + 1)] + [f"last {last}"]
        runs = int((self.directory / "own/runs").read_text())
        lasts = {int(r): int(i) for r, i in re.findall(r"^run (\d+) last (\d+)$", "\n".join(log), re.MULTILINE)}
        return [line for r in range(1, runs + 1)
                for line in [f"run {r} line {i}" for i in range(1, lasts.get(r, 0) + 1)] + [f"run {r} last {lasts.get(r)}"]]

    def verify_console(self) -> int:
        log = run("xctl", "logs", self.name).stdout.replace("\r", "").splitlines()
        expected = self.expected(log)
        if log != expected:
            first = next((n for n, pair in enumerate(zip(log, expected)) if pair[0] != pair[1]), min(len(log), len(expected)))
            fail(f"{self.name}: {len(log)} lines instead of {len(expected)}; they part at {first}: "
                 f"{log[first - 1:first + 2]} instead of {expected[first - 1:first + 2]}")
        return len(log)


class Mayfly:
    """A name under which containers come and go. A verb that met a dying xctld may have been carried out or not, so only
    what was answered is expected."""

    def __init__(self, name: str, bundle: Path) -> None:
        self.name = name
        self.bundle = bundle
        self.exists = False
        self.started = False

    def live_once(self, rng: random.Random) -> None:
        """Looks at what is there, deletes it, and creates the next one, which is started or not."""
        self.verify()
        if run("xctl", "delete", "--force", self.name).returncode not in (0, NOT_FOUND):
            return self.lose_track()
        self.exists = False
        self.verify()
        if run("xctl", "create", self.name, str(self.bundle), "--restart=always").returncode != 0:
            return self.lose_track()
        self.exists, self.started = True, False
        if rng.random() < 0.6:
            self.started = True
            run("xctl", "start", self.name)
        return None

    def lose_track(self) -> None:
        """Until it is gone for certain."""
        until(lambda: run("xctl", "delete", "--force", self.name).returncode in (0, NOT_FOUND), f"{self.name} is gone")
        self.exists = False

    def verify(self) -> None:
        row = listing().get(self.name)
        check((row is not None) == self.exists, f"{self.name} {'is gone' if self.exists else 'came back'}: {row}")
        if row and not self.started:
            check(row["state"] == "created" and row["runs"] == 0, f"{self.name} was only created: {row}")

    def end(self) -> None:
        self.lose_track()
        self.verify()


class Chaos:
    """What is done to xctld and its surroundings, one thing at a time."""

    def __init__(self, rng: random.Random, containers: list[Container]) -> None:
        self.rng = rng
        self.containers = containers
        self.counts: Counter[str] = Counter()
        self.kills = 0
        self.clients: list[subprocess.Popen[bytes]] = []
        self.deeds: list[tuple[int, Callable[[], None]]] = [
            (60, self.kill_daemon), (4, self.restart_daemon), (2, self.replace_daemon), (2, self.reexecute_systemd),
            (3, self.reload_systemd), (10, self.attach_client), (6, self.end_client), (3, self.stall_client),
            (3, self.fill_disk), (8, self.renew)]
        self.mayflies = [Mayfly(f"mayfly{n}", containers[0].directory) for n in range(MAYFLIES)]

    def go(self, seconds: float, is_enough: Callable[[], bool]) -> None:
        end = time.monotonic() + seconds
        next_rest = time.monotonic() + REST
        weights = [weight for weight, _ in self.deeds]
        while time.monotonic() < end or self.kills < KILLS or not is_enough():
            if time.monotonic() > next_rest:
                self.rest()
                next_rest = time.monotonic() + REST
            deed = self.rng.choices([function for _, function in self.deeds], weights)[0]
            deed()
            self.counts[deed.__name__] += 1
            # From at once, while the next one starts, to well after it has settled.
            time.sleep(self.rng.choice((0.01, 0.1, 0.2, 0.4)) * self.rng.uniform(0.5, 1.5))

    def rest(self) -> None:
        """On a slow machine xctld might never live long enough to answer, and clients wait for that half a minute."""
        listing()
        time.sleep(1)

    def kill_daemon(self) -> None:
        until(main_pid, "xctld has a process")
        try:
            os.kill(main_pid() or -1 << 30, signal.SIGKILL)
            self.kills += 1
        except (ProcessLookupError, OverflowError):
            pass

    def restart_daemon(self) -> None:
        run("systemctl", "restart", "xctld")

    def replace_daemon(self) -> None:
        """As an upgrade does: another file under the same name."""
        copy = DAEMON.with_suffix(".new")
        shutil.copy2(DAEMON, copy)
        copy.rename(DAEMON)
        run("systemctl", "restart", "xctld")

    def reexecute_systemd(self) -> None:
        run("systemctl", "daemon-reexec")

    def reload_systemd(self) -> None:
        run("systemctl", "daemon-reload")

    def attach_client(self) -> None:
        if len(self.clients) < 20:
            name = self.rng.choice(self.containers).name
            self.clients.append(subprocess.Popen(["xctl", "attach", "--observe", name], stdin=subprocess.DEVNULL,
                                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))

    def end_client(self) -> None:
        if self.clients:
            client = self.clients.pop(self.rng.randrange(len(self.clients)))
            client.kill()
            client.communicate()

    def stall_client(self) -> None:
        """Nobody reads what any of them prints; these do not even run."""
        if self.clients:
            self.rng.choice(self.clients).send_signal(signal.SIGSTOP)

    def fill_disk(self) -> None:
        filler = DEFINITIONS / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                pass
        try:
            done = run("xctl", "enable", self.containers[0].name)
            check(done.returncode != 0, "xctl enable claims to have written to a full disk")
            done = run("xctl", "create", "unwritten", str(self.containers[0].directory))
            check(done.returncode != 0, "xctl create claims to have written to a full disk")
        finally:
            filler.unlink()

    def renew(self) -> None:
        self.rng.choice(self.mayflies).live_once(self.rng)

    def end(self) -> None:
        while self.clients:
            self.end_client()
        for mayfly in self.mayflies:
            mayfly.end()


def mounts() -> list[str]:
    """Those of credentials and of systemd's own services come and go."""
    return sorted(point for point in (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
                  if not point.startswith("/run/credentials"))


def processes() -> set[str]:
    names = set()
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            names.add(path.read_text().strip())
        except OSError:
            pass
    return names


def left_over() -> list[str]:
    found = [str(path) for path in Path("/sys/fs/cgroup/xctl.slice").glob("*") if path.is_dir()]
    units = run("systemctl", "list-units", "--all", "--plain", "--no-legend", "xctl-*.scope", "oci@*.service").stdout
    found += [line.split()[0] for line in units.splitlines() if " failed " not in line]
    found += sorted(processes() & {"xctl-keeper"})
    found += [str(path) for path in Path("/run/xctl/state").iterdir()]
    return found + strangers()


def descriptors() -> list[str]:
    return os.listdir(f"/proc/{main_pid()}/fd")


def strangers() -> list[str]:
    """A launch that died with its xctld was born beside that, and must not be there any more."""
    pids = Path("/sys/fs/cgroup/system.slice/xctld.service/cgroup.procs").read_text().split()
    names = sorted(Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids)
    return [] if {"xctld"} <= set(names) <= {"xctld", "xctl-launch", "xctl-pipes"} and len(names) == len(set(names)) \
        else [f"in xctld's cgroup: {names}"]


def make_definitions_small() -> None:
    """So small that it can be filled up in no time."""
    DEFINITIONS.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2M", "chaos", DEFINITIONS], check=True)


class Watcher:
    """A client that stays from before the chaos to the end, and must not notice it."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.file = container.directory / "watched"
        with open(self.file, "wb") as out:
            self.process = subprocess.Popen(["xctl", "attach", "--observe", container.name], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.DEVNULL)

    def verify(self) -> None:
        status = self.process.wait(60)
        check(status == self.container.code, f"who watched {self.container.name} learnt {status} as its status")
        log = run("xctl", "logs", self.container.name).stdout
        check(self.file.read_text() == log, f"who watched {self.container.name} saw something else than is kept of it")


def verify_execs(execs: Execs) -> None:
    execs.end()
    check(not execs.failures, "; ".join(execs.failures[:3]))
    until(execs.is_over, "programs whose clients lost their connection have ended")
    unseen = execs.ran_unseen()
    check(not execs.failures, "; ".join(execs.failures[:3]))
    check(execs.are_enough(), f"too little was executed: {execs.counts}")
    until_none(left_of_execs)
    note(f"{execs.counts['pipe']} execs on pipes and {execs.counts['terminal']} on terminals ran once each, with "
         f"{execs.lines} lines, each once and in order, and exit statuses as foretold")
    note(f"{len(execs.lost)} execs met a dying xctld and were told so; {unseen} of them ran, once")


def verify(containers: list[Container], watchers: list[Watcher]) -> None:
    rows = listing()
    for container in containers:
        row = rows[container.name]
        if container.kind != "restarter":
            check(row["pid"] == container.pid and row["runs"] == 1, f"{container.name} was restarted: {row}")
    # The end comes while no xctld is there to see it.
    run("systemctl", "kill", "-s", "KILL", "xctld")
    (WORK / "stop/now").touch()
    lines = 0
    for container in containers:
        done = run("xctl", "wait", container.name)
        code = 0 if container.kind == "restarter" else container.code
        row = listing()[container.name]
        check(done.returncode == code, f"{container.name} ended with {done.returncode} instead of {code}: {row}")
        check(row["exitReason"] == "exited" and row["exitStatus"] == code, f"{container.name}: {row}")
        lines += container.verify_console()
    for watcher in watchers:
        watcher.verify()
    note(f"{lines} lines, each once and in order; {len(containers)} exit statuses as foretold")


def clean_up() -> None:
    """What goes on after a failure would slow down whatever else the machine is to do."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(["/usr/lib/box/tell"], timeout=60, check=False)
    (WORK / "stop/now").touch()
    for name in [f"c{n}" for n in range(CONTAINERS)] + [f"mayfly{n}" for n in range(MAYFLIES)]:
        with contextlib.suppress(subprocess.TimeoutExpired):
            run("xctl", "delete", "--force", name)
    run("umount", "--lazy", str(DEFINITIONS))


def main() -> None:
    note(f"seed {SEED}")
    rng = random.Random(SEED)
    make_definitions_small()
    spec = json.loads((WORK / "spec.json").read_text())
    (WORK / "stop").mkdir()
    before = mounts()
    kinds = ["pipe", "tty", "restarter", "pipe", "unit"]
    containers = [Container(f"c{n}", kinds[n % len(kinds)], n + 20) for n in range(CONTAINERS)]
    for container in containers:
        container.define(spec, rng)
    for container in containers:
        container.start()
    rows = listing()
    for container in containers:
        container.pid = rows[container.name]["pid"]
    note(f"{len(containers)} containers run")
    watchers = [Watcher(container) for container in containers if container.kind in ("pipe", "tty")][:3]
    # A restarter ends what is executed in it.
    execs = Execs([container for container in containers if container.kind != "restarter"][:8], EXECS, SEED)
    chaos = Chaos(rng, containers)
    chaos.go(SECONDS, execs.are_enough)
    chaos.end()
    note(", ".join(f"{count} {name}" for name, count in chaos.counts.most_common()))
    note(f"xctld met SIGKILL {chaos.kills} times")
    verify_execs(execs)
    verify(containers, watchers)
    for container in containers:
        done = run("xctl", "delete", container.name)
        check(done.returncode == 0, f"delete {container.name}: {done.stderr}")
    until_none(left_over)
    check(mounts() == before, f"mounts are left: {set(mounts()) ^ set(before)}")
    # The journal may still be getting what was printed.
    until(lambda: len(descriptors()) < 40, "xctld has few descriptors")
    note("no unit, cgroup, process, mount or descriptor is left")
    subprocess.run(["umount", DEFINITIONS], check=True)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        clean_up()
        raise
