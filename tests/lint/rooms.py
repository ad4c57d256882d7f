#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rooms of the daemon see what their rows in layers.py say, no more and no less; none is too large; and
docs/ARCHITECTURE.md draws them as they are. `--update` writes the drawing."""
import os
import re
import sys

import layers
from support import sources

LIMIT = 2600  # lines of a room
DOCUMENT = "docs/ARCHITECTURE.md"
MARKS = ("<!-- The rooms of daemon/: tests/lint/rooms.py --update draws them. -->\n", "<!-- End of the drawing. -->\n")
QUALIFIED = re.compile(r"(?<![\w:])(?:xctl::)?(\w+)::")


def room_of(path):
    return os.path.dirname(path) if path.startswith("daemon/") else None


def survey():
    """The lines of each room, and whom it sees: the modules that it includes, and the rooms that it names."""
    lines, seen = {}, {}
    for path in sources.files(sources.CPP):
        room = room_of(path)
        if room is None:
            continue
        text = sources.read(path)
        lines[room] = lines.get(room, 0) + text.count("\n")
        found = {layers.module_of(target) for _, target, system in sources.includes(text) if not system}
        names = {"daemon/" + name for name in QUALIFIED.findall(sources.code_only(text))}
        seen.setdefault(room, set()).update(found - {None}, names & set(layers.ROOMS))
        seen[room].discard(room)
    return lines, seen


def check_rows(problems, lines, seen):
    order = list(layers.ROOMS)
    for room in sorted(set(lines) - set(order)):
        problems.append(f"{room}: has no row in ROOMS of tests/lint/layers.py")
    for at, room in enumerate(order):
        if room not in lines:
            problems.append(f"{room}: has a row in ROOMS of tests/lint/layers.py, and no files")
            continue
        row = set(layers.ROOMS[room])
        problems.extend(f"{room}: its row comes before that of {other}, which it sees"
                        for other in order[at:] if other in row)
        problems.extend(f"{room}: its row has {other}, which it does not see" for other in sorted(row - seen[room]))
        problems.extend(f"{room}: its row lacks {other}, which it sees" for other in sorted(seen[room] - row))


def check_sizes(problems, lines):
    problems.extend(f"{room}: {count} lines, {LIMIT} are allowed" for room, count in lines.items() if count > LIMIT)


def draw(lines, seen):
    """A line for each room, the highest layer first. A room is one layer above the highest that it sees."""
    rooms, layer = [room for room in layers.ROOMS if room in lines], {}
    for room in rooms:
        layer[room] = 1 + max((layer[other] for other in seen[room] if other in layer), default=0)
    drawn = [f"{'layer':>5}  {'room':<18}  {'lines':>5}  sees"]
    for room in sorted(reversed(rooms), key=lambda name: -layer[name]):
        others = [other.removeprefix("daemon/") for other in reversed(rooms) if other in seen[room]]
        hundreds = -(-lines[room] // 100) * 100  # rounded up, so that the drawing is not part of every change
        drawn.append(f"{layer[room]:>5}  {room.removeprefix('daemon/'):<18}  {hundreds:>5}  {' '.join(others)}".rstrip())
    return "```\n" + "".join(line + "\n" for line in drawn) + "```\n"


def check_drawing(problems, drawing, update):
    text = sources.read(DOCUMENT) if os.path.exists(DOCUMENT) else ""
    before, opening, rest = text.partition(MARKS[0])
    old, closing, after = rest.partition(MARKS[1])
    if not opening or not closing:
        problems.append(f"{DOCUMENT}: lacks the marks of the drawing of the rooms")
    elif update:
        with open(DOCUMENT, "w", encoding="utf-8") as file:
            file.write(before + opening + drawing + closing + after)
    elif old != drawing:
        problems.append(f"{DOCUMENT}: tests/lint/rooms.py --update would draw:\n{drawing}")


def main():
    problems = []
    lines, seen = survey()
    check_rows(problems, lines, seen)
    check_sizes(problems, lines)
    if not problems:
        check_drawing(problems, draw(lines, seen), "--update" in sys.argv[1:])
    sources.finish(problems)


if __name__ == "__main__":
    main()
