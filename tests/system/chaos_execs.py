# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that `xctl exec` runs in the containers of chaos.py, several at a time, on pipes and on terminals.

A client whose exec has begun stays until its end, whatever becomes of xctld: it must have every line once and in order,
and the program's own exit status. One whose request met a dying xctld is told that the connection was lost, and cannot
know more; its program has then run once or not at all, and to its end."""
from __future__ import annotations

import os
import random
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos import Container

LOST = "the connection to xctld was lost"
OWN_FAILURE = 125
PATIENCE = 300
KINDS = ("pipe", "terminal")

# Beside what it prints it says in a file that it has begun and ended, so that a second run of it would show.
PROGRAM = """echo begun >>/own/exec.NUMBER; i=0
while [ $i -lt LINES ]; do i=$((i + 1)); echo "exec NUMBER line $i"; [ $((i % BURST)) != 0 ] || sleep PAUSE; done
echo ended >>/own/exec.NUMBER; exit CODE"""


class Execs:
    """So many clients at a time; when one has ended, the next one begins."""

    def __init__(self, containers: list[Container], clients: int, seed: int) -> None:
        self.containers = containers
        self.counts: Counter[str] = Counter()
        self.lines = 0
        self.failures: list[str] = []
        self.lost: list[Path] = []
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.number = 0
        self.threads = [threading.Thread(target=self.go, args=(random.Random(f"{seed} {n}"),), daemon=True)
                        for n in range(clients)]
        for thread in self.threads:
            thread.start()

    def go(self, rng: random.Random) -> None:
        while not self.stop.is_set() and not self.failures:
            with self.lock:
                self.number += 1
                number = self.number
            try:
                self.execute(number, rng)
            except Exception as error:  # what a thread dies of is lost otherwise
                self.failures.append(f"exec {number}: {error!r}")

    def execute(self, number: int, rng: random.Random) -> None:
        container = rng.choice(self.containers)
        lines, code, terminal = rng.randrange(1, 120), rng.randrange(100), number % 2 == 0
        words = {"NUMBER": number, "LINES": lines, "BURST": rng.choice((1, 5, 50)), "PAUSE": rng.choice((0.02, 0.1)),
                 "CODE": code}
        program = PROGRAM
        for word, value in words.items():
            program = program.replace(word, str(value))
        status, out, errors = self.call(container.name, program, terminal)
        expected = "".join(f"exec {number} line {i}\n" for i in range(1, lines + 1))
        kind = KINDS[terminal]
        trace = container.directory / f"own/exec.{number}"
        where = f"exec {number} in {container.name}, {kind}"
        if status == OWN_FAILURE and LOST in errors and not out:
            self.lost.append(trace)
        elif status != code:
            self.failures.append(f"{where}: status {status} instead of {code}: {errors}")
        elif out != expected:
            self.failures.append(f"{where}: it printed {out!r}; {errors}")
        elif trace.read_text() != "begun\nended\n":
            self.failures.append(f"{where}: it has not run once: {trace.read_text()!r}")
        else:
            with self.lock:
                self.counts[kind] += 1
                self.lines += lines

    def are_enough(self) -> bool:
        return bool(self.failures) or all(self.counts[kind] for kind in KINDS)

    def call(self, name: str, program: str, terminal: bool) -> tuple[int, str, str]:
        """With -t the client's input is a terminal, whose settings it changes; its output still goes to a pipe."""
        ours, theirs = os.openpty()
        option = ["-t"] if terminal else []
        try:
            done = subprocess.run(["xctl", "exec", *option, name, "--", "sh", "-c", program],
                                  stdin=theirs if terminal else subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=PATIENCE, check=False)
        finally:
            os.close(ours)
            os.close(theirs)
        return done.returncode, done.stdout, done.stderr

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(2 * PATIENCE)
            if thread.is_alive():
                self.failures.append("a client of exec does not end")

    def is_over(self) -> bool:
        """Those that nobody waited for go on to their end, too."""
        return not any(path.exists() and path.read_text() == "begun\n" for path in self.lost)

    def ran_unseen(self) -> int:
        """How many ran, although their client could not be told."""
        for path in self.lost:
            if path.exists() and path.read_text() != "begun\nended\n":
                self.failures.append(f"{path}, whose client lost xctld, has not run once: {path.read_text()!r}")
        return sum(path.exists() for path in self.lost)


def left_of_execs() -> list[str]:
    """Directories and processes of theirs. What has ended stays for some seconds, for a client to come back."""
    found = [str(path) for path in Path("/run/xctl/state").glob("*/exec/*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"/own/exec." in path.read_bytes():
                found.append(str(path.parent))
        except OSError:
            pass
    return found
