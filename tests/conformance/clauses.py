#!/usr/bin/python3
"""Checks that each clause of PROTOCOL.md has a test, and each test's clause is one.

    clauses.py [--list]     prints what is missing; --list: each clause with its tests

clauses.txt gives each clause a name and quotes the beginning of the sentence or table row that is
the clause. Sentences that state no rule are quoted under `prose`. Nothing in the page's sections
may be left unquoted, no quote may be gone from the page, and each clause must be named by the
docstring of a test. The rows of the table of errors are clauses of themselves, 6.<token>; those
under `cannot` are nothing that a client can cause. A test names clauses as `section.name`, cases of
the reference as T1 or F26.
"""
import ast
import re
import sys
from pathlib import Path

import wire

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "daemon" / "wire" / "PROTOCOL.md"
ERROR = re.compile(r"\| (\d{3}) \| `([a-z_]+)` \|")
NAME = re.compile(r"\b(\d{1,2}\.[a-z][a-z0-9_-]*)")
SECTION = re.compile(r"^## (\d+)\. ")
# A sentence ends here: a stop, and then something that begins one.
SENTENCE = re.compile(r"(?<=[.;])\s+(?=[A-Z`*])")


def named_by(text):
    """The clauses that a docstring names."""
    return set(NAME.findall(text))


def plain(text):
    return re.sub(r"\s+", " ", text).strip()


def paragraphs(lines):
    """(section, text) of each paragraph, list item and table row outside of code blocks."""
    section, code, gathered = 0, False, []
    for line in [*lines, ""]:
        ends = not line.strip() or line.startswith(("#", "|", "- ", "```")) or \
            re.match(r"\d+\. ", line)
        if ends and gathered:
            yield section, re.sub(r"^(?:- |\d+\. )", "", plain(" ".join(gathered)))
            gathered = []
        if line.startswith("```"):
            code = not code
        elif code:
            continue
        elif SECTION.match(line):
            section = int(SECTION.match(line)[1])
        elif line.strip() and not line.startswith("#") and not re.match(r"\|[-| ]+\|$", line):
            gathered.append(line)


def sentences(lines):
    """(section, sentence) of all that may be a rule."""
    for section, text in paragraphs(lines):
        if section:
            for sentence in [text] if text.startswith("|") else SENTENCE.split(text):
                yield section, sentence


def clauses():
    """[(name, quote)] of clauses.txt."""
    rows = []
    for line in (HERE / "clauses.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, quote = line.partition(": ")
            rows.append((name.strip(), plain(quote)))
    return rows


def tests():
    """{clause: [tests that name it]}, and the tests that name none."""
    named, silent = {}, []
    for path in sorted(HERE.glob("*_test.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                text = ast.get_docstring(node) or ""
                if not re.search(r"\b[TF]\d", text) and not named_by(text):
                    silent.append(f"{path.stem}.{node.name}")
                for clause in named_by(text):
                    named.setdefault(clause, []).append(f"{path.stem}.{node.name}")
    return named, silent


def quote_findings(lines, rows):
    """Where the page and the quotes of clauses.txt differ."""
    page = plain("\n".join(lines))
    for name, quote in rows:
        if name != "cannot" and quote not in page:
            yield f"clauses.txt: {name}: not on the page any more: {quote}"
    quotes = [quote for name, quote in rows if name != "cannot"]
    for section, sentence in sentences(lines):
        is_error = section == 6 and ERROR.match(sentence)
        if not is_error and not any(q in sentence or sentence in q for q in quotes):
            yield f"PROTOCOL.md section {section}: no clause quotes: {sentence}"


def findings():
    lines, rows = PAGE.read_text(encoding="utf-8").splitlines(), clauses()
    yield from quote_findings(lines, rows)
    table = {token: int(number) for number, token in ERROR.findall("\n".join(lines))}
    for token in sorted(set(table.items()) ^ set(wire.TOKENS.items())):
        yield f"wire.py and the table of section 6 differ in {token}"
    cannot = {quote.split(":")[0] for name, quote in rows if name == "cannot"}
    named, silent = tests()
    known = {name for name, _ in rows} - {"prose", "cannot"} | {f"6.{token}" for token in table}
    for name in sorted(known - cannot - set(named)):
        yield f"{name}: no test names it"
    for name in sorted(cannot - known):
        yield f"{name}: said to be nothing a client can cause, but no clause"
    for name in sorted(set(named) - known):
        yield f"{name}: named by {named[name][0]}, but no clause"
    for test in silent:
        yield f"{test}: names neither a clause nor a case"


def main():
    if sys.argv[1:] == ["--list"]:
        for name, where in sorted(tests()[0].items()):
            print(f"{name}\n    " + "\n    ".join(where))
        return
    found = list(findings())
    print("\n".join(found + [f"clauses: {len(tests()[0])} with a test, {len(found)} findings"]))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
