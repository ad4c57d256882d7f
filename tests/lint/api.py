#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract is complete everywhere: verbs, errors, polkit actions, manual pages and, where there is a build, what
the programs and the generated pages really say. The build is found by XCTL_BUILD, or at /build, where box has it."""
import glob
import os
import re
import subprocess
import sys

from support import sources

VERB_ROW = re.compile(r'\{Verb::(\w+),\s*"([^"]*)",\s*"([^"]*)",\s*"([^"]*)",\s*([^;]*?)"([^"]*)"(?:,\s*"([\w-]*)")?'
                      r'(?:,[^{}"]*)?\s*\}', re.S)
PARAM_LIST = re.compile(r"inline constexpr auto (k\w+) =\s*list<\w+>\((.*?)\);\n", re.S)
SHARED_PARAM = re.compile(r'inline constexpr auto (k\w+) =\s*row<[^>]*>\(\s*\{"(\w+)"')
ACTION_ROW = re.compile(r'\{"(\w+)",\s*Verb::(\w+)\}')
TABLE_MARKS = ("<!-- The rows of api/verbs.hpp: tests/lint/api.py --update writes this table. -->\n",
               "<!-- End of the table. -->\n")
ERROR_ROW = re.compile(r'\{"(\w+)",\s*Errc::(\w+),\s*(\w+),\s*"([^"]*)"\}')


def enumerators(path, name):
    body = re.search(r"enum class " + name + r"\b[^{]*\{(.*?)\}", sources.code_only(sources.read(path)), re.S)
    return re.findall(r"\w+", body.group(1)) if body else []


def full_name(row):
    """The verb as the command line has it: after its group, if it has one."""
    return f"{row[6]} {row[1]}".strip()


def check_verbs(problems):
    rows = VERB_ROW.findall(sources.read("api/verbs.hpp"))
    for missing in set(enumerators("api/verbs.hpp", "Verb")) - {row[0] for row in rows}:
        problems.append(f"api/verbs.hpp: Verb::{missing} has no row")
    for value, name, method, action, _, text, _ in rows:
        for what, word in (("name", name), ("method", method), ("action", action), ("help", text)):
            if not word:
                problems.append(f"api/verbs.hpp: Verb::{value} has no {what}")
    return rows


def members_of(path):
    """The structs of a file, each with the names of its own members."""
    text = sources.code_only(sources.read(path))
    for name, body in re.findall(r"struct (\w+)[^{;]*\{(.*?)\n?\};", text, re.S):
        # Declarations without parentheses: functions are no members that a row could name.
        lines = [line for line in body.split(";") if "(" not in line and "{" not in line]
        yield name, [word for line in lines for word in re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", line.strip())]


def check_requests(problems):
    """Each argument has a row, and each request is one of Arguments."""
    rows = sources.read("api/verbs.hpp")
    text = sources.code_only(sources.read("api/requests.hpp"))
    known = re.findall(r"\w+", re.search(r"using Arguments = std::variant<(.*?)>;", text, re.S).group(1))
    for name, members in members_of("api/requests.hpp"):
        if name in ("CallContext", "Request"):
            continue
        if name.endswith("Request") and name not in known:
            problems.append(f"api/requests.hpp: {name} is none of Arguments")
        problems.extend(f"api/verbs.hpp: no row for {name}::{member}" for member in members
                        if f"&{name}::{member}>" not in rows)


def check_outputs(problems):
    rows = re.findall(r'\{Output::(\w+),\s*"', sources.read("api/outputs.hpp"))
    for missing in set(enumerators("api/outputs.hpp", "Output")) - set(rows):
        problems.append(f"api/outputs.hpp: Output::{missing} has no row")
    text = sources.read("api/outputs.hpp")
    for name, members in members_of("api/outputs.hpp"):
        problems.extend(f"api/outputs.hpp: no row for Reply::{member}" for member in members
                        if name == "Reply" and f"&Reply::{member}" not in text)


def check_errors(problems):
    rows = ERROR_ROW.findall(sources.read("api/errors.hpp"))
    for missing in set(enumerators("lib/base/result.hpp", "Errc")) - {row[1] for row in rows}:
        problems.append(f"api/errors.hpp: Errc::{missing} has no row")
    return rows


def check_policy(problems, verbs):
    paths = glob.glob("policy/org.xctl1.policy*")
    if not paths:
        problems.append("policy/org.xctl1.policy: is missing")
        return
    declared = set(re.findall(r'<action id="org\.xctl1\.([\w-]+)"', sources.read(paths[0])))
    used = {row[3] for row in verbs}
    problems.extend(f"{paths[0]}: lacks the action org.xctl1.{action}" for action in sorted(used - declared))
    problems.extend(f"{paths[0]}: no verb asks for org.xctl1.{action}" for action in sorted(declared - used))


def arguments_of(text):
    """The names of the parameters of each list in api/verbs.hpp."""
    shared = dict(SHARED_PARAM.findall(text))
    lists = {}
    for name, body in PARAM_LIST.findall(text):
        named = {shared[word] for word in re.findall(r"\w+", body) if word in shared}
        lists[name] = named | set(re.findall(r'row<[^>]*>\(\s*\{"(\w+)"', body))
    return lists


def action_table(verbs):
    """Which verbs ask for which polkit action, with the arguments that change it."""
    text = sources.read("api/verbs.hpp")
    lists, action_of_verb = arguments_of(text), {row[0]: row[3] for row in verbs}
    asked = {row[3]: [] for row in verbs}
    for row in verbs:
        asked[row[3]].append(full_name(row))
    for argument, as_verb in ACTION_ROW.findall(text):
        for row in verbs:
            action, rest = row[3], row[4]
            params = re.match(r"rows::(\w+)", rest)
            if params and argument in lists.get(params.group(1), ()) and action_of_verb[as_verb] != action:
                asked[action_of_verb[as_verb]].append(f"{full_name(row)} with the argument `{argument}`")
    rows = [f"| `org.xctl1.{action}` | {', '.join(names)} |\n" for action, names in asked.items()]
    return "| Action | Verbs |\n|---|---|\n" + "".join(rows)


def check_table(problems, verbs, update):
    """SECURITY.md says what action_of() does."""
    text = sources.read("SECURITY.md")
    begin, end = (text.find(mark) for mark in TABLE_MARKS)
    if begin < 0 or end < begin:
        problems.append("SECURITY.md: lacks the marks of the table of actions")
        return
    begin += len(TABLE_MARKS[0])
    table = action_table(verbs)
    if update:
        with open("SECURITY.md", "w", encoding="utf-8") as file:
            file.write(text[:begin] + table + text[end:])
    elif text[begin:end] != table:
        problems.append("SECURITY.md: the table of actions is not that of api/verbs.hpp, which is:\n" + table)


def check_pages(problems):
    """Generated parts come from the rows, so their marks must be there."""
    for path, marks in (("docs/man/xctl.1.in", ["@VERBS@", "@OPTIONS@", "@ENVIRONMENT@", "@EXITS@"]),
                        ("docs/man/org.xctl1.5.in", ["@METHODS@", "@CONTAINER@", "@CLIENT@", "@EVENT@", "@ERRORS@"]),
                        ("docs/man/xctl.container.5.in", ["@KEYS@"])):
        text = sources.read(path) if os.path.exists(path) else ""
        problems.extend(f"{path}: lacks {mark}" for mark in marks if mark not in text)


def check_build(problems, build, verbs, errors):
    program = os.path.join(build, "client", "xctl")
    if not os.path.exists(program):
        return
    text = subprocess.run([program, "help"], capture_output=True, text=True, check=True).stdout
    page = sources.read(os.path.join(build, "docs", "xctl.1")).replace("\\-", "-")
    completion = sources.read(os.path.join(build, "docs", "xctl"))
    for row in verbs:
        verb = full_name(row)
        details = subprocess.run([program, "help", *verb.split()], capture_output=True, text=True, check=True).stdout
        for what, where in (("help", f"\n  {row[6] or verb} "), ("man page", f"\n.SS \"{verb}"), ("completion", f"'{verb}')")):
            if where not in {"help": text, "man page": page, "completion": completion}[what]:
                problems.append(f"the {what} of xctl lacks {verb}")
        for option in re.findall(r"--[\w-]+", details):
            if option not in page or option not in completion:
                problems.append(f"the man page or completion of xctl lacks {option} of {verb}")
    interfaces = sources.read(os.path.join(build, "docs", "org.xctl1.5"))
    wanted = [row[2] for row in verbs] + [row[0] for row in errors]
    problems.extend(f"org.xctl1(5) lacks {word}" for word in wanted if word not in interfaces)


def main():
    problems = []
    verbs, errors = check_verbs(problems), check_errors(problems)
    check_requests(problems)
    check_outputs(problems)
    check_policy(problems, verbs)
    check_table(problems, verbs, "--update" in sys.argv[1:])
    check_pages(problems)
    check_build(problems, os.environ.get("XCTL_BUILD", "/build"), verbs, errors)
    sources.finish(problems)


if __name__ == "__main__":
    main()
