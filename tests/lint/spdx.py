#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every file that is written by hand says its license at its top; a header says its duty as well."""
from support import sources

LINE = "SPDX-License-Identifier: LGPL-2.1-or-later"
SUFFIXES = (".cpp", ".hpp", ".c", ".h", ".py", ".sh", ".in", ".service", ".socket", ".slice", ".conf", ".policy",
            ".rules", ".1", ".5", ".7", ".8", "meson.build", "meson.options")


def is_script(path):
    return "." not in path.rsplit("/", 1)[-1] and sources.read(path).startswith("#!")


def check(path):
    top = sources.read(path).splitlines()[:4]
    if not any(LINE in line for line in top):
        return [f"{path}:1: lacks \"{LINE}\""]
    if path.endswith(".hpp") and not (len(top) > 1 and top[1].startswith("// ") and len(top[1]) > 10):
        return [f"{path}:2: lacks a line on its duty"]
    return []


def main():
    paths = [path for path in sources.files() if path.endswith(SUFFIXES) or is_script(path)]
    sources.finish([problem for path in paths for problem in check(path)])


if __name__ == "__main__":
    main()
