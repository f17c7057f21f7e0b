"""Each example plugin through the wire, and each bad plugin file at the daemon's door."""
import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from case import DaemonCase
from client import ANSWER_SECONDS
from daemon import PLUGINS, Daemon, Deadline, plugin_dir


class ExamplesTest(DaemonCase):
    config = {
        "actors": {"echo": "echo", "counter": "counter", "counter_c": "counter_c",
                   "from:40": {"type": "counter", "config": {"start": 40}},
                   "ticker": {"type": "ticker", "config": {"period_ms": 20}},
                   "airport:ATL": "airport"},
    }

    def test_echo_replies_type_and_body(self):
        dealer = self.clients.dealer()
        answer = dealer.ask("REQ echo id=1 type=note", b"a\nb")
        self.assertEqual(answer, [b"REP 1 type=note", b"a\nb"])
        self.assertEqual(dealer.ask("REQ echo id=2", b""), [b"REP 2", b""])

    def check_counter(self, name):
        dealer = self.clients.dealer()
        dealer.ask(f"SUB {name} id=1")
        dealer.send(f"REQ {name} id=2", b"5")
        answer, earlier = dealer.take_answer(2)
        self.assertEqual(answer, [b"REP 2", b"5"])
        self.assertEqual(earlier, [[f"MSG 1 {name}/default 1 {name}".encode(), b"5"]])
        dealer.send(f"SEND {name}", b"-7")
        self.assertEqual(dealer.take()[1], b"-2")
        dealer.send(f"REQ {name} id=3", b"five")
        self.assertRegex(dealer.take()[0], rb"^ERR 3 \d+ \w+$")
        self.assertEqual(dealer.ask(f"GET {name}/default id=4"),
                         [f"VAL 4 {name}/default 2 {name}".encode(), b"-2"])

    def test_counter_adds_publishes_retains_and_replies(self):
        self.check_counter("counter")

    def test_the_counter_in_c_does_the_same(self):
        self.check_counter("counter_c")

    def test_an_actor_gets_its_config(self):
        self.assertEqual(self.clients.dealer().ask("REQ from:40 id=1", b"2"), [b"REP 1", b"42"])

    def test_ticker_counts_up_without_a_gap(self):
        dealer = self.clients.dealer()
        begin = int(dealer.ask("SUB ticker id=1")[0].rsplit(b"=", 1)[1])
        for number in range(begin + 1, begin + 6):
            self.assertEqual(dealer.take(), [f"MSG 1 ticker/default {number} ticker".encode(),
                                             str(number).encode()])

    def test_airport_counts_departures_and_refuses_what_is_none(self):
        dealer = self.clients.dealer()
        dealer.ask("REQ airport:ATL id=1", b"2001/01/01 01:39,ATL,PHX,4,256")
        answer = dealer.ask("REQ airport:ATL id=2", b"2001/01/01 02:39,ATL,LAX,-9,256")
        expected = {"origin": "ATL", "count": 2, "sum": -5, "worst": 4, "last": [4, -9]}
        self.assertEqual(json.loads(answer[1]), expected)
        for bad in (b"", b"2001/01/01 01:39,ATL,PHX,4", b"2001/01/01 01:39,DFW,PHX,4,256",
                    b"2001/01/01 01:39,ATL,PHX,four,256"):
            with self.subTest(bad):
                self.assertTrue(dealer.ask("REQ airport:ATL id=3", bad)[0].startswith(b"ERR 3 "))
        self.assertEqual(json.loads(dealer.ask("REQ airport:ATL id=4 type=board")[1]), expected)


class CrashyTest(DaemonCase):
    config = {"actors": {"crashy": "crashy", "doomed": "crashy", "echo": "echo"},
              "types": {"crashy": {"supervision": {"backoff_min": "1ms", "backoff_max": "5ms"}}}}
    plugins = ["crashy", "echo"]

    def test_a_failure_is_contained_and_the_actor_comes_back_new(self):
        dealer = self.clients.dealer()
        self.assertEqual(dealer.ask("REQ crashy id=1", b"hi"), [b"REP 1", b"alive 1"])
        self.assertEqual(dealer.ask("REQ crashy id=2 type=throw")[0], b"ERR 2 500 actor_failed")
        self.assertEqual(dealer.ask("REQ crashy id=3", b"hi"), [b"REP 3", b"alive 1"])
        self.assertEqual(dealer.ask("REQ crashy id=4 type=fail")[0], b"ERR 4 500 actor_failed")
        self.assertEqual(dealer.ask("REQ crashy id=5", b"hi"), [b"REP 5", b"alive 1"])
        self.assertEqual(dealer.ask("REQ echo id=6", b"fine"), [b"REP 6", b"fine"])
        self.assertIn("crashy was told to throw", self.daemon.log())

    def test_the_fourth_failure_in_ten_seconds_parks_it(self):
        dealer = self.clients.dealer()
        for number in range(1, 5):
            answer = dealer.ask(f"REQ doomed id={number} type=throw")
            self.assertEqual(answer[0], f"ERR {number} 500 actor_failed".encode())
        deadline = Deadline(ANSWER_SECONDS)
        number, answer = 10, b""
        while not answer.startswith(b"ERR %d 503 parked" % number):
            self.assertFalse(deadline.is_over(), answer)
            number += 1
            answer = dealer.ask(f"SEND doomed id={number}", b"x")[0]
        self.assertEqual(dealer.ask("REQ echo id=100", b"fine"), [b"REP 100", b"fine"])
        self.assertIn("parked", self.daemon.log())


class BadPluginsTest(unittest.TestCase):
    """A file that is refused is named with a code and a reason; the others are loaded."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.plugins = plugin_dir(Path(folder.name) / "plugins", ["echo", "counter"])
        self.counter = (self.plugins / "counter.so").read_bytes()

    def start(self):
        daemon = Daemon(config={"actors": {"echo": "echo"}}, plugins=self.plugins)
        return self.enterContext(daemon)

    def assert_refused(self, daemon, name):
        lines = [line for line in daemon.log().splitlines() if name in line]
        self.assertTrue(any("PLG-" in line or "refused" in line for line in lines), daemon.log())
        self.assertEqual(daemon.stop(), 0)

    def write(self, name, data, mode=0o755):
        (self.plugins / name).write_bytes(data)
        (self.plugins / name).chmod(mode)

    def test_truncated_and_foreign_files_are_refused_and_the_rest_serves(self):
        step = max(1, len(self.counter) // 40)
        for at in range(0, len(self.counter), step):
            self.write(f"cut{at}.so", self.counter[:at])
        self.write("text.so", b"this is no plugin\n")
        self.write("arm.so", self.counter[:18] + b"\xb7\x00" + self.counter[20:])
        self.write("open.so", self.counter, 0o777)
        (self.plugins / "counter.so").unlink()
        daemon = self.start()
        for name in ("cut0.so", "text.so", "arm.so", "open.so"):
            with self.subTest(name):
                self.assertTrue(any(name in line for line in daemon.log().splitlines()),
                                daemon.log())
        self.assert_refused(daemon, "text.so")

    def test_a_shared_object_without_a_note_is_refused(self):
        source = self.plugins / "plain.c"
        source.write_text("int plain(void) { return 1; }\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.plugins / "plain.so", source],
                       check=True)
        source.unlink()
        self.assert_refused(self.start(), "plain.so")

    def test_a_plugin_directory_that_anybody_may_write_is_refused_with_77(self):
        self.plugins.chmod(0o777)
        with Daemon(plugins=self.plugins, expect_ready=False) as daemon:
            self.assertEqual(daemon.wait(), 77, daemon.log())
            self.assertIn(str(self.plugins), daemon.log())

    def test_two_files_that_offer_one_type_do_not_both_load(self):
        shutil.copy(PLUGINS / "echo.so", self.plugins / "echo2.so")
        self.assert_refused(self.start(), "echo2.so")


if __name__ == "__main__":
    unittest.main()
