#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""xctld's supervision beside others', interleaved in one run: medians, their ratio, and whether it meets its target.

supervise.py WORK ROUNDS CROWD [SECTION...]: supervise.sh has made WORK. A target that is missed is only said. What
cannot be measured is said as well, the other sections follow, and in the end it counts as a failure."""
import sys

from supervision import calls, consoles, crowd, memory, restarts
from supervision.bench import Bench

# Name, what measures it, and after how many seconds it hangs.
SECTIONS = (
    ("restarts", restarts.measure, 600),
    ("memory", memory.measure, 300),
    ("consoles", consoles.measure, 900),
    ("calls", calls.measure, 300),
    ("crowd", crowd.measure, 1800),
)


def main() -> None:
    bench = Bench(sys.argv[1], rounds=int(sys.argv[2]), crowd=int(sys.argv[3]))
    wanted = sys.argv[4:] or [name for name, _, _ in SECTIONS]
    if unknown := set(wanted) - {name for name, _, _ in SECTIONS}:
        sys.exit(f"there is no section {', '.join(sorted(unknown))}")
    bench.begin()
    for name, measure, seconds in SECTIONS:
        if name in wanted:
            bench.section(name, measure, seconds)
    bench.finish()


if __name__ == "__main__":
    main()
