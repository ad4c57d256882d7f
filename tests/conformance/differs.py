# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the released runtimes that the suite is run with, crun 1.21 and runc 1.1, are known to do otherwise: the reason
and the names of tests, which may be patterns as of a shell. Differences by intention stand beside the test itself.
Nothing of xrun belongs here."""
from __future__ import annotations

import fnmatch

DIFFERS: dict[str, dict[str, str]] = {
    "crun": {},
    "runc": {},
}


def reason(runtime: str, test: str) -> str | None:
    for why, patterns in DIFFERS.get(runtime, {}).items():
        if any(fnmatch.fnmatchcase(test, pattern) for pattern in patterns.split()):
            return why
    return None
