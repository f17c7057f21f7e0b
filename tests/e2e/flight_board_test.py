"""The flight board on real data: every airport's numbers equal those computed from the file."""
import json
import subprocess
import sys
import unittest
from pathlib import Path

from client import Admin, Clients
from daemon import ROOT, SLOW, Daemon

FILE = ROOT / "tests/data/flights-20k.csv"
DEPARTURES = 20_000
LAST = 20


def computed_from_the_file(limit=None):
    """What each airport's board must be, straight from the lines."""
    boards = {}
    lines = FILE.read_text().splitlines()[1:]
    for line in lines[:limit]:
        _, origin, _, delay, _ = line.split(",")
        boards.setdefault(origin, []).append(int(delay))
    return {origin: {"origin": origin, "count": len(delays), "sum": sum(delays),
                     "worst": max(delays), "last": delays[-LAST:]}
            for origin, delays in boards.items()}


def script(name, daemon, *arguments):
    return [sys.executable, str(ROOT / "scripts" / name), "--endpoints",
            str(daemon.runtime_dir / "endpoints.json"), "--wait", str(30 * SLOW), *arguments]


def run_script(name, daemon, *arguments):
    return subprocess.run(script(name, daemon, *arguments), capture_output=True, text=True,
                          timeout=240 * SLOW, check=False)


class FlightBoardTest(unittest.TestCase):
    maxDiff = None

    def start(self, config="config/flightboard.json"):
        daemon = Daemon(config=None if config is None else ROOT / config, plugins=["airport"])
        return self.enterContext(daemon)

    def test_all_departures_arrive_and_every_airport_counts_them_right(self):
        daemon = self.start()
        board = subprocess.Popen(script("board.py", daemon, "--once", "--format", "json"),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, board)
        feed = run_script("feed.py", daemon)
        self.assertEqual(feed.returncode, 0, feed.stderr)
        self.assertRegex(feed.stdout,
                         r"^feed: sent=20000 acknowledged=20000 retried=0 overtaken=0 ")
        out, err = board.communicate(timeout=120 * SLOW)
        self.assertEqual(board.returncode, 0, err)

        expected = computed_from_the_file()
        self.assertEqual((len(expected), sum(b["count"] for b in expected.values())),
                         (220, DEPARTURES))
        shown = json.loads(out)
        self.assertEqual((shown["total"], shown["lost"]), (DEPARTURES, 0))
        self.assertEqual({row["origin"]: row for row in shown["airports"]}, expected)

        with Clients(daemon) as clients:
            dealer = clients.dealer()
            for number, (origin, numbers) in enumerate(sorted(expected.items()), 1):
                answer = dealer.ask(f"REQ airport:{origin} id={number} type=board")
                self.assertEqual(json.loads(answer[1]), numbers)
            listed = Admin(dealer).ask("actors")["actors"]
            airports = {a["name"]: a["ledger"] for a in listed if a["type"] == "airport"}
            self.assertEqual(set(airports), {f"airport:{origin}" for origin in expected})
            for origin, numbers in expected.items():
                # Its departures and the question above; nothing dropped, dead or refused.
                self.assertEqual(airports[f"airport:{origin}"]["handled"], numbers["count"] + 1)
        self.assertEqual(daemon.stop(), 0)
        daemon.assert_ledger_balances()

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def test_a_board_that_comes_late_shows_the_same_from_retained_values(self):
        daemon = self.start()
        self.assertEqual(run_script("feed.py", daemon, "--limit", "500").returncode, 0)
        board = run_script("board.py", daemon, "--once", "500", "--format", "json")
        self.assertEqual(board.returncode, 0, board.stderr)
        rows = {row["origin"]: row for row in json.loads(board.stdout)["airports"]}
        self.assertEqual(rows, computed_from_the_file(500))
        text = run_script("board.py", daemon, "--once", "500")
        self.assertIn("500 departures of", text.stdout)
        self.assertEqual(daemon.stop(), 0)

    def test_feed_at_a_rate_takes_its_time(self):
        daemon = self.start()
        feed = run_script("feed.py", daemon, "--limit", "101", "--rate", "200")
        self.assertEqual(feed.returncode, 0, feed.stderr)
        self.assertGreaterEqual(float(feed.stdout.rsplit("seconds=", 1)[1]), 0.5)
        self.assertEqual(daemon.stop(), 0)

    def test_feed_says_that_nobody_listens(self):
        daemon = self.start(config=None)
        feed = run_script("feed.py", daemon)
        self.assertEqual(feed.returncode, 1)
        for word in ("line 2 reached nobody", "where:", "why:", "flightboard.json"):
            self.assertIn(word, feed.stderr)

    def test_a_second_feed_is_told_that_the_name_is_taken(self):
        daemon = self.start()
        with Clients(daemon) as clients:
            clients.named("feed")
            feed = run_script("feed.py", daemon)
        self.assertEqual(feed.returncode, 1)
        self.assertIn("name_in_use", feed.stderr)
        self.assertIn("next:", feed.stderr)

    def test_feed_and_board_say_what_to_do_when_the_daemon_is_not_there(self):
        for name in ("feed.py", "board.py"):
            with self.subTest(name):
                answer = subprocess.run(
                    [sys.executable, ROOT / "scripts" / name, "--endpoints", "nowhere.json"],
                    capture_output=True, text=True, timeout=30 * SLOW, check=False)
                self.assertEqual(answer.returncode, 69)
                for word in ("error:", "where:", "nowhere.json", "next:"):
                    self.assertIn(word, answer.stderr)

    def test_feed_and_board_end_with_the_daemon(self):
        daemon = self.start()
        feed = subprocess.Popen(script("feed.py", daemon, "--rate", "100"), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        board = subprocess.Popen(script("board.py", daemon), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, feed)
        self.addCleanup(self.end, board)
        self.assertIn("origin", board.stdout.readline())
        self.assertNotEqual(board.stdout.readline(), "", "a first departure is shown")
        self.assertEqual(daemon.stop(), 0)
        _, said = feed.communicate(timeout=30 * SLOW)
        self.assertEqual(feed.returncode, 1)
        self.assertIn("the daemon is stopping", said)
        _, said = board.communicate(timeout=30 * SLOW)
        self.assertEqual((board.returncode, said), (0, ""))
        daemon.assert_ledger_balances()

    def test_feed_names_the_line_that_is_no_departure(self):
        daemon = self.start()
        path = Path(daemon.folder) / "bad.csv"
        path.write_text("departure,origin,destination,delay_min,distance_miles\n"
                        "2001/01/01 00:47,DTW,LAS,66,1750\n2001/01/01 00:47,DTW,LAS,late,1750\n")
        feed = run_script("feed.py", daemon, "--file", str(path))
        self.assertEqual(feed.returncode, 65)
        self.assertIn(f"{path}:3", feed.stderr)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
