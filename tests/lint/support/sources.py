# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of the tree, and C++ text without what is not code. Lints run from the root of the repository."""
import os
import re
import sys

CPP = (".cpp", ".hpp", ".c", ".h")
SKIPPED_FOLDERS = re.compile(r"^(\.git|__pycache__|build.*)$")


def files(suffixes=None):
    """Paths relative to the root, with '/', sorted."""
    found = []
    for folder, folders, names in os.walk("."):
        folders[:] = sorted(f for f in folders if not SKIPPED_FOLDERS.match(f))
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), ".")
            if not os.path.islink(path) and (suffixes is None or name.endswith(tuple(suffixes))):
                found.append(path)
    return sorted(found)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


_NOT_CODE = re.compile(
    r"""//[^\n]*                                  # a comment to the end of the line
      | /\*.*?\*/                                 # a comment
      | R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"  # a raw string
      | "(?:\\.|[^"\\\n])*"                       # a string
      | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'       # a character, and not a digit separator
    """,
    re.X | re.S,
)


def code_only(text):
    """Comments and what is inside quotes become blanks; line numbers stay."""

    def blank(match):
        found = match.group(0)
        kept = found[0] + found[-1] if found[0] in "\"'" else ""
        return kept + "\n" * found.count("\n") if kept else re.sub(r"[^\n]", " ", found)

    return _NOT_CODE.sub(blank, text)


def includes(text):
    """(line number, path, whether it is in angle brackets) of each #include."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(2), match.group(1) == "<"


def finish(problems):
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
