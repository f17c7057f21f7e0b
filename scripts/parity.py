#!/usr/bin/env python3
"""Checks the parity tables of core/README.md: every row names tests that exist, or says why not.

    scripts/parity.py [--root DIR]    prints file:line: parity: what, and how to mend it

The last cell of a row holds test names in double quotes, or a reason that begins with one of
REASONS. A name is that of a TEST_CASE in a file some CMakeLists.txt below tests/ builds, or of a
test that such a file adds. Exit 1 on any finding.
"""
import argparse
import difflib
import re
import sys
from pathlib import Path

README = "core/README.md"
# heading of each table: how many rows the thing it is compared with has.
TABLES = {"What the seed could do, and where it is here": 23,
          "The seed's quirks, and why they are not here": 30}
REASONS = ("cannot apply:", "later:")
REASON_WORDS_MIN = 5

LITERAL = r'"(?:[^"\\]|\\.)*"'
# Text is kept, so that "feed/*" begins no comment; what nobody compiles is not.
TEXT_OR_COMMENT = re.compile(rf"""R"(\w*)\(.*?\)\1"|(?P<text>{LITERAL}|'(?:[^'\\]|\\.)')"""
                             r"|//[^\n]*|/\*.*?\*/|^\#if\ 0\b.*?^\#endif", re.S | re.M)
TEST_CASE = re.compile(rf"^TEST_CASE\(\s*((?:{LITERAL}\s*)+)(?:,\s*({LITERAL}))?", re.M)
CMAKE_COMMENT = re.compile(r"^\s*#.*$", re.M)
FOREACH = re.compile(r"foreach\((\w+)\s+([^)]*)\)(.*?)endforeach\(\)", re.S)
FUNCTION = re.compile(r"function\((\w+) (\w+)[^)]*\)(.*?)endfunction\(\)", re.S)


def text_of(literals):
    """The text of adjacent C++ string literals."""
    return "".join(re.sub(r"\\(.)", r"\1", part[1:-1]) for part in re.findall(LITERAL, literals))


def cases_of(source):
    """Names of the test cases a C++ file runs by default."""
    compiled = TEXT_OR_COMMENT.sub(lambda found: found["text"] or "", source)
    for found in TEST_CASE.finditer(compiled):
        tags = found[2] or ""
        if "[." not in tags and "[!" not in tags:
            yield text_of(found[1])


def added_by(cmake):
    """Names of the tests that CMake text adds itself, by add_test or by a function around it."""
    for loop in FOREACH.finditer(cmake):
        for value in loop[2].split():
            cmake += loop[3].replace("${" + loop[1] + "}", value)
    patterns = {"add_test": [(r'\bNAME\s+"([^"$]+)"', "{}")]}
    for name, argument, body in FUNCTION.findall(cmake):
        for pattern in re.findall(r'add_test\(NAME "([^"]*\$\{' + argument + r'\}[^"]*)"', body):
            shape = pattern.replace("${" + argument + "}", "{}")
            if "${" in shape:
                continue  # of a loop within: no table names these
            patterns.setdefault(name, []).append((r'^\s*(?:"([^"$]+)"|([\w.-]+))', shape))
    for name, shapes in patterns.items():
        for call in re.findall(rf"\b{name}\(([^)]*)", cmake):
            for pattern, shape in shapes:
                found = re.search(pattern, call)
                if found:
                    yield shape.format(next(filter(None, found.groups())))


def tests_of(root):
    """Names of all tests that the build below tests/ makes."""
    builds = [*root.glob("tests/**/CMakeLists.txt"), *root.glob("tests/**/*.cmake")]
    names = set()
    for build in builds:
        cmake = CMAKE_COMMENT.sub("", build.read_text(encoding="utf-8"))
        names.update(added_by(cmake))
        for source in re.findall(r"[\w./-]+\.cpp\b", cmake):
            path = build.parent / source
            if path.is_file():
                names.update(cases_of(path.read_text(encoding="utf-8")))
    return names


def rows_of(lines, heading):
    """(line number, cells) of the table under a heading, without its two head lines."""
    rows = []
    is_inside = False
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            is_inside = line.lstrip("#").strip() == heading
        elif is_inside and line.startswith("|"):
            rows.append((number, [cell.strip() for cell in line.strip().strip("|").split("|")]))
    return rows[2:]


def findings_in_row(cells, wanted_number, tests):
    """What is wrong with one row."""
    if cells[0] != str(wanted_number):
        yield f"row {cells[0]} stands where row {wanted_number} belongs; number them in order"
    if any(not cell for cell in cells):
        yield f"row {cells[0]} has an empty cell; say what it is"
    shown_by = cells[-1]
    names = re.findall(r'"([^"]*)"', shown_by)
    if not names:
        is_reason = shown_by.startswith(REASONS)
        if not is_reason or len(shown_by.split()) < REASON_WORDS_MIN:
            yield (f'row {cells[0]} names no test; name one in double quotes, or say why there is '
                   f'none after "{REASONS[0]}" or "{REASONS[1]}"')
        return
    left = re.sub(r'"[^"]*"', "", shown_by).replace(";", "").strip()
    if left:
        yield f'row {cells[0]} has "{left}" beside its tests; put each name in double quotes'
    for name in names:
        if name in tests:
            continue
        near = difflib.get_close_matches(name, tests, 1, 0.8)
        hint = f'did you mean "{near[0]}"?' if near else "write it, or name one that exists"
        yield f'row {cells[0]} names "{name}", which no build runs; {hint}'


def check(root):
    """All findings, as lines to print; and how many rows and tests there were."""
    readme = root / README
    if not readme.is_file():
        return [f"{README}:1: parity: there is no such file; it holds the tables"], 0, 0
    lines = readme.read_text(encoding="utf-8").splitlines()
    tests = tests_of(root)
    found = []
    total = 0
    for heading, wanted in TABLES.items():
        rows = rows_of(lines, heading)
        total += len(rows)
        if len(rows) != wanted:
            line = rows[-1][0] if rows else 1
            found.append(f'{README}:{line}: parity: {len(rows)} rows under "{heading}", not '
                         f"{wanted}; each has its own row")
        width = len(rows[0][1]) if rows else 0
        for place, (line, cells) in enumerate(rows, 1):
            if len(cells) != width:
                found.append(f"{README}:{line}: parity: {len(cells)} cells, not {width}; a | "
                             "inside a cell splits it")
                continue
            found += [f"{README}:{line}: parity: {what}"
                      for what in findings_in_row(cells, place, tests)]
    return found, total, len(tests)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    found, rows, tests = check(parser.parse_args().root)
    for line in found:
        print(line)
    print(f"{rows} rows, {tests} tests known, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
