#!/usr/bin/env python3
"""What a result belongs to: machine, commit, versions, load. Prints JSON, or completes a file.

    tests/bench/facts.py --repetitions N --only ROWS > facts.json    before a run
    tests/bench/facts.py --end facts.json                            behind it: the load at the end
"""
import argparse
import datetime
import json
import os
import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Written by the run itself.
RESULTS = ("tests/bench/RESULTS.md", "tests/bench/results.json")


def output(*command):
    """What a command prints, or nothing when it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def load():
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def commit():
    """The commit; marked when the tree differs from it."""
    head = output("git", "rev-parse", "--short=10", "HEAD") or "unknown"
    changed = output("git", "status", "--porcelain", "--", ".",
                     *(f":(exclude){name}" for name in RESULTS))
    return head + ("+changes" if changed else "")


def cpu():
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else platform.processor() or "unknown CPU"


def version_of(package):
    """Upstream's version of an installed Debian package, or None."""
    shown = output("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Version}",
                   package)
    found = re.fullmatch(r"installed (?:\d+:)?([^+-]*).*", shown)
    return found[1] if found else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--end", type=Path)
    given = parser.parse_args()
    if given.end:
        facts = json.loads(given.end.read_text())
        given.end.write_text(json.dumps(facts | {"load_end": load()}, indent=1) + "\n")
        return
    now = datetime.datetime.now(datetime.timezone.utc)
    print(json.dumps({
        "date": now.strftime("%Y-%m-%d %H:%M UTC"), "commit": commit(), "cpu": cpu(),
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "compiler": (output("g++", "--version").splitlines() or ["unknown"])[0],
        "caf": version_of("libcaf-dev"), "erlang": version_of("erlang-base"),
        "repetitions": given.repetitions, "only": given.only,
        "load_begin": load(), "load_end": None}, indent=1))


if __name__ == "__main__":
    main()
