#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Words that do not belong into the tree."""
import re

from support import sources

# Put together here, so that this file does not contain them either.
RULES = [
    (r"(?<![\w.])(?:[\w-]+\.)*(?:docker|quay|ghcr|gcr|crates)" + r"\.io\b", "the host of a package registry"),
    (r"\b(?:pypi|npmjs|rubygems)" + r"\.(?:org|com)\b", "the host of a package registry"),
    (r"(?i)\bun" + r"pause", "the verb is resume"),
    (r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", "work that is left belongs into the tracker"),
]
BINARY = (".png", ".gz", ".zst", ".bin")


def main():
    problems = []
    for path in sources.files():
        if path.endswith(BINARY):
            continue
        for number, line in enumerate(sources.read(path).splitlines(), 1):
            for pattern, why in RULES:
                match = re.search(pattern, line)
                if match:
                    problems.append(f"{path}:{number}: {match.group(0)}: {why}")
    sources.finish(problems)


if __name__ == "__main__":
    main()
