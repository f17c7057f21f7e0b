"""The daemon under test: one that is there already (--endpoint), or ones of our own.

CONFORMANCE_ENDPOINT names the `cmd` endpoint of one that is there. Otherwise BACKSTAGED_BIN is
started with the actors of README.md, on free loopback ports and ipc, in a folder of its own.
CONFORMANCE_FLAW puts the relay of flawed.py in front of every `cmd` endpoint.
"""
import atexit
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import zmq

import wire
from peer import SLOW, Deadline

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent.parent / "build/dev/bin/backstaged"
BIN = Path(os.environ.get("BACKSTAGED_BIN", BUILT)).resolve()
BUILD = BIN.parent.parent
SANITIZED = "BACKSTAGED_SLOW" in os.environ  # Its memory says nothing about ours.
LONG = os.environ.get("CONFORMANCE_LONG") == "1"
FOREIGN = os.environ.get("CONFORMANCE_ENDPOINT")
# One of our own that planted.py has started for all.
BESIDE = os.environ.get("CONFORMANCE_BESIDE")
FLAW = os.environ.get("CONFORMANCE_FLAW")
NEEDS_OWN = "needs a daemon of its own"
# A mailbox that is soon full, and an actor that may fail as often as it likes.
CONFIG = {
    "actors": {"echo": "echo", "counter": "counter", "probe": "probe", "failing": "crashy"},
    "types": {"probe": {"mailbox": {"messages": 1000}},
              "crashy": {"supervision": {"intensity": 1000000, "backoff_min": "1ms",
                                         "backoff_max": "1ms"}}},
    "gateway": {"limits": {"err0_per_s": 1000}},
}
PLUGINS = ("echo", "counter", "probe", "crashy")
# Of ERR 0 in a second: what the page allows, and as many as one test provokes within one.
ERR0_NEEDED = 10


def scaled(short, long):
    """How often, how much: `long` in the long leg."""
    return long if LONG else short


def relay(endpoint):
    """The endpoint of a relay with the planted flaw in front of `endpoint`, and its process."""
    process = subprocess.Popen([sys.executable, HERE / "flawed.py", FLAW, endpoint],
                               stdout=subprocess.PIPE, text=True)
    return process.stdout.readline().strip(), process


# Who speaks ZMTP at plain endpoints, of the config's words; empty: its default.
PLAIN_ZMTP = os.environ.get("BACKSTAGED_PLAIN_ZMTP", "")


def end(process):
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


class OwnDaemon:
    """One run of backstaged in a folder of its own; a context manager."""

    def __init__(self, config=None, plugins=PLUGINS, environment=None, ipc=False):
        self.temporary = tempfile.TemporaryDirectory(prefix="conformance-")
        self.folder = Path(self.temporary.name)
        self.run = self.folder / "run"
        self.run.mkdir(mode=0o700)
        self.plugins = self.folder / "plugins"
        self.plugins.mkdir(mode=0o755)
        for name in plugins:
            source = BUILD / "plugins" / f"{name}.so"
            if not source.exists():
                source = BUILD / "test_plugins" / f"{name}.so"
            (self.plugins / source.name).write_bytes(source.read_bytes())
            (self.plugins / source.name).chmod(0o755)
        config = json.loads(json.dumps(CONFIG if config is None else config))
        gateway = config.setdefault("gateway", {})
        for name in ("cmd", "pub", "ingest"):
            free = f"ipc://{self.run}/{name}.sock" if ipc else "tcp://127.0.0.1:*"
            gateway.setdefault(name, {}).setdefault("bind", [free])
        if PLAIN_ZMTP:
            gateway.setdefault("plain_zmtp", PLAIN_ZMTP)
        config |= {"runtime_dir": str(self.run)}
        # No trial in a process of its own: these files are ours, and each test waits for it.
        config["plugins"] = {"dir": str(self.plugins), "trial": False, "watch": False}
        (self.folder / "config.json").write_text(json.dumps(config))
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.relays = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *ignored):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for process in self.relays:
            end(process)
        self.temporary.cleanup()

    def launch(self):
        """The process, without waiting for it to serve."""
        with open(self.folder / "log", "ab") as log, open(self.folder / "out", "ab") as out:
            return subprocess.Popen([BIN, "--config", self.folder / "config.json"], stdout=out,
                                    stdin=subprocess.DEVNULL, stderr=log, env=self.environment)

    def start(self):
        """Returns when it serves: its endpoints are written, and `cmd` answers."""
        (self.run / "endpoints.json").unlink(missing_ok=True)
        self.process = self.launch()
        end_at = time.monotonic() + 20 * SLOW
        ended = os.pidfd_open(self.process.pid)
        try:
            while not (self.run / "endpoints.json").exists():
                # An end wakes this up at once; a file in a folder cannot be polled for.
                if select.select([ended], [], [], 0.01)[0] or \
                        time.monotonic() > end_at:
                    raise AssertionError(f"the daemon does not serve:\n{self.log()}")
        finally:
            os.close(ended)
        bound = json.loads((self.run / "endpoints.json").read_text())
        self.endpoints = {name: bound[name][0] for name in ("cmd", "pub", "ingest")
                          if bound[name]}
        if FLAW:
            self.endpoints["cmd"], process = relay(self.endpoints["cmd"])
            self.relays.append(process)

    def stop(self):
        """SIGTERM and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def wait(self, seconds=20):
        try:
            return self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon did not end:\n{self.log()}") from None

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def rss_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_seconds(self):
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


class Shared:
    """The daemon that most tests of a run share; made at the first use."""

    daemon = None
    endpoints = None

    @classmethod
    def get(cls):
        if cls.endpoints is None:
            if FOREIGN or BESIDE:
                cls.endpoints = cls.ask(FOREIGN or BESIDE)
            else:
                cls.daemon = OwnDaemon()
                atexit.register(cls.daemon.__exit__)
                cls.daemon.start()
                cls.endpoints = cls.daemon.endpoints
        return cls.endpoints

    @staticmethod
    def ask(endpoint):
        """All endpoints of a daemon that is there, from its WELCOME."""
        front = endpoint
        if FLAW:
            front, process = relay(endpoint)
            atexit.register(end, process)
        context = zmq.Context()
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(endpoint)
        socket.send(b"HELLO v=1")
        if not socket.poll(10_000):
            raise SystemExit(f"conformance: nobody answers HELLO at {endpoint}\n"
                             "  next: name the endpoint of `cmd`, a ROUTER")
        told = wire.keys(socket.recv_multipart()[0])
        missing = lacks(socket) if FOREIGN else []
        socket.close()
        context.term()
        if missing:
            raise SystemExit(f"conformance: the daemon at {endpoint} lacks {', '.join(missing)}\n"
                             "  next: tests/conformance/README.md says what it must host")
        return {"cmd": front, **{name: told[name] for name in ("pub", "ingest") if told[name]}}


def lacks(socket):
    """What the suite needs and the daemon of another does not have: better said once than by each
    test."""
    questions = {"echo": (b"", b"x", b"x"), "counter": (b"", b"0", None),
                 "probe": (b" type=name", b"", b"probe"), "failing": (b"", b"", None)}
    missing = []
    for number, (actor, (keys, payload, answer)) in enumerate(questions.items(), 2):
        socket.send_multipart([f"REQ {actor} id={number}".encode() + keys, payload])
        told = socket.recv_multipart() if socket.poll(10_000) else [b"nothing"]
        if not told[0].startswith(b"REP ") or answer not in (None, told[1]):
            missing.append(f"actor {actor} ({told[0].decode()})")
    for _ in range(ERR0_NEEDED):
        socket.send(b"JUNK")
    refused = 0
    while refused < ERR0_NEEDED and socket.poll(1000):
        refused += socket.recv_multipart()[0].startswith(b"ERR 0 ")
    if refused < ERR0_NEEDED:
        missing.append(f"answers to lines without an id: {refused} of {ERR0_NEEDED} within a "
                       "second")
    return missing


def own(**arguments):
    """A daemon for one test alone; the test is skipped when a foreign one is under test."""
    if FOREIGN:
        raise unittest.SkipTest(NEEDS_OWN)
    return OwnDaemon(**arguments)


def eventually(holds, seconds=10, every=0.01):
    """Whether `holds()` became true within the time: for what only polling can see."""
    deadline = Deadline(seconds)
    while not holds():
        if deadline.is_over():
            return False
        time.sleep(every)
    return True
