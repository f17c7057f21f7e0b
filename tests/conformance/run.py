#!/usr/bin/python3
"""Runs the conformance suite, or parts of it, and sums up which clauses and cases passed.

    run.py [--endpoint ENDPOINT] [--long] [--quiet] [NAME...]

NAME is a file without _test.py (framing), or a test in it (framing.FramingTest.test_...). Without
one all files are run. Exit 0: all passed or were skipped with a reason.
"""
import argparse
import faulthandler
import os
import re
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SLOWEST = 5
CASE = re.compile(r"\b[TF][1-9][0-9]?b?\b")


class Result(unittest.TextTestResult):
    """Remembers what passed, by the cases that the tests' docstrings name."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.passed = []
        self.seconds = []

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        self.seconds.append((time.monotonic() - self.begun, test.id()))

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed.append(test)

    def getDescription(self, test):
        return test.id()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint", help="the cmd endpoint of a daemon that runs already")
    parser.add_argument("--long", action="store_true", help="the counts of the reference")
    parser.add_argument("--quiet", action="store_true", help="print the summary and what failed")
    parser.add_argument("names", nargs="*")
    return parser.parse_args()


def load(names):
    loader = unittest.TestLoader()
    names = names or sorted(path.stem.removesuffix("_test") for path in HERE.glob("*_test.py"))
    return unittest.TestSuite(
        loader.loadTestsFromName(re.sub(r"^(\w+)", r"\1_test", name)) for name in names)


def by_number(case):
    return case[0], int(re.search(r"\d+", case)[0]), case


def summary(result):
    """What was shown, in a few lines."""
    from clauses import named_by
    shown, cases = set(), set()
    for test in result.passed:
        text = test.shortDescription() or ""
        text = getattr(type(test), test.id().rsplit(".", 1)[1]).__doc__ or text
        shown |= named_by(text)
        cases |= set(CASE.findall(text))
    lines = [f"conformance: {len(result.passed)} passed, {len(result.failures)} failed, "
             f"{len(result.errors)} errors, {len(result.skipped)} skipped",
             f"clauses: {len(shown)}"]
    for letter in "TF":
        of_letter = sorted((case for case in cases if case[0] == letter), key=by_number)
        lines.append(f"{letter}: {len(of_letter)}: {' '.join(of_letter) or 'none'}")
    slowest = sorted(result.seconds, reverse=True)[:SLOWEST]
    lines.append(f"slowest of {sum(took for took, _ in result.seconds):.0f} s: "
                 + ", ".join(f"{test} {took:.1f} s" for took, test in slowest))
    for test, why in result.skipped:
        lines.append(f"skipped: {test.id()}: {why}")
    return "\n".join(lines)


def main():
    given = arguments()
    # Where it hangs, shortly before ctest would end it without a word.
    if (seconds := float(os.environ.get("BACKSTAGED_TEST_SECONDS", "0"))) > 20:
        faulthandler.dump_traceback_later(seconds - 20, exit=True)
    if given.endpoint:
        os.environ["CONFORMANCE_ENDPOINT"] = given.endpoint
    if given.long:
        os.environ["CONFORMANCE_LONG"] = "1"
    sys.path.insert(0, str(HERE))
    import world
    if not world.FOREIGN and not os.access(world.BIN, os.X_OK):
        sys.exit(f"conformance: there is no daemon to run at {world.BIN}\n"
                 "  next: scripts/build.sh dev, or name one with --endpoint or BACKSTAGED_BIN")
    if world.FOREIGN:
        world.Shared.get()
    runner = unittest.TextTestRunner(resultclass=Result, verbosity=0 if given.quiet else 2)
    result = runner.run(load(given.names))
    print(summary(result), flush=True)
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)


if __name__ == "__main__":
    main()
