#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""No file and no function beyond what one can keep in mind. Tables are exempt: they are read one row at a time."""
import re

from support import sources

FILE_LIMIT = 600
FUNCTION_LIMIT = 80

CONTAINER = re.compile(r"\b(namespace|class|struct|union|extern)\b")
MEMBER = re.compile(r"\)[^:]*(?<!:):(?!:)(.*,)?\s*\w+\s*$", re.S)  # the constructor's list, up to a brace
PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)


def without_groups(text, opening, closing):
    """Without what is inside brackets, however deep."""
    kept, depth = [], 0
    for c in text:
        if c == closing and depth:
            depth -= 1
        if not depth:
            kept.append(c)
        if c == opening:
            depth += 1
    return "".join(kept)


def kind_of(header):
    """What a '{' opens, by the text between it and what came before."""
    header = re.sub(r"\boperator\s*(\(\s*\)|\[\s*\]|[^\s\w(]+)", "operator_", header)
    while re.match(r"\s*template\s*<", header):
        header = without_groups(header, "<", ">").replace("template <>", "", 1).replace("template<>", "", 1)
    outside = without_groups(header, "(", ")")
    if header.count("(") > header.count(")") or MEMBER.search(outside):
        return "expression"
    if "=" in outside:
        return "value"
    if "(" in outside:
        return "function"
    return "container" if CONTAINER.search(outside) else "value"


def functions(text):
    """(first line, last line, header) of each function that is not inside another."""
    code = PREPROCESSOR.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), sources.code_only(text))
    found, start, inside = [], 0, []  # inside: (kind, where its header starts) of open braces
    for at, c in enumerate(code):
        if c == "{":
            kind = "nested" if inside and inside[-1][0] not in ("container",) else kind_of(code[start:at])
            inside.append((kind, start))
            start = at + 1
        elif c == "}" and inside:
            kind, begin = inside.pop()
            if kind == "function":
                header = code[begin:].lstrip()
                first = code.count("\n", 0, len(code) - len(header)) + 1
                found.append((first, code.count("\n", 0, at) + 1, header.split("{")[0].split("\n")[0].strip()))
            start = begin if kind == "expression" else at + 1
        elif c == ";" or (c == ":" and code[start:at].strip() in ("public", "private", "protected")):
            start = at + 1
    return found


def check(path, text):
    problems = []
    lines = text.count("\n")
    if lines > FILE_LIMIT:
        problems.append(f"{path}: {lines} lines, {FILE_LIMIT} are allowed")
    for first, last, header in functions(text):
        if last - first + 1 > FUNCTION_LIMIT:
            problems.append(f"{path}:{first}: {last - first + 1} lines, {FUNCTION_LIMIT} are allowed: {header}")
    return problems


PLANTED = """
namespace a { namespace {
constexpr Row kTable[] = {
%s
};
#define MACRO(x) { \\
    x
struct S : Base<int> {
    S() : a_{1}, b_(2) { call(); }
    bool operator==(const S& other) const { return '{' == "}"[0]; }
    template <class T, class U = void>
    auto f(T x = {1'000}) const -> std::vector<U> {
%s    }
    int member{3};
};
}  // namespace {
}
const char* raw() { return R"x({{{)x"; }
"""


def check_myself():
    table, body = "    {f(1)},\n" * 90, "        if (x) { call([] { return 1; }); }\n" * 90
    lengths = [last - first + 1 for first, last, _ in functions(PLANTED % (table, body))]
    assert lengths == [1, 1, 93, 1], lengths
    assert len(check("planted", PLANTED % (table, body))) == 1
    assert check("planted", PLANTED % (table, "")) == []


def main():
    check_myself()
    sources.finish([p for path in sources.files(sources.CPP) for p in check(path, sources.read(path))])


if __name__ == "__main__":
    main()
