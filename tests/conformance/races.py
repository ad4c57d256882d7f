# SPDX-License-Identifier: LGPL-2.1-or-later
"""D: somebody who shares the container's files exchanges a directory for a link to the host's, again and again, while
the runtime sets the container up. It may fail to, but what the link leads to must stay as it is."""
from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import bundles
from harness import Context, Spec, case, mountinfo
from security import trap, untouched

SECONDS = 2.0
# So many rounds at least, however slow the machine is.
ROUNDS = 10

# Two names change places, in one system call, until it is killed.
ATTACKER = """
import ctypes, sys
exchange = ctypes.CDLL(None).renameat2
one, other = (name.encode() for name in sys.argv[1:])
while exchange(-100, one, -100, other, 2) == 0:
    pass
"""


def begin_attack(t: Context, directory: Path, leads_to: Path) -> None:
    link = directory.with_name(directory.name + ".other")
    link.symlink_to(leads_to)
    t.active.append(subprocess.Popen([sys.executable, "-c", ATTACKER, directory, link]))


def race(t: Context, spec: Spec, name: str) -> tuple[int, int]:
    """Creates and deletes under attack; how often that worked, and how often the marked mount was in its root."""
    folder = trap(t)
    begin_attack(t, t.rootfs / name, folder)
    t.write(spec)
    t.ids.append(t.id)
    created = inside = rounds = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or rounds < ROUNDS:
        rounds += 1
        if t.call("create", t.id).status == 0:
            created += 1
            inside += any("size=76k" in line for line in mountinfo(t.pid()))
        t.call("delete", "--force", t.id)
    t.check(t.active[0].poll() is None, "the attacker gave up")
    untouched(t, folder)
    return created, inside


def nested(t: Context, name: str) -> str:
    """A directory that is there, as are the ones in it: only the exchange can make a path fail."""
    (t.rootfs / name / "there").mkdir(parents=True, exist_ok=True)
    return f"/{name}"


@case("D CVE-2021-30465: a mount's destination is exchanged for a link")
def mount(t: Context) -> None:
    spec = t.spec("sleep 1000")
    bundles.mount(spec, nested(t, "data") + "/there", "tmpfs", "tmpfs", "size=76k")
    created, inside = race(t, spec, "data")
    t.equal(inside, created, "containers that have the mount")


@case("D CVE-2024-45310: directories of a destination are made while one is exchanged")
def directories(t: Context) -> None:
    spec = t.spec("sleep 1000")
    for n in range(20):
        bundles.mount(spec, f"{nested(t, 'data')}/there/new{n}/deeper", "tmpfs", "tmpfs")
    race(t, spec, "data")


@case("D CVE-2024-45310: files to bind over are made while a directory is exchanged")
def files(t: Context) -> None:
    source = t.directory / "source"
    source.write_text("from the host")
    spec = t.spec("sleep 1000")
    for n in range(20):
        bundles.mount(spec, f"{nested(t, 'data')}/there/file{n}", "bind", str(source), "bind")
    race(t, spec, "data")


@case("D CVE-2026-41579, 2026-47766: /dev is exchanged while devices are made in it", differs={
    "crun": "1.21 makes files where a link leads", "runc": "1.1 makes files where a link leads"})
def devices(t: Context) -> None:
    spec = t.spec("sleep 1000")
    spec["mounts"] = [row for row in spec["mounts"] if not row["destination"].startswith("/dev")]
    race(t, spec, "dev")


@case("D: the working directory is made while one above it is exchanged")
def working_directory(t: Context) -> None:
    spec = t.spec("sleep 1000")
    spec["process"]["cwd"] = nested(t, "data") + "/there/new/deeper"
    race(t, spec, "data")
