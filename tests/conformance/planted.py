#!/usr/bin/python3
"""Runs the suite against each planted bug: every one must be noticed, and `none` must pass.

    planted.py [--some] [FLAW...]     without one: all of them; --some: each sixth

Exit 1 if any was missed.
"""
import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import world  # noqa: E402
from flaws import FLAWS  # noqa: E402

# A flaw that makes a test wait for what never comes costs so many seconds, times the slowness.
PATIENCE = "1"


def run(name, tests, endpoint):
    """(whether it is as it should be, what to print) of one flaw."""
    flaw = FLAWS[name][0]
    environment = {**os.environ, "CONFORMANCE_FLAW": name, "CONFORMANCE_BESIDE": endpoint}
    if name != "none":
        environment["CONFORMANCE_PATIENCE"] = PATIENCE
    done = subprocess.run([sys.executable, HERE / "run.py", "--quiet", *tests], env=environment,
                          capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    failed = sum(line.startswith("FAIL: ") for line in said.splitlines())
    # An ERROR is the test's own fault, or the daemon did not start, or the relay broke: it proves
    # nothing.
    is_sound = not any(word in said for word in ("ERROR: ", "skipped: ", "flawed.py"))
    if name == "none":
        return done.returncode == 0 and is_sound, f"none: {len(tests)} tests pass\n{said}"
    told = f"{name}: {flaw.what}: {failed} failures in {len(tests)} tests"
    return failed > 0 and is_sound, told if is_sound else f"{told}, not soundly\n{said}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="FLAW")
    parser.add_argument("--some", action="store_true")
    given = parser.parse_args()
    names = given.names or [name for name in FLAWS if name != "none"][::6 if given.some else 1]
    tests = {name: FLAWS[name][1] for name in names}
    noticing = FLAWS if names == ["none"] else names
    tests["none"] = sorted({test for name in noticing for test in FLAWS[name][1]})
    missed = []
    with world.OwnDaemon() as daemon, ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        done = pool.map(lambda name: run(name, tests[name], daemon.endpoints["cmd"]), tests)
        for name, (as_it_should, text) in zip(tests, done):
            print(f"{'ok    ' if as_it_should else 'MISSED'} "
                  f"{text if not as_it_should else text.splitlines()[0]}", flush=True)
            if not as_it_should:
                missed.append(name)
    planted = [name for name in names if name != "none"]
    print(f"planted: {len(planted)} flaws, "
          f"{len(planted) - len(set(missed) - {'none'})} caught; missed: {' '.join(missed) or '-'}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
