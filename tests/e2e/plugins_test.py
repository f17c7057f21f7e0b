"""Each example plugin through the wire, and each bad plugin file at the daemon's door."""
import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from case import DaemonCase
from client import ANSWER_SECONDS, Admin, Clients
from daemon import PLUGINS, Daemon, Deadline, plugin_dir


# One counter in each language; rustc may be missing where the tree was configured.
COUNTERS = [name for name in ("counter", "counter_c", "counter_rust")
            if (PLUGINS / f"{name}.so").exists()]


class ExamplesTest(DaemonCase):
    config = {
        "actors": {"echo": "echo", **{name: name for name in COUNTERS},
                   **{f"{name}:40": {"type": name, "config": {"start": 40}} for name in COUNTERS},
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

    def test_a_counter_of_each_language_adds_publishes_retains_and_replies(self):
        self.assertGreaterEqual(len(COUNTERS), 2)
        for name in COUNTERS:
            with self.subTest(name):
                self.check_counter(name)

    def test_an_actor_gets_its_config(self):
        for name in COUNTERS:
            with self.subTest(name):
                answer = self.clients.dealer().ask(f"REQ {name}:40 id=1", b"2")
                self.assertEqual(answer, [b"REP 1", b"42"])

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

    def refused(self, daemon):
        """Code, reason and fix of each refused file, by its name."""
        return {Path(line["file"]).name: (line["code"], line["reason"], line["fix"])
                for line in daemon.log_lines() if line["msg"] == "plugin refused"}

    def assert_refused(self, daemon, *names):
        told = self.refused(daemon)
        self.assertEqual(set(told), set(names), daemon.log())
        for name, texts in told.items():
            for text in texts:
                self.assertGreater(len(text), 3, name)
        with Clients(daemon) as clients:
            self.assertEqual(clients.req().ask(b"REQ echo\nfine"), [b"REP 0", b"fine"])
        self.assertEqual(daemon.stop(), 0)

    def write(self, name, data, mode=0o755):
        (self.plugins / name).write_bytes(data)
        (self.plugins / name).chmod(mode)

    def test_truncated_and_foreign_files_are_refused_and_the_rest_serves(self):
        names = [f"cut{at}.so" for at in range(0, len(self.counter), len(self.counter) // 40)]
        for name in names:
            self.write(name, self.counter[:int(name[3:-3])])
        self.write("text.so", b"this is no plugin\n")
        self.write("arm.so", self.counter[:18] + b"\xb7\x00" + self.counter[20:])
        self.write("open.so", self.counter, 0o777)
        (self.plugins / "counter.so").unlink()
        self.assert_refused(self.start(), *names, "text.so", "arm.so", "open.so")

    def test_a_shared_object_without_a_note_is_refused(self):
        source = self.plugins / "plain.c"
        source.write_text("int plain(void) { return 1; }\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.plugins / "plain.so", source],
                       check=True)
        source.unlink()
        self.assert_refused(self.start(), "plain.so")

    def test_a_plugin_directory_that_anybody_may_write_is_refused_whole(self):
        self.plugins.chmod(0o777)
        daemon = self.start()
        told = [line for line in daemon.log_lines() if line.get("dir") == str(self.plugins)]
        self.assertEqual([line["level"] for line in told], ["error"], daemon.log())
        self.assertTrue(told[0]["code"] and told[0]["reason"] and told[0]["fix"], told)
        with Clients(daemon) as clients:
            dealer = clients.dealer()
            self.assertEqual(Admin(dealer).ask("plugins")["plugins"], [])
            self.assertEqual(dealer.ask("REQ echo id=1", b"x")[0], b"ERR 1 404 no_actor")
        self.assertEqual(daemon.stop(), 0)

    def test_two_files_that_offer_one_type_do_not_both_load(self):
        shutil.copy(PLUGINS / "echo.so", self.plugins / "echo2.so")
        self.assert_refused(self.start(), "echo2.so")


if __name__ == "__main__":
    unittest.main()
