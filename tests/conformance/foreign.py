#!/usr/bin/python3
"""Runs the suite as somebody else would: scripts/conformance.sh --endpoint, at a daemon that runs.

Nothing may fail; what is skipped says that it needs a daemon of its own. An endpoint where nobody
answers, or where something is missing, is said at once instead of by each test.
"""
import os
import subprocess
import sys
import unittest
from pathlib import Path

import world

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts" / "conformance.sh"
# Of about 150 tests those that need no daemon of their own.
PASSED_MIN = 100
REASONS = {world.NEEDS_OWN, "spawns an actor of type echo", "takes 20 s: --long"}


def suite(endpoint, *names):
    """(exit code, lines) of a run that is told nothing but the endpoint."""
    environment = {key: value for key, value in os.environ.items() if key != "BACKSTAGED_BIN"}
    done = subprocess.run([SCRIPT, "--quiet", "--endpoint", endpoint, *names], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


class ForeignTest(unittest.TestCase):
    def test_the_whole_suite_passes_at_a_daemon_that_somebody_else_has_started(self):
        # As it is configured by default, but for the actors: no limit is raised for the suite.
        config = {key: world.CONFIG[key] for key in ("actors", "types")}
        with world.OwnDaemon(config=config) as daemon:
            code, lines = suite(daemon.endpoints["cmd"])
            self.assertEqual(code, 0, "\n".join(lines))
            self.assertIsNone(daemon.process.poll())
            self.assertEqual(daemon.stop(), 0)
        print(*(line for line in lines if not line.startswith("skipped: ")), sep="\n")
        told = next(line for line in lines if line.startswith("conformance: "))
        self.assertGreaterEqual(int(told.split(" ")[1]), PASSED_MIN, told)
        for line in lines:
            if line.startswith("skipped: "):
                self.assertTrue(any(reason in line for reason in REASONS), line)

    def test_an_endpoint_where_an_actor_is_missing_is_said_at_once(self):
        with world.OwnDaemon(config={"actors": {"echo": "echo"}}) as daemon:
            code, lines = suite(daemon.endpoints["cmd"], "req")
        self.assertEqual(code, 1)
        self.assertIn("lacks actor counter (ERR 3 404 no_actor), actor probe", lines[-2])
        self.assertIn("README.md says what it must host", lines[-1])

    def test_an_endpoint_where_nobody_answers_is_said_at_once(self):
        code, lines = suite("tcp://127.0.0.1:1", "req")
        self.assertEqual(code, 1)
        self.assertIn("nobody answers HELLO at tcp://127.0.0.1:1", lines[-2])


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
