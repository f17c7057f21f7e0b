#!/usr/bin/env python3
"""Checks the house: include arrows, line, function and file lengths, purposes, banned words.

    scripts/tidy.py [--root DIR]    prints file:line: rule: what, and how to mend it; exit 1 on any

One table says who may include what (scripts/arrows.py).
Exceptions are named lines with their reason.
Lengths are hard limits, not a ratchet: nothing was over them when they were written.
"""
import argparse
import ast
import os
import re
import subprocess
import sys
from pathlib import Path

from arrows import (ALLOWED, ALLOWED_FILES, C_HEADERS, LIBRARIES, NEVER_INCLUDED,
                    WITH_SUBFOLDERS)

LINE_COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400

THREADS = r"\bstd\s*::\s*j?thread\b(?!\s*::\s*id)"
# What core may not touch, in code (not comments): the world is injected. Exceptions name a file.
CORE_BANS = [
    (r"_clock\s*::\s*now\b", "reads a clock; take the injected one"),
    (THREADS, "starts a thread; only those of THREAD_OWNERS do"),
    (r"\bpthread_create\b", "starts a thread; only those of THREAD_OWNERS do"),
    (r"\bthis_thread\s*::\s*sleep_", "sleeps; use a timer"),
    (r"\brandom_device\b", "draws from the world's dice; take the injected seed"),
    (r"\b(?:secure_)?getenv\b", "reads the environment; take an option"),
    (r"#\s*include\s*<(?:fstream|iostream|cstdio|filesystem)>", "does input or output"),
]
THREAD_OWNERS = {
    "timekeeper": "the thread that fires timers and looks after busy workers",
    "worker": "one thread of the pool",
    "worker_pool": "threads that run any hosted actor",
    "worker_pool_hung": "how they come and go",
    "pinned_threads": "threads that run one actor each",
    "overseer": "the thread that looks for hung turns",
}
CORE_EXCEPTIONS = {(f"core/{owner}.{ending}", THREADS): why
                   for owner, why in THREAD_OWNERS.items() for ending in ("hpp", "cpp")}

# file: why it may be longer than FILE_LINES_MAX. Tables only.
LONG_FILES = {"plugins/sdk/backstage/plugin.h": "the whole C ABI, one header to copy"}
# (file, function): why it may be longer than FUNCTION_LINES_MAX.
LONG_FUNCTIONS = {}
# Lines over LINE_COLUMNS_MAX are allowed in these: data, or text that breaks by its own rules.
LONG_LINES = (".md", ".csv", ".json", ".txt", ".service", ".pc.in")

# Written in halves, so that this file passes its own check.
UNFINISHED = re.compile(r"\b(?:" + "|".join(a + b for a, b in
                        [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK")]) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:work|root|farm|home/[a-z]\w*)/")

CODE = (".c", ".cpp", ".h", ".hpp")
TEXT = CODE + (".py", ".rs", ".sh", ".cmake", ".md", ".json", ".txt", ".service", ".yml", ".in")
COUNTED = CODE + (".py", ".sh", ".cmake")


def is_text(path):
    return path.endswith(TEXT) or os.path.basename(path) in ("Dockerfile", "run", ".clang-tidy")


def project_files(root):
    """Paths relative to root: tracked and new files as git sees them, else all but outputs."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"],
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        names = listed.stdout.splitlines()
    else:
        names = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()]
        names = [n for n in names
                 if not n.startswith(("build/", ".git/")) and "__pycache__" not in n]
    return sorted(n for n in set(names) if is_text(n) and (root / n).is_file())


def blank(match):
    """Replaces text by spaces and keeps its lines, so that line numbers stay true."""
    return re.sub(r"[^\n]", " ", match.group(0))


STRIP = re.compile(r'R"([^\s()\\]{0,16})\(.*?\)\1"|//(?:[^\n\\]|\\.)*|/\*.*?\*/'
                   r'|"(?:[^"\\\n]|\\.)*"' + r"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+'", re.S)


def code_only(text):
    """C++ without comments, strings and character constants, same line numbers."""
    return STRIP.sub(blank, text)


def rule_of(path):
    own = folder = os.path.dirname(path)
    while folder:
        if folder in ALLOWED and (folder == own or folder in WITH_SUBFOLDERS):
            return folder
        folder = os.path.dirname(folder)
    return None


def library_of(header):
    for library, headers in LIBRARIES.items():
        if any(header == h or (h.endswith("/") and header.startswith(h)) for h in headers):
            return library
    stem = header[:-2] if header.endswith(".h") else None
    if stem in C_HEADERS or re.fullmatch(r"[a-z_0-9]+", header):
        return "std"
    return None


def target_of(root, path, header):
    """The project file a quoted include names, or None when it is not one of ours."""
    if header.startswith("backstage/"):
        client = "clients/cpp/" + header
        return client if (root / client).is_file() else "plugins/sdk/" + header
    beside = os.path.normpath(os.path.join(os.path.dirname(path), header))
    if (root / beside).is_file():
        return beside
    if header.split("/")[0] in ("core", "daemon", "plugins", "tests", "clients", "config"):
        return header
    return None


def check_arrow(root, path, line, bracket, header):
    folder = rule_of(path)
    if folder is None:
        yield line, "arrow", f"{os.path.dirname(path)}/ has no line in ALLOWED; " \
            "say in scripts/arrows.py what the new folder may include"
        return
    folders, libraries = ALLOWED[folder]
    target = target_of(root, path, header) if bracket == '"' or header.startswith("backstage/") \
        else None
    if target is not None:
        owners = NEVER_INCLUDED.get(target)
        if owners is not None and path not in owners:
            yield line, "arrow", f"includes {target}; nothing points at the composition root"
        there = rule_of(target)
        own_room = folder == "plugins" and os.path.dirname(target) == os.path.dirname(path)
        if "*" not in folders and there not in folders and not own_room:
            yield line, "arrow", f"{folder}/ may not include {there or target}/ ({header}); " \
                "the arrow points the other way (ALLOWED in scripts/arrows.py)"
        return
    library = library_of(header)
    if library is None:
        yield line, "arrow", f"unknown library header {header}; name it in LIBRARIES"
    elif "*" not in libraries and library not in libraries | set(ALLOWED_FILES.get(path, ())):
        yield line, "arrow", f"{folder}/ may not include {library} ({header}); " \
            "third-party headers stay in their folder (ALLOWED in scripts/arrows.py)"


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def check_includes(root, path, text):
    bare = re.sub(r"/\*.*?\*/", blank, text, flags=re.S)
    for match in INCLUDE.finditer(bare):
        line = bare.count("\n", 0, match.start(2)) + 1
        yield from check_arrow(root, path, line, match.group(1), match.group(2))


def check_core_bans(path, text):
    if not path.startswith("core/"):
        return
    code = code_only(text)
    for pattern, why in CORE_BANS:
        if (path, pattern) in CORE_EXCEPTIONS:
            continue
        for match in re.finditer(pattern, code):
            yield code.count("\n", 0, match.start()) + 1, "core", f"core {why}"


CONTAINER = re.compile(r"\s*(?:inline\s+|typedef\s+|static\s+|export\s+)*"
                       r"(?:namespace|class|struct|union|enum|extern)\b")


def is_function(head):
    """Whether the text before a brace, at namespace or class level, opens a function body."""
    if "(" not in head:
        return False
    bare = re.sub(r"\[\[.*?\]\]|\balignas\s*\([^()]*\)", " ", head, flags=re.S)
    bare = re.sub(r"^\s*template\s*<.*?>\s*(?=class|struct|union)", "", bare, flags=re.S)
    if CONTAINER.match(bare) and "(" not in bare:
        return False
    return not re.search(r"(?<!operator)(?<![=!<>])=\s*(?:[\w:<>,\s]*)$", bare)


def function_name(head):
    match = re.search(r"((?:\w+(?:<[^<>()]*>)?::)*(?:operator\s*[^\s\w]+|~?\w+))\s*\(", head)
    return match.group(1) if match else "?"


def functions_of(text):
    """Yields (name, first line, last line) of every function body, by matching braces."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", blank, code_only(text), flags=re.M)
    depth, start, head_from, name = 0, None, 0, None
    for match in re.finditer(r"[{};]|\b(?:public|private|protected)\s*:", code):
        mark, at = match.group(0), match.start()
        if start is None and code.count("(", head_from, at) > code.count(")", head_from, at):
            continue  # Inside a parameter list: a default value, or its end.
        if mark == "{":
            if start is None:
                head = code[head_from:at]
                if is_function(head) or (depth == 0 and head.rstrip().endswith("=")):
                    start = head_from + len(head) - len(head.lstrip())
                    name = function_name(head) if is_function(head) else None
                else:
                    head_from = at + 1
                    continue
            depth += 1
        elif mark == "}":
            depth -= depth > 0
            if start is not None and depth == 0:
                # A member initialiser in braces: the body is still to come.
                if re.match(r"\s*[,{]", code[at + 1:]):
                    continue
                if name is not None:
                    yield name, code.count("\n", 0, start) + 1, code.count("\n", 0, at) + 1
                start = None
            head_from = at + 1
        elif start is None:
            head_from = match.end()


def check_functions(path, text):
    if path.endswith(".py"):
        spans = [(n.name, n.lineno, n.end_lineno) for n in ast.walk(ast.parse(text))
                 if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    elif path.endswith(CODE):
        spans = functions_of(text)
    else:
        return
    for name, first, last in spans:
        lines = last - first + 1
        if lines > FUNCTION_LINES_MAX and (path, name) not in LONG_FUNCTIONS:
            yield first, "function", f"{name} is {lines} lines long, {FUNCTION_LINES_MAX} at " \
                "most; let a part with a name of its own come out"


def check_purpose(root, path, lines):
    """The first line, after a shebang, says in words what the file is for.

    A source beside its own header does not say it again.
    """
    if path.endswith((".cpp", ".c")) and (root / path).with_suffix(".hpp").is_file():
        return
    if not path.endswith(COUNTED) and os.path.basename(path) not in ("CMakeLists.txt", "Dockerfile",
                                                                     "run"):
        return
    at = 1 if lines and lines[0].startswith("#!") else 0
    first = lines[at].strip() if len(lines) > at else ""
    mark = r"(?:///?|/\*\*?|//!)" if path.endswith(CODE) else r'(?:#|[rb]?""")'
    if not re.match(mark + r"\s*\S+(?:\s+\S+)+", first) or re.match(r"#\s*include", first):
        yield at + 1, "purpose", "the first line must be a comment that says what the file is for"


def check_lines(path, lines):
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX and not path.endswith(LONG_LINES):
            yield number, "columns", f"{len(line)} columns, {LINE_COLUMNS_MAX} at most"
        if UNFINISHED.search(line):
            yield number, "unfinished", "marks unfinished work; finish it or open an issue"
        if MACHINE_PATH.search(line):
            yield number, "machine path", "names a path of one machine; make it relative"
        if line != line.rstrip() and not path.endswith(".md"):
            yield number, "blanks", "ends in blanks"


def check_file(root, path):
    """Yields (line, rule, text) for all that is wrong with one file."""
    try:
        text = (root / path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        yield 1, "text", f"is not UTF-8 ({error.reason} at byte {error.start})"
        return
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    elif text:
        yield len(lines), "text", "does not end in a newline"
    yield from check_purpose(root, path, lines)
    yield from check_lines(path, lines)
    if path.endswith(COUNTED) and len(lines) > FILE_LINES_MAX and path not in LONG_FILES:
        yield len(lines), "file", f"{len(lines)} lines, {FILE_LINES_MAX} at most; " \
            "let a second room come out of it"
    if path.endswith(CODE):
        yield from check_includes(root, path, text)
        yield from check_core_bans(path, text)
    yield from check_functions(path, text)


def check(root):
    """All findings below root as printable lines, and the number of files read."""
    files = project_files(root)
    findings = [f"{path}:{line}: {rule}: {what}" for path in files
                for line, rule, what in check_file(root, path)]
    return findings, len(files)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    findings, count = check(parser.parse_args().root)
    for finding in findings:
        print(finding)
    if count == 0:
        print("tidy.py: found no file to check; is --root the project?")
        return 1
    print(f"tidy.py: {count} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
