# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every test of the suite is given: a context that makes bundles, calls the runtime with a time limit, and at the
end removes what the test has made and says what is left behind nevertheless."""
from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bundles

Spec = dict[str, Any]

CGROUPS = Path("/sys/fs/cgroup")
# Of whoever calls a runtime: nothing of it may get into a container.
CALLERS_UMASK = 0o077
# All cgroups of the suite are below this one, so that what is left of a test can be seen.
OWN_CGROUP = "conformance"

# Emulated machines are slow; nothing but a hang comes near these limits on real ones.
SECONDS = 20.0 * float(os.environ.get("CONFORMANCE_SLOWNESS", "1"))


def held_cgroup() -> Path:
    return CGROUPS / OWN_CGROUP / f"held-{os.getpid()}"


def make_parent_cgroup() -> None:
    """A runtime that made it would give it the modes of its caller's umask, and keep containers with users out."""
    try:
        held_cgroup().mkdir(parents=True, exist_ok=True)
        (CGROUPS / OWN_CGROUP).chmod(0o755)
    except OSError as error:
        print(f"no cgroup for the suite: {error}", file=sys.stderr)


def remove_parent_cgroup() -> None:
    held_cgroup().rmdir()
    (CGROUPS / OWN_CGROUP).rmdir()


class Failure(Exception):
    """What was expected did not happen."""


class Skip(Exception):
    """This cannot be tried here, and why."""


@dataclass
class Case:
    """A test, the row of the checklist that it stands for, and the runtimes that are known to do otherwise."""
    name: str
    row: str
    function: Callable[[Context], None]
    differs: dict[str, str]
    tags: frozenset[str]


CASES: list[Case] = []


def case(row: str, *, differs: dict[str, str] | None = None, tags: Sequence[str] = (), name: str | None = None) \
        -> Callable[[Callable[[Context], None]], Callable[[Context], None]]:
    """Registers a function as a test. `differs` has, by runtime, why another outcome is expected."""

    def register(function: Callable[[Context], None]) -> Callable[[Context], None]:
        module = getattr(function, "__module__", None) or "suite"
        CASES.append(Case(f"{module}.{name or function.__name__}", row, function, differs or {}, frozenset(tags)))
        return function

    return register


@dataclass
class Done:
    """How a command went."""
    words: list[str]
    status: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"`{' '.join(self.words)}` ended with {self.status}: {self.err.strip()[-600:] or self.out.strip()[-300:]}"


@dataclass
class Runtime:
    """A runtime's program, and the name by which tests know it."""
    name: str
    path: str
    version: str = ""


def become_subreaper() -> None:
    """Orphans of the containers become our children: then none can be overlooked."""
    ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)


def children() -> list[int]:
    """Our children: `children` of procfs has them by thread."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        try:
            found += [int(word) for word in (task / "children").read_text().split()]
        except FileNotFoundError:
            pass  # A thread of a test that ended just now.
    return found


def mountinfo(pid: int | str = "self") -> list[str]:
    return Path(f"/proc/{pid}/mountinfo").read_text().splitlines()


def mount_points() -> list[str]:
    """Mount points in our namespace; systemd comes and goes with the ones of credentials."""
    return sorted(line.split()[4] for line in mountinfo() if "/run/credentials/" not in line)


@dataclass
class Context:
    """One run of one test against one runtime."""
    runtime: Runtime
    directory: Path
    name: str
    options: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    active: list[subprocess.Popen[bytes]] = field(default_factory=list)
    cleanups: list[Callable[[], None]] = field(default_factory=list)
    differs_because: str | None = None

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True)
        self.state_root = self.directory / "state"
        self.bundle = self.directory / "bundle"
        self.rootfs = self.bundle / "rootfs"
        self.id = re.sub(r"[^a-z0-9]", "-", self.name.lower())[-40:].strip("-")
        bundles.make_rootfs(self.rootfs)
        self.before = mount_points()

    # -- expectations

    def check(self, true: object, what: str) -> None:
        if not true:
            raise Failure(what)

    def equal(self, actual: object, expected: object, what: str) -> None:
        if actual != expected:
            raise Failure(f"{what}: expected {expected!r}, got {actual!r}")

    def match(self, text: str, pattern: str, what: str) -> None:
        if not re.search(pattern, text):
            raise Failure(f"{what}: no match for {pattern!r} in {text.strip()[-500:]!r}")

    def until(self, true: Callable[[], object], what: str, seconds: float | None = None) -> None:
        """Waits for something that takes a moment."""
        end = time.monotonic() + (seconds or SECONDS / 2)
        while not true():
            if time.monotonic() > end:
                raise Failure(f"in vain waited until {what}")
            self.reap()
            time.sleep(0.01)

    # -- bundles

    def spec(self, *args: str) -> Spec:
        """A config.json that works; with one word, it runs that as a shell script."""
        words = ["/bin/sh", "-c", args[0]] if len(args) == 1 else list(args) or ["/bin/true"]
        return bundles.make_spec(words, f"/{OWN_CGROUP}/{self.runtime.name}-{self.id}")

    def write(self, spec: Spec) -> None:
        (self.bundle / "config.json").write_text(json.dumps(spec))

    # -- commands

    def popen(self, *words: str, stdin: Any = subprocess.DEVNULL, **more: Any) -> subprocess.Popen[bytes]:
        """Starts the runtime in the bundle; files take what it prints, since containers keep them open."""
        words = (self.runtime.path, "--root", str(self.state_root), *self.options, *words)
        serial = len(self.active)
        with open(self.directory / f"out.{serial}", "wb") as out, open(self.directory / f"err.{serial}", "wb") as err:
            streams: dict[str, Any] = {"stdin": stdin, "stdout": out, "stderr": err, "cwd": self.bundle,
                                       "umask": CALLERS_UMASK, **more}
            process = subprocess.Popen(words, start_new_session=True, **streams)
        self.active.append(process)
        return process

    def finish(self, process: subprocess.Popen[bytes], seconds: float | None = None) -> Done:
        serial = self.active.index(process)
        words = [os.path.basename(str(word)) if not n else str(word) for n, word in enumerate(process.args)]  # type: ignore[arg-type]
        del words[1:3]
        end = time.monotonic() + (seconds or SECONDS)
        while process.poll() is None:
            if time.monotonic() > end:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise Failure(f"`{' '.join(words)}` did not end: {self.printed('err', serial)}")
            # A container's first process ends after all the others have been collected, some of them by us.
            self.reap()
            time.sleep(0.004)
        self.reap()
        return Done(words, process.returncode, self.printed("out", serial), self.printed("err", serial))

    def printed(self, stream: str, serial: int) -> str:
        return (self.directory / f"{stream}.{serial}").read_text(errors="replace")

    def call(self, *words: str, seconds: float | None = None, **more: Any) -> Done:
        return self.finish(self.popen(*words, **more), seconds)

    def good(self, *words: str, **more: Any) -> Done:
        done = self.call(*words, **more)
        self.check(done.status == 0, str(done))
        return done

    def bad(self, *words: str, says: str = "", **more: Any) -> Done:
        """The command must fail by itself, with a word about it."""
        done = self.call(*words, **more)
        self.check(done.status > 0, f"expected an error, but {done}")
        self.check(done.err.strip() or "--log" in words or self.options, f"it failed silently: {done}")
        if says:
            self.match(done.err, f"(?i){says}", "the error")
        return done

    def run(self, spec: Spec, *options: str, **more: Any) -> Done:
        self.write(spec)
        self.ids.append(self.id)
        return self.call("run", *options, self.id, **more)

    def output(self, spec: Spec, *options: str, **more: Any) -> str:
        """What the container printed; it must have ended with 0."""
        done = self.run(spec, *options, **more)
        self.check(done.status == 0, str(done))
        return done.out

    def create(self, spec: Spec, *options: str, **more: Any) -> Done:
        self.write(spec)
        self.ids.append(self.id)
        return self.good("create", *options, self.id, **more)

    def popen_create(self, spec: Spec, *options: str) -> int:
        """Creates; what the container prints later is in the file of this number, see printed()."""
        self.create(spec, *options)
        return len(self.active) - 1

    def start(self, spec: Spec | None = None, *options: str) -> int:
        """Creates and starts; the container's process as the host sees it."""
        if spec is not None:
            self.create(spec, *options)
        self.good("start", self.id)
        return self.pid()

    def refused(self, spec: Spec, says: str = "", *options: str) -> Done:
        """Create must fail, and leave the environment as if it had never been attempted."""
        self.write(spec)
        self.ids.append(self.id)
        done = self.bad("create", *options, self.id)
        # Who refuses a property altogether does not check its value.
        self.check("not supported by this version" not in done.err, f"not implemented: {done}")
        self.match(done.err, f"(?i){says}", "the error")
        self.until(lambda: not self.left(), f"nothing is left of the failed create: {self.left()}")
        return done

    def exec(self, *words: str, options: Sequence[str] = (), **more: Any) -> Done:
        return self.call("exec", *options, self.id, *words, **more)

    def state(self) -> Spec:
        return json.loads(self.good("state", self.id).out)

    def pid(self) -> int:
        return int(self.state()["pid"])

    def delete(self) -> None:
        self.good("delete", "--force", self.id)

    def until_stopped(self) -> None:
        self.until(lambda: self.state()["status"] == "stopped", "it is stopped")

    # -- what is left

    def reap(self) -> None:
        """Collects ended orphans; the processes that we started are collected where we wait for them."""
        own = {process.pid for process in self.active}
        for pid in children():
            if pid not in own:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass

    def left(self) -> list[str]:
        """Traces of containers: state, mounts, cgroups and processes."""
        self.reap()
        found = [f"state of {name}" for name in self.ids if (self.state_root / name).exists()]
        now = mount_points()
        found += [f"mount {point}" for point in now if now.count(point) > self.before.count(point)]
        found += [f"cgroup {path}" for path in self.cgroups()]
        running = {process.pid for process in self.active if process.poll() is None}
        for pid in children():
            if pid not in running:
                found.append(f"process {pid} {command_of(pid)}")
        return found

    def cgroups(self) -> list[Path]:
        # Other runtimes are tried at the same time.
        return [path for path in (CGROUPS / OWN_CGROUP).glob(f"*{self.runtime.name}*/**") if path.is_dir()]

    def end(self) -> list[str]:
        """Removes everything, first as an engine would; what that does not remove is returned and removed by hand."""
        hung: list[str] = []
        for process in self.active:
            if process.poll() is None:
                process.kill()
                process.wait()
        for name in dict.fromkeys(self.ids):
            if (self.state_root / name).exists():
                try:
                    done = self.call("delete", "--force", name)
                    if done.status != 0 and (self.state_root / name).exists():
                        hung.append(str(done))
                except Failure as failure:
                    hung.append(str(failure))
        for cleanup in reversed(self.cleanups):
            cleanup()
        remaining = self.left()
        end = time.monotonic() + SECONDS / 10
        while remaining and time.monotonic() < end:
            time.sleep(0.02)
            remaining = self.left()
        self.sweep()
        shutil.rmtree(self.directory, ignore_errors=True)
        return hung + remaining

    def sweep(self) -> None:
        for pid in children():
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        now = mount_points()
        for point in now:
            if now.count(point) > self.before.count(point):
                subprocess.run(["umount", "--lazy", point], check=False, stderr=subprocess.DEVNULL)
        for path in sorted(self.cgroups(), reverse=True):
            try:
                (path / "cgroup.kill").write_text("1")
            except OSError:
                pass  # It is gone, or of a controller that has no such file.
        for path in sorted(self.cgroups(), reverse=True):
            for _ in range(50):
                try:
                    path.rmdir()
                    break
                except OSError:
                    time.sleep(0.01)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "(gone)"
