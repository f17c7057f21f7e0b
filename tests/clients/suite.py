"""The other side of DRIVER.md: starts a driver, gives it commands, and waits for what it writes."""
import contextlib
import json
import os
import queue
import shlex
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from case import DaemonCase  # noqa: E402
from client import Clients  # noqa: E402
from daemon import PLUGINS, SLOW, Daemon, Deadline  # noqa: E402

__all__ = ["PLUGINS", "SLOW", "Case", "Clients", "Daemon", "DaemonCase", "Deadline", "Driver",
           "Failed", "needs", "text"]
HERE = Path(__file__).resolve().parent
COMMAND = shlex.split(os.environ.get("CLIENT_DRIVER", f"/usr/bin/python3 {HERE}/sync_driver.py"))
COMMAND_SECONDS = 20
# What the library behind this driver leaves out, in the words of DRIVER.md.
LACKS = subprocess.run([*COMMAND, "--lacks"], stdin=subprocess.DEVNULL, capture_output=True,
                       text=True, check=True).stdout.split()


def needs(feature):
    """Leaves a behaviour out that the library does not offer."""
    return unittest.skipIf(feature in LACKS, f"this library leaves out: {feature}")


class Failed(Exception):
    """A command that ended in `failed`."""

    def __init__(self, line):
        super().__init__(line)
        self.code, self.token = line["code"], line["token"]
        self.text, self.next, self.retryable = line["text"], line["next"], line["retryable"]


def text(line):
    """The payload of an event or answer, as text."""
    return bytes.fromhex(line["hex"]).decode()


class Driver:
    """One driver process; use as a context manager."""

    def __init__(self, command=None):
        self.process = subprocess.Popen(command or COMMAND, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.tag = 0
        self.lines = queue.SimpleQueue()
        self.events = []
        self.ends = {}
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()

    def start(self, verb, **keys):
        """Gives a command; the tag to wait for with `end`."""
        self.tag += 1
        if "text" in keys:
            keys["hex"] = keys.pop("text").encode().hex()
        line = json.dumps({"do": verb, "tag": self.tag, **keys})
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.tag

    def end(self, tag, seconds=COMMAND_SECONDS):
        """How the command ended; raises Failed if it did not end in `done`."""
        self.read_until(lambda: tag in self.ends, seconds, f"the end of command {tag}")
        line = self.ends.pop(tag)
        if "failed" in line:
            raise Failed(line)
        return line

    def do(self, verb, **keys):
        return self.end(self.start(verb, **keys))

    def expect(self, event, seconds=COMMAND_SECONDS, **like):
        """The first event of that kind with these values, now or when it comes."""
        def find():
            return next((each for each in self.events if each["event"] == event and
                         all(each[key] == value for key, value in like.items())), None)

        self.read_until(lambda: find() is not None, seconds, f"event {event} with {like}")
        found = find()
        self.events.remove(found)
        return found

    def take(self, event, count, seconds=COMMAND_SECONDS):
        """The first `count` events of that kind, in order."""
        return [self.expect(event, seconds) for _ in range(count)]

    def read_until(self, condition, seconds, what):
        deadline = Deadline(seconds)
        while not condition():
            try:
                line = self.lines.get(timeout=deadline.left())
            except queue.Empty:
                raise AssertionError(f"{what} did not come within {seconds} s, but "
                                     f"{self.events[-20:]}") from None
            if line is None:
                raise AssertionError(f"the driver ended ({self.process.wait()}) before {what}")
            if "event" in line:
                self.events.append(line)
            else:
                self.ends[line.get("done", line.get("failed"))] = line

    def finish(self):
        """The end of stdin; the exit code."""
        self.process.stdin.close()
        return self.process.wait(COMMAND_SECONDS * SLOW)


class Case(unittest.TestCase):
    """Helpers that tests of both kinds need: with a daemon for all, or one for each."""

    def driver(self, endpoint=None, **options):
        """A driver, connected if an endpoint is given."""
        made = self.enterContext(Driver())
        if endpoint is not None:
            made.welcome = made.do("connect", endpoint=endpoint, **options)
        return made

    def refused(self, code, token, work, *arguments, **keys):
        """Checks that it fails so, and gives the failure."""
        with self.assertRaises(Failed) as caught:
            work(*arguments, **keys)
        failure = caught.exception
        self.assertEqual((failure.code, failure.token), (code, token), failure)
        self.assertTrue(failure.text and failure.next, "what happened, and what to do")
        self.assertEqual(failure.retryable, code in (429, 503) or token == "unreachable")
        return failure

    def eventually(self, work, seconds=10):
        """What `work` gives once it is true."""
        deadline = Deadline(seconds)
        while not (result := work()):
            self.assertFalse(deadline.is_over(), "it never came to be")
            time.sleep(0.02)
        return result
