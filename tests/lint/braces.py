#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""TRY comes first in the braces of a value: GCC does not destroy the members before it when it returns."""
import re

from support import sources

TOKEN = re.compile(r"[(){}\[\],;]|\bTRY\(")


def late_tries(text):
    """The lines of each TRY( after a comma of the braces around it, if these hold a value: a block has a ';'."""
    found, inside = [], []  # inside: [opening bracket, or ';' of a block; after a comma?; lines] of open brackets
    for match in TOKEN.finditer(sources.code_only(text)):
        token = match.group(0)
        if token == "TRY(":
            around = next((entry for entry in reversed(inside) if entry[0] in "{;"), ["", False])
            if around[1]:
                around[2].append(text.count("\n", 0, match.start()) + 1)
        if token[-1] in "({[":
            inside.append([token[-1], False, []])
        elif token in ")}]" and inside:
            opening, _, lines = inside.pop()
            found += lines if opening == "{" else []
        elif token == "," and inside:
            inside[-1][1] = True
        elif token == ";" and inside and inside[-1][0] in "{;":
            inside[-1] = [";", False, []]
    return sorted(found)


def main():
    sources.finish(
        [
            f"{path}:{line}: in braces TRY must come first"
            for path in sources.files(sources.CPP)
            for line in late_tries(sources.read(path))
        ]
    )


if __name__ == "__main__":
    main()
