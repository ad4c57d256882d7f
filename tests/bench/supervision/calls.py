# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole of one command: a container that runs /bin/true, and /bin/true in a container that runs."""
import collections

from supervision.bench import Bench, at_most, run, timed


def measure(bench: Bench) -> None:
    sleeper, true = f"{bench.work}/sleeper", f"{bench.work}/true"
    run("xctl", "run", "--detach", "execs", sleeper)
    timed("crun", "--systemd-cgroup", "run", "--detach", "--bundle", sleeper, "execs")
    cases = {
        "run": lambda number: timed("xctl", "run", "--rm", f"r{number}", true),
        "crun run": lambda number: timed("crun", "--systemd-cgroup", "run", "--bundle", true, f"r{number}"),
        "exec": lambda number: timed("xctl", "exec", "execs", "--", "/bin/true"),
        "crun exec": lambda number: timed("crun", "exec", "execs", "/bin/true"),
    }
    times = collections.defaultdict(list)
    for number in range(2 * bench.rounds + 1):
        for name, call in cases.items():
            took = call(number)
            if number > 0:  # the first is for warming up
                times[name].append(took)
    bench.row("xctl run --rm, a scope and /bin/true", "ms", times["run"], "crun --systemd-cgroup run",
              times["crun run"], at_most(0.25))
    bench.row("xctl exec of /bin/true", "ms", times["exec"], "crun exec", times["crun exec"], at_most(0.20))
