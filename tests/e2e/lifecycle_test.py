"""Start, reload and end of the real process: signals, deadlines, the ledger, an unforgeable log."""
import json
import os
import signal
import time
import unittest

from client import Clients
from daemon import SLOW, Daemon

QUEUED = 10_000
# Unanswered commands of one client: the daemon ends sessions that send and do not read.
WINDOW = 200
PROBE = {"actors": {"probe": "probe"}}


def queue_up(clients, line, payload, count):
    """Sends `count` commands with ids and waits until all of them are accepted."""
    dealer = clients.dealer()
    for first in range(1, count + 1, WINDOW):
        numbers = range(first, min(first + WINDOW, count + 1))
        for number in numbers:
            dealer.send(f"{line} id={number}", payload)
        for number in numbers:
            answer = dealer.take()[0]
            assert answer == b"OK %d" % number, answer


class OneCoreTest(unittest.TestCase):
    """With a single core workers are woken at the end of the gateway's burst, and never spin."""

    def test_every_request_is_answered(self):
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        self.addCleanup(os.sched_setaffinity, 0, cores)
        with Daemon(config=PROBE, plugins=["probe"]) as daemon, Clients(daemon) as clients:
            os.sched_setaffinity(0, cores)
            dealers = [clients.dealer() for _ in range(3)]
            for number in range(1, 301):
                for dealer in dealers:
                    dealer.send(f"REQ probe id={number} type=name", b"")
                if number % 100 == 0:
                    for dealer in dealers:
                        answers = {dealer.take()[0] for _ in range(100)}
                        self.assertEqual(answers, {b"REP %d" % n
                                                   for n in range(number - 99, number + 1)})
            self.assertEqual(daemon.stop(), 0)
            daemon.assert_ledger_balances()


class EndTest(unittest.TestCase):
    def test_sigterm_with_ten_thousand_queued_handles_them_all(self):
        with Daemon(config=PROBE, plugins=["probe"]) as daemon, Clients(daemon) as clients:
            dealer = clients.dealer()
            dealer.ask("SEND probe id=1 type=sleep", b"1000")
            queue_up(clients, "SEND probe type=name", b"", QUEUED)
            begin = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - begin, 10 * SLOW)
            ledger = daemon.assert_ledger_balances()
            self.assertGreaterEqual(ledger["handled"], QUEUED + 1)
            self.assertEqual(ledger["dead_lettered"], 0)

    def test_sigterm_with_ten_thousand_at_a_slow_actor_ends_within_ten_seconds(self):
        with Daemon(config=PROBE, plugins=["probe"]) as daemon, Clients(daemon) as clients:
            queue_up(clients, "SEND probe type=sleep", b"5", QUEUED)
            begin = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - begin, 10 * SLOW)
            ledger = daemon.assert_ledger_balances()
            self.assertGreater(ledger["dead_lettered"], 0)
            self.assertGreaterEqual(ledger["handled"] + ledger["dead_lettered"], QUEUED)

    def test_a_second_sigterm_does_not_wait_for_the_queue(self):
        with Daemon(config={**PROBE, "drain_timeout": "60s"}, plugins=["probe"]) as daemon, \
             Clients(daemon) as clients:
            queue_up(clients, "SEND probe type=sleep", b"20", 2000)
            daemon.signal(signal.SIGTERM)
            daemon.wait_for_notify("STOPPING=1", 10 * SLOW)
            begin = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - begin, 5 * SLOW)
            self.assertGreater(daemon.assert_ledger_balances()["dead_lettered"], 0)

    def test_an_idle_daemon_ends_within_two_seconds_of_sigterm_or_sigint(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Daemon(config=PROBE, plugins=["probe"]) as daemon:
                begin = time.monotonic()
                daemon.signal(number)
                self.assertEqual(daemon.wait(), 0)
                self.assertLess(time.monotonic() - begin, 2 * SLOW)
                daemon.notify.take()
                self.assertIn("STOPPING=1", daemon.notify.said)

    def test_while_draining_new_work_is_503_and_queued_work_is_answered(self):
        with Daemon(config=PROBE, plugins=["probe"]) as daemon, Clients(daemon) as clients:
            dealer = clients.dealer()
            dealer.ask("SEND probe id=1 type=sleep", b"1000")
            dealer.send("REQ probe id=2 type=name")
            dealer.drain("queued")
            daemon.signal(signal.SIGTERM)
            dealer.take_until(lambda f: f[0].startswith(b"DRAINING "))
            self.assertEqual(dealer.ask("SEND probe id=3", b"x")[0],
                             b"ERR 3 503 stopping retry=1000")
            lines = dealer.take_until(lambda f: f[0].startswith(b"BYE"))
            self.assertIn([b"REP 2", b"probe"], lines)
            self.assertEqual(lines[-1], [b"BYE 503 stopping"])
            self.assertEqual(daemon.wait(), 0)

    def test_after_kill_9_a_restart_in_the_same_place_serves_within_two_seconds(self):
        ipc = {f"/gateway/{name}/bind": [f"ipc://{{runtime_dir}}/{name}.sock"]
               for name in ("cmd", "pub", "ingest")}
        with Daemon(config=PROBE, plugins=["probe"], settings=ipc) as daemon:
            with Clients(daemon) as clients:
                queue_up(clients, "SEND probe type=sleep", b"5", 1000)
                daemon.signal(signal.SIGKILL)
                self.assertEqual(daemon.wait(), -signal.SIGKILL)
            begin = time.monotonic()
            daemon.restart()
            with Clients(daemon) as clients:
                peer = clients.dealer()
                self.assertEqual(peer.ask("REQ probe id=1 type=name"), [b"REP 1", b"probe"])
                self.assertLess(time.monotonic() - begin, 2 * SLOW)
            self.assertEqual(daemon.stop(), 0)


class ReloadTest(unittest.TestCase):
    def rewrite(self, daemon, text):
        (daemon.folder / "config.json").write_text(text)
        daemon.signal(signal.SIGHUP)

    def test_sighup_applies_what_is_live_and_keeps_the_old_when_the_new_is_bad(self):
        config = {**PROBE, "log": {"level": "error"}}
        with Daemon(config=config, plugins=["probe"]) as daemon, Clients(daemon) as clients:
            self.assertEqual([line for line in daemon.log_lines() if line["level"] == "info"], [])
            self.rewrite(daemon, json.dumps({**PROBE, "log": {"level": "info"}}))
            daemon.wait_for_log(r'"level":"info".*reload', 10 * SLOW)

            self.rewrite(daemon, '{"actors": {"probe": "probe"},\n "log": {"level": "inof"}}')
            daemon.wait_for_log(r"config\.json:2:\d+", 10 * SLOW)
            self.assertIn("CFG-205", daemon.log())
            peer = clients.dealer()
            self.assertEqual(peer.ask("REQ probe id=1 type=name"), [b"REP 1", b"probe"])

            self.rewrite(daemon, json.dumps({**PROBE, "log": {"level": "info"}, "workers": 7}))
            daemon.wait_for_log(r"/workers.*restart|restart.*/workers", 10 * SLOW)
            self.assertEqual(peer.ask("REQ probe id=2 type=name"), [b"REP 2", b"probe"])
            self.assertEqual(daemon.stop(), 0)


class LogTest(unittest.TestCase):
    forged = '\n{"level":"error","msg":"forged"}\r\n\x1b[31mforged\x1b[0m\x07\u202e'

    def log_of_hostile_texts(self, form):
        settings = {"/log/format": form, "/log/level": "trace"}
        with Daemon(config=PROBE, plugins=["probe"], settings=settings) as daemon, \
             Clients(daemon) as clients:
            peer = clients.dealer()
            answer = peer.ask(b"HELLO v=1 id=1 name=a" + self.forged.encode(), b"")
            self.assertTrue(answer[0].startswith(b"ERR "), answer)
            peer.ask("REQ probe id=2 type=fail", self.forged)
            peer.ask("REQ probe id=3 type=throw", self.forged)
            peer.ask("REQ $backstage id=4", json.dumps({"op": "spawn", "type": self.forged,
                                                        "name": self.forged}))
            self.assertEqual(daemon.stop(), 0)
            return daemon.log()

    def assert_clean(self, log):
        self.assertIn("forged", log, "the texts were logged")
        self.assertEqual([char for char in log if ord(char) < 32 and char != "\n"], [])
        self.assertNotIn("\u202e", log)

    def test_no_text_from_outside_can_forge_a_json_line(self):
        log = self.log_of_hostile_texts("json")
        self.assert_clean(log)
        for line in log.splitlines():
            record = json.loads(line)
            self.assertNotEqual(record.get("msg"), "forged")

    def test_no_text_from_outside_can_forge_a_text_line(self):
        log = self.log_of_hostile_texts("text")
        self.assert_clean(log)
        for line in log.splitlines():
            self.assertFalse(line.startswith(("forged", "{")), line)


if __name__ == "__main__":
    unittest.main()
