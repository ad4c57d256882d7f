#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An event source that could not be made is an error that somebody heeds: what it would have watched never happens."""
import re

from support import sources

MADE = re.compile(r"\bauto (\w+) =\s*[\w.]*loop_?\.add_(?:io|prepare|signal)\(")
HEEDED = r"if \(!{0}\b|TRY\({0}\b|^\s*else\b|; !{0}\)"


def dropped(text):
    """The lines of sources whose failure nothing follows up, within the statements after them."""
    code = sources.code_only(text)
    found = []
    for match in MADE.finditer(code):
        depth, end = 1, match.end()
        while depth > 0 and end < len(code):
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        if not re.search(HEEDED.format(match.group(1)), code[end : end + 200], re.M):
            found.append(text.count("\n", 0, match.start()) + 1)
    return found


def main():
    sources.finish(
        [
            f"{path}:{line}: the error of this event source is dropped"
            for path in sources.files(sources.CPP)
            if not path.startswith("tests/")
            for line in dropped(sources.read(path))
        ]
    )


if __name__ == "__main__":
    main()
