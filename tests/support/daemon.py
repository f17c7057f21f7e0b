"""Starts the real backstaged for a test, waits for its own READY, and accounts for its end.

The programs come from the environment that ctest sets: BACKSTAGED_BIN, BACKSTAGED_PLUGINS,
BACKSTAGED_TEST_PLUGINS, and BACKSTAGED_SLOW, the factor by which a sanitizer stretches time. Every
wait ends at an event or at a deadline: nothing sleeps and hopes.
"""
import json
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import hang

hang.watch()
BIN = Path(os.environ.get("BACKSTAGED_BIN", "build/dev/bin/backstaged")).resolve()
PLUGINS = Path(os.environ.get("BACKSTAGED_PLUGINS", BIN.parent.parent / "plugins")).resolve()
TEST_PLUGINS = Path(os.environ.get("BACKSTAGED_TEST_PLUGINS",
                                   BIN.parent.parent / "test_plugins")).resolve()
ROOT = Path(__file__).resolve().parent.parent.parent


def slowness():
    """How much longer than on a quiet machine things may take: sanitizers, and other work."""
    waiting = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    return float(os.environ.get("BACKSTAGED_SLOW", "1")) * min(max(1.0, waiting), 10.0)


SLOW = slowness()
SANITIZED = "BACKSTAGED_SLOW" in os.environ  # Its memory says nothing about ours.

FREE_PORT = '["tcp://127.0.0.1:*"]'
START_SECONDS = 20 * SLOW
STOP_SECONDS = 20 * SLOW


class Deadline:
    """A point in time; stretched for sanitizers."""

    def __init__(self, seconds):
        self.at = time.monotonic() + seconds * SLOW

    def left(self):
        return max(0.0, self.at - time.monotonic())

    def left_ms(self):
        return int(self.left() * 1000) + 1

    def is_over(self):
        return time.monotonic() >= self.at


class NotifySocket:
    """The service manager's side of sd_notify: what the daemon says about its state."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.said = []

    def close(self):
        self.socket.close()

    def take(self):
        """Reads all that is there."""
        while True:
            try:
                self.said += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return


def plugin_dir(folder, names):
    """A directory with just these plugins: links would not pass the ownership check, so copies."""
    folder.mkdir(mode=0o755)
    for name in names:
        source = PLUGINS / f"{name}.so"
        if not source.exists():
            source = TEST_PLUGINS / f"{name}.so"
        target = folder / f"{name}.so"
        target.write_bytes(source.read_bytes())
        target.chmod(0o755)
    return folder


class Daemon:
    """One run of backstaged in a directory of its own. Use as a context manager.

    `settings` maps JSON pointers to values (as `--set`), `config` is a JSON value or a path.
    """

    def __init__(self, config=None, settings=None, plugins=PLUGINS, arguments=(), folder=None,
                 environment=None, free_ports=True, expect_ready=True):
        self.own_folder = None if folder else tempfile.TemporaryDirectory(prefix="backstaged-")
        self.folder = Path(folder or self.own_folder.name)
        self.runtime_dir = self.folder / "run"
        self.runtime_dir.mkdir(mode=0o700, exist_ok=True)
        if plugins is not None and not isinstance(plugins, Path):
            plugins = plugin_dir(self.folder / "plugins", plugins)
        self.command = self.command_line(config, settings or {}, plugins, arguments, free_ports)
        self.environment = {**os.environ, **(environment or {})}
        self.expect_ready = expect_ready
        self.process = None
        self.notify = None

    def command_line(self, config, settings, plugins, arguments, free_ports):
        command = [str(BIN)]
        if isinstance(config, dict):
            path = self.folder / "config.json"
            path.write_text(json.dumps(config, indent=2))
            config = path
        if config is not None:
            command += ["--config", str(config)]
        fixed = {"/runtime_dir": str(self.runtime_dir)}
        if plugins is not None:
            fixed["/plugins/dir"] = str(plugins)
        for pointer, value in {**fixed, **settings}.items():
            command += ["--set", f"{pointer}={json.dumps(value)}"]
        if free_ports:
            for name in ("cmd", "pub", "ingest"):
                if f"/gateway/{name}/bind" not in settings:
                    command += ["--set", f"/gateway/{name}/bind={FREE_PORT}"]
        return command + list(arguments)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.cleanup()
            raise
        return self

    def __exit__(self, *ignored):
        self.cleanup()

    def start(self):
        path = self.folder / "notify.sock"
        path.unlink(missing_ok=True)
        self.notify = NotifySocket(path)
        with open(self.folder / "log", "ab") as log, open(self.folder / "out", "ab") as out:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                env={**self.environment, "NOTIFY_SOCKET": str(path)})
        if self.expect_ready:
            self.wait_for_notify("READY=1", START_SECONDS)

    def cleanup(self):
        """Ends the child if it still runs, and removes what it left."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.notify is not None:
            self.notify.close()
        if self.own_folder is not None:
            self.own_folder.cleanup()

    def wait_for_notify(self, word, seconds):
        """Waits until the daemon has said `word`; an AssertionError if it ends or does not."""
        end = time.monotonic() + seconds
        ended = os.pidfd_open(self.process.pid)
        try:
            while True:
                self.notify.take()
                if word in self.notify.said:
                    return
                ready, _, _ = select.select([self.notify.socket, ended], [], [],
                                            max(0.0, end - time.monotonic()))
                if not ready or (ended in ready and self.notify.socket not in ready):
                    raise AssertionError(f"no {word} from the daemon (exit "
                                         f"{self.process.poll()}):\n{self.log()}{self.output()}")
        finally:
            os.close(ended)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=STOP_SECONDS):
        """The exit code; an AssertionError after the time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon did not end within {seconds} s:\n{self.log()}") \
                from None

    def stop(self, seconds=STOP_SECONDS):
        """SIGTERM and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def restart(self):
        """Starts again in the same directory with the same command, after an end of any kind."""
        self.notify.close()
        self.start()

    def endpoints(self):
        return json.loads((self.runtime_dir / "endpoints.json").read_text())

    def endpoint(self, name):
        """The first of `cmd`, `pub` or `ingest`."""
        return self.endpoints()[name][0]

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def log_lines(self):
        """The records of the log, which is JSON lines: it goes to a file here."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def output(self):
        return (self.folder / "out").read_text(errors="replace")

    def wait_for_log(self, pattern, seconds):
        """Waits for a line of the log that `pattern` finds."""
        end = time.monotonic() + seconds
        while not any(re.search(pattern, line) for line in self.log().splitlines()):
            if time.monotonic() >= end or self.process.poll() is not None:
                raise AssertionError(f"no line like {pattern} in the log:\n{self.log()}")
            time.sleep(0.02)

    def ledger(self):
        """The counters of the ledger that the daemon printed as its last word."""
        last = self.log_lines()[-1]
        assert last["msg"] == "ledger", f"the last word is no ledger:\n{self.log()}"
        return last

    def assert_ledger_balances(self):
        """The printed ledger, which must account for every message accepted."""
        ledger = self.ledger()
        told = ("handled", "running", "queued", "dropped", "dead_lettered")
        assert ledger["accepted"] == sum(ledger[name] for name in told), ledger
        assert ledger["balanced"] and ledger["running"] == ledger["queued"] == 0, ledger
        return ledger

    def rss_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
