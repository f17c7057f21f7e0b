"""Handlers that block: told of with their stack, stood in for, left behind at the end; pinned
actors; and a watchdog that is fed only while the daemon's parts advance."""
import json
import re
import select
import signal
import socket
import subprocess
import time
import unittest
from pathlib import Path

from client import Admin, Clients
from daemon import SLOW, Daemon

FOR_EVER = b"3600000"
ABANDONED = 75
# The blocker is told of within moments; the neighbour is not what is measured.
ACTORS = {"blocker": "probe", "neighbour": "probe"}
HUNG = {"actors": ACTORS, "workers": 1, "turn_budget": "200ms", "drain_timeout": "3s"}


def lines(daemon, words):
    return [line for line in daemon.log_lines() if words in line["msg"]]


def thread_names(daemon):
    tasks = Path(f"/proc/{daemon.process.pid}/task").iterdir()
    names = []
    for task in tasks:
        try:
            names.append((task / "comm").read_text().strip())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return names


class HungTest(unittest.TestCase):
    def block(self, daemon, dealer, name="blocker"):
        self.assertEqual(dealer.ask(f"SEND {name} id=1 type=sleep", FOR_EVER), [b"OK 1"])
        daemon.wait_for_log(rf'turn over its budget.*"actor":"{name}"', 30 * SLOW)

    def test_a_blocked_handler_is_told_of_with_its_stack_and_holds_up_nobody(self):
        with Daemon(config=HUNG, plugins=["probe"]) as daemon, Clients(daemon) as clients:
            dealer = clients.dealer()
            self.block(daemon, dealer)
            told = lines(daemon, "turn over its budget")[0]
            self.assertEqual((told["level"], told["actor"], told["type"], told["doing"],
                              told["dispatcher"]), ("warn", "blocker", "probe", "send", "pool"))
            self.assertGreaterEqual(told["for_ms"], 200)
            # The plugin's own function, which it does not export.
            self.assertRegex(told["stack"], r"Probe::sleep\(.* < ")
            for number in range(2, 200):
                self.assertEqual(dealer.ask(f"REQ neighbour id={number} type=name"),
                                 [b"REP %d" % number, b"neighbour"])
            self.assertEqual(len(lines(daemon, "turn over its budget")), 1)
            self.assertIn("spare-2", thread_names(daemon))

            begin = time.monotonic()
            self.assertEqual(daemon.stop(), ABANDONED)
            self.assertLess(time.monotonic() - begin, 3 * SLOW)
            left = lines(daemon, "abandoned")
            self.assertEqual([line["actor"] for line in left], ["blocker"], daemon.log())
            self.assertEqual((left[0]["type"], left[0]["doing"]), ("probe", "send"))
            ledger = daemon.ledger()
            self.assertEqual((ledger["running"], ledger["balanced"]), (1, True))

    def test_a_handler_that_comes_back_is_told_of_and_its_spare_worker_goes(self):
        with Daemon(config=HUNG, plugins=["probe"]) as daemon, Clients(daemon) as clients:
            dealer = clients.dealer()
            self.assertEqual(dealer.ask("REQ blocker id=1 type=sleep", b"1000", seconds=30),
                             [b"REP 1", b"done"])
            daemon.wait_for_log("turn over its budget has returned", 30 * SLOW)
            names = thread_names(daemon)
            self.assertEqual(len([n for n in names if re.match("(worker|spare)-", n)]), 1, names)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(lines(daemon, "abandoned"), [])
            daemon.assert_ledger_balances()

    def test_more_hung_turns_than_spare_workers_are_an_error_in_the_log(self):
        config = {**HUNG, "spare_workers": 0}
        with Daemon(config=config, plugins=["probe"]) as daemon, Clients(daemon) as clients:
            self.block(daemon, clients.dealer())
            daemon.wait_for_log(r"short of workers.*\"able\":0,\"wanted\":1", 30 * SLOW)
            self.assertEqual(daemon.stop(), ABANDONED)
            self.assertEqual(len(lines(daemon, "short of workers")), 1)

    def test_a_budget_of_zero_is_none_and_a_type_may_have_its_own(self):
        types = {"probe": {"turn_budget": "0s"}}
        config = {**HUNG, "types": types, "actors": {**ACTORS, "e": "echo"}, "workers": 2}
        with Daemon(config=config, plugins=["probe", "echo"]) as daemon, \
             Clients(daemon) as clients:
            dealer = clients.dealer()
            self.assertEqual(dealer.ask("REQ blocker id=1 type=sleep", b"1000", seconds=30),
                             [b"REP 1", b"done"])
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual([line for line in lines(daemon, "turn over its budget")
                              if line["type"] == "probe"], [])

    def test_a_start_that_fails_does_not_wait_for_an_actor_that_hangs(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            config = {**HUNG, "actors": {"stuck": {
                "type": "probe", "config": {"init": "sleep", "argument": FOR_EVER.decode()}}}}
            port = taken.getsockname()[1]
            settings = {"/gateway/cmd/bind": [f"tcp://127.0.0.1:{port}"]}
            # On a busy machine the start may have failed before the actor's turn has come.
            abandoned = []
            for _ in range(10):
                with Daemon(config=config, plugins=["probe"], settings=settings,
                            expect_ready=False) as daemon:
                    self.assertEqual(daemon.wait(), 69)
                    abandoned += [line["actor"] for line in lines(daemon, "abandoned")]
                if abandoned:
                    break
            self.assertEqual(abandoned, ["stuck"])


class PinnedTest(unittest.TestCase):
    pinned = {**HUNG, "types": {"probe": {"dispatcher": "pinned"}}, "pinned_threads": 3,
              "spare_workers": 0}

    def test_a_pinned_actor_has_a_thread_that_bears_its_name_and_ends_with_it(self):
        with Daemon(config=self.pinned, plugins=["probe", "echo"]) as daemon, \
             Clients(daemon) as clients:
            dealer = clients.dealer()
            # The handler of a request has surely run on its thread.
            self.assertEqual(dealer.ask("REQ blocker id=1 type=name"), [b"REP 1", b"blocker"])
            self.assertIn("blocker", thread_names(daemon))
            self.assertEqual(dealer.ask("REQ blocker id=2 type=stop"), [b"REP 2", b"stopping"])
            end = time.monotonic() + 30 * SLOW
            while "blocker" in thread_names(daemon):
                self.assertLess(time.monotonic(), end)
            self.assertEqual(daemon.stop(), 0)
            daemon.assert_ledger_balances()

    def test_blocked_pinned_actors_hold_no_worker_and_are_told_of_and_left_behind(self):
        config = {**self.pinned, "actors": {**ACTORS, "e": "echo"}}
        with Daemon(config=config, plugins=["probe", "echo"]) as daemon, \
             Clients(daemon) as clients:
            dealer = clients.dealer()
            for number, name in enumerate(ACTORS, 1):
                dealer.ask(f"SEND {name} id={number} type=sleep", FOR_EVER)
                daemon.wait_for_log(rf'turn over its budget.*"actor":"{name}"', 30 * SLOW)
            self.assertEqual(dealer.ask("REQ e id=9", b"hello"), [b"REP 9", b"hello"])
            for told in lines(daemon, "turn over its budget"):
                self.assertEqual(told["dispatcher"], "pinned")
                self.assertRegex(told["stack"], r"Probe::sleep\(.* < ")
            self.assertEqual(lines(daemon, "short of workers"), [])
            begin = time.monotonic()
            self.assertEqual(daemon.stop(), ABANDONED)
            self.assertLess(time.monotonic() - begin, 3 * SLOW)
            left = [line["actor"] for line in lines(daemon, "abandoned")]
            self.assertEqual(sorted(left), sorted(ACTORS), daemon.log())
            self.assertTrue(daemon.ledger()["balanced"])

    def test_one_pinned_actor_too_many_is_refused_with_a_code(self):
        with Daemon(config=self.pinned, plugins=["probe"]) as daemon, Clients(daemon) as clients:
            dealer = clients.dealer()
            for number, name in ((1, "third"), (2, "fourth")):
                dealer.send(f"REQ $backstage id={number}",
                            json.dumps({"op": "spawn", "type": "probe", "name": name}))
            # A success is told once the actor runs.
            answers = {dealer.take()[0], dealer.take()[0]}
            self.assertEqual(answers, {b"REP 1", b"ERR 2 503 threads_full retry=1000"})
            self.assertEqual(daemon.stop(), 0)

    def test_a_pinned_actor_made_by_a_clients_message_can_be_traced_too(self):
        # The thread is made on the gateway's, which blocks every signal.
        rule = {"activate": "made:{1}", "type": "probe"}
        config = {**self.pinned, "actors": {}, "activations": [rule]}
        with Daemon(config=config, plugins=["probe"]) as daemon, Clients(daemon) as clients:
            clients.dealer().ask("SEND made:1 id=1 type=sleep", FOR_EVER)
            daemon.wait_for_log('turn over its budget.*"actor":"made:1"', 30 * SLOW)
            self.assertRegex(lines(daemon, "turn over its budget")[0]["stack"], r"Probe::sleep\(")
            self.assertEqual(daemon.stop(), ABANDONED)


class WatchdogTest(unittest.TestCase):
    def feeds(self, daemon, seconds):
        """How many feeds arrive within that time, or the first of them at once."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ready, _, _ = select.select([daemon.notify.socket], [], [], end - time.monotonic())
            if ready:
                daemon.notify.take()
            fed = daemon.notify.said.count("WATCHDOG=1")
            daemon.notify.said = [word for word in daemon.notify.said if word != "WATCHDOG=1"]
            if fed:
                return fed
        return 0

    def test_it_is_fed_while_all_advances_and_starves_with_every_worker_blocked(self):
        config = {**HUNG, "spare_workers": 0}
        environment = {"WATCHDOG_USEC": str(int(400_000 * SLOW))}
        with Daemon(config=config, plugins=["probe"], environment=environment) as daemon, \
             Clients(daemon) as clients:
            for _ in range(3):
                self.assertTrue(self.feeds(daemon, 30 * SLOW))
            dealer = clients.dealer()
            dealer.ask("SEND blocker id=1 type=sleep", FOR_EVER)
            daemon.wait_for_log(r'watchdog is not fed.*"part":"workers"', 30 * SLOW)
            daemon.notify.take()
            daemon.notify.said.clear()
            # Two whole intervals, after which the manager would have acted.
            self.assertEqual(self.feeds(daemon, 0.8 * SLOW), 0)
            stalled = [line["part"] for line in lines(daemon, "watchdog is not fed")]
            self.assertEqual(stalled.count("workers"), 1)
            self.assertNotIn("gateway", stalled)
            self.assertEqual(daemon.stop(), ABANDONED)

    def test_with_a_spare_worker_a_blocked_one_does_not_stop_the_feeding(self):
        environment = {"WATCHDOG_USEC": str(int(2_000_000 * SLOW))}
        with Daemon(config=HUNG, plugins=["probe"], environment=environment) as daemon, \
             Clients(daemon) as clients:
            clients.dealer().ask("SEND blocker id=1 type=sleep", FOR_EVER)
            daemon.wait_for_log("turn over its budget", 30 * SLOW)
            daemon.notify.take()
            daemon.notify.said.clear()
            for _ in range(3):
                self.assertTrue(self.feeds(daemon, 30 * SLOW))
            self.assertEqual(lines(daemon, "watchdog"), [])

    def test_a_daemon_that_goes_on_again_is_fed_again(self):
        config = {**HUNG, "spare_workers": 0}
        environment = {"WATCHDOG_USEC": str(int(400_000 * SLOW))}
        with Daemon(config=config, plugins=["probe"], environment=environment) as daemon, \
             Clients(daemon) as clients:
            clients.dealer().ask("SEND blocker id=1 type=sleep", str(int(1500 * SLOW)).encode())
            daemon.wait_for_log('watchdog is not fed', 30 * SLOW)
            daemon.wait_for_log('goes on again.*"part":"workers"', 60 * SLOW)
            daemon.notify.take()
            self.assertTrue(self.feeds(daemon, 30 * SLOW))
            self.assertEqual(daemon.stop(), 0)

    def test_without_a_watchdog_or_with_one_of_another_process_nothing_is_fed(self):
        for environment in ({"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"},
                            {"WATCHDOG_USEC": "soon"}):
            with self.subTest(environment), \
                 Daemon(config=HUNG, plugins=["probe"], environment=environment) as daemon:
                self.assertEqual(self.feeds(daemon, 0.5), 0)
                self.assertEqual(daemon.stop(), 0)


class UnitTest(unittest.TestCase):
    unit = Path(__file__).resolve().parent.parent.parent / "config" / "backstaged.service"

    def test_the_unit_waits_for_food_and_has_room_for_every_thread(self):
        text = self.unit.read_text()
        self.assertRegex(text, r"(?m)^WatchdogSec=30$")
        self.assertRegex(text, r"(?m)^RestartSec=\d+ms$")
        schema = json.loads((self.unit.parent / "schema.json").read_text())["properties"]
        threads = schema["spare_workers"]["default"] + schema["pinned_threads"]["default"]
        tasks = int(re.search(r"(?m)^TasksMax=(\d+)$", text).group(1))
        self.assertGreaterEqual(tasks, threads + 128)


if __name__ == "__main__":
    unittest.main()
