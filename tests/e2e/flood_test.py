#!/usr/bin/env python3
"""Garbage, crowds, floods and churn: they cost others nothing, and nothing of them stays."""
import contextlib
import json
import os
import random
import signal
import socket
import sys
import time
import unittest

import zmq

from client import Admin, Clients
from daemon import SANITIZED, SLOW, Daemon, Deadline
from guard import ACTORS, PLUGINS, Bystander, plain_dealer


def address(endpoint):
    host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
    return host, int(port)


# What a DEALER says until it is let in, so that no time for handshakes ends it.
HANDSHAKE = (b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32) +
             b"\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER")
# Over connections_max, while the gate is being closed (connection_gate.cpp).
EXTRA_CONNECTIONS_MAX = 128


def open_files(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def wait_until(holds, seconds):
    """Whether it holds within that time. It is about what nobody tells: descriptors, counters."""
    deadline = Deadline(seconds)
    while not (is_so := holds()) and not deadline.is_over():
        time.sleep(0.01)  # Between two looks: the machine is the daemon's, too.
    return is_so


class FloodTest(unittest.TestCase):
    """F27, F30, F33 (scaled), T30, T36: strangers, crowds and churn cost others nothing."""

    def test_garbage_on_every_port_leaves_others_served(self):
        dice = random.Random(1)
        greeting = b"\xff" + bytes(8) + b"\x7f"
        opening = [b"", b"\xff", greeting, greeting + b"\x03\x00NULL",
                   greeting + b"\x03\x01PLAIN" + bytes(47), b"\xff" * 64, b"\x00" * 64,
                   b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]
        with Daemon(plugins=PLUGINS, config=ACTORS) as daemon, Clients(daemon) as clients:
            doors = [address(ends[0]) for ends in
                     (daemon.endpoints()[name] for name in ("cmd", "pub", "ingest"))]
            dealer = clients.dealer()
            for _ in range(200):
                with socket.create_connection(dice.choice(doors), timeout=5) as raw:
                    try:
                        raw.sendall(dice.choice(opening) + dice.randbytes(dice.randrange(200)))
                    except OSError:
                        pass  # cut while it was being said
            self.assertEqual(dealer.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])
            # Who says nothing is shown out.
            with socket.create_connection(doors[0], timeout=10 * SLOW) as silent:
                while silent.recv(256):
                    pass
            self.assertEqual(daemon.stop(), 0)
            daemon.assert_ledger_balances()

    def test_few_descriptors_hold_off_a_crowd_and_keep_who_is_inside(self):
        with Daemon(plugins=PLUGINS, config=ACTORS) as daemon:
            command = daemon.command
            self.assertEqual(daemon.stop(), 0)
            daemon.command = ["/bin/sh", "-c", 'ulimit -n 128 && exec "$@"', "sh", *command]
            daemon.restart()
            self.assertIn("fewer connections than connections_max", daemon.log())
            with Clients(daemon) as clients:
                dealer = clients.dealer()
                self.assertEqual(dealer.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])
                crowd = []
                for _ in range(120):
                    raw = socket.socket()
                    raw.setblocking(False)
                    raw.connect_ex(address(daemon.endpoint("cmd")))
                    crowd.append(raw)
                for number in range(2, 52):
                    self.assertEqual(dealer.ask(f"REQ echo id={number}", b"x")[0],
                                     f"REP {number}".encode())
                for raw in crowd:
                    raw.close()
                late = clients.dealer()
                self.assertEqual(late.ask("REQ echo id=1", b"x", seconds=20), [b"REP 1", b"x"])
            self.assertEqual(daemon.stop(), 0)

    def test_a_crowd_over_the_cap_is_held_off_and_a_bystander_does_not_notice(self):
        settings = {"/gateway/limits/connections_max": 256}
        with Daemon(plugins=PLUGINS, config=ACTORS, settings=settings) as daemon:
            with Bystander(daemon.endpoint("cmd")) as alone:
                self.assertTrue(wait_until(lambda: len(alone.times) >= 100, 20))
            before = daemon.rss_kib()
            crowd = []
            with Bystander(daemon.endpoint("cmd")) as bystander:
                self.assertTrue(wait_until(lambda: bystander.times, 20))
                for _ in range(1_000):
                    raw = socket.socket()
                    raw.setblocking(False)
                    raw.connect_ex(address(daemon.endpoint("cmd")))
                    crowd.append(raw)
                daemon.wait_for_log("no more connections are let in", 10 * SLOW)
                # What libzmq had taken in until then is cut, a moment after it is seen.
                is_cut_down = wait_until(lambda: open_files(daemon) < 256 + 256, 10)
                files = open_files(daemon)
                wait_until(lambda: len(bystander.times) >= 200 or bystander.lost, 60)
                grown = daemon.rss_kib() - before
                for raw in crowd:
                    raw.close()
                daemon.wait_for_log("connections are let in again", 20 * SLOW)
            self.assertEqual(bystander.lost, 0)
            self.assertTrue(is_cut_down, files)
            self.assertGreaterEqual(len(bystander.times), 200)
            self.assertLess(bystander.p99(), 0.05 * SLOW + 2 * alone.p99())
            if not SANITIZED:
                self.assertLess(grown, 64 * 1024)
            self.assertEqual(daemon.stop(), 0)
            daemon.assert_ledger_balances()

    def test_a_crowd_that_comes_in_before_the_gate_is_closed_is_cut_down(self):
        cap = 150
        most, crowd_size = cap + EXTRA_CONNECTIONS_MAX, 450
        settings = {"/gateway/limits/connections_max": cap}
        with Daemon(plugins=PLUGINS, config=ACTORS, settings=settings) as daemon, \
                Clients(daemon) as clients, contextlib.ExitStack() as crowd:
            first = clients.dealer()
            admin = Admin(first)
            self.assertEqual(admin.ask("stats")["gateway"]["connections"], 1)
            # All of them are with the kernel before the daemon sees any.
            daemon.signal(signal.SIGSTOP)
            inside = []
            try:
                for _ in range(crowd_size):
                    inside.append(crowd.enter_context(
                        socket.create_connection(address(daemon.endpoint("cmd")), 10 * SLOW)))
                    inside[-1].sendall(HANDSHAKE)
            finally:
                daemon.signal(signal.SIGCONT)
            deadline = Deadline(20)
            while True:
                told = admin.ask("stats")["gateway"]
                if told["cut"] >= 1 + crowd_size - most and told["connections"] <= most:
                    break
                self.assertFalse(deadline.is_over(), told)
            self.assertEqual(told["gate_closed"], 1, told)
            # The first goes on, and of the crowd as many as may stay are in.
            self.assertEqual(first.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])
            self.assertEqual((told["cut"], told["connections"]), (1 + crowd_size - most, most))
            crowd.close()
            daemon.wait_for_log("connections are let in again", 20 * SLOW)
            late = clients.dealer()
            self.assertEqual(late.ask("REQ echo id=1", b"x", seconds=20), [b"REP 1", b"x"])
            self.assertEqual(daemon.stop(), 0)
            daemon.assert_ledger_balances()

    def test_a_flood_of_subscriptions_ends_at_the_limit_and_is_gone_with_its_session(self):
        with Daemon(plugins=PLUGINS, config=ACTORS) as daemon, Clients(daemon) as clients:
            flood, other = clients.dealer(), clients.dealer()
            admin = Admin(other)
            before, count = daemon.rss_kib(), 20_000
            for first in range(1, count, 200):
                for number in range(first, first + 200):
                    flood.send(f"SUB flood/t{number} id={number}")
                taken = [flood.take()[0] for _ in range(200)]
                if first > 1000:
                    self.assertTrue(all(b" 429 subs_full " in t for t in taken), taken[0])
            self.assertEqual(admin.ask("stats")["subscriptions"], 1000)
            if not SANITIZED:
                self.assertLess(daemon.rss_kib() - before, 5 * 1024)
            flood.close()
            wait_until(lambda: admin.ask("stats")["subscriptions"] == 0, 5)
            self.assertEqual(admin.ask("stats")["subscriptions"], 0)
            self.assertEqual(daemon.stop(), 0)
            daemon.assert_ledger_balances()

    def test_thousands_of_clients_come_and_go_and_nothing_stays(self):
        cycles = int(os.environ.get("BACKSTAGED_CYCLES", "2000"))
        with Daemon(plugins=PLUGINS, config=ACTORS) as daemon:
            told = churn(daemon, cycles)
            print(json.dumps(told), file=sys.stderr)
            self.assertEqual(told["files_after"], told["files_before"])
            if not SANITIZED:
                self.assertLess(told["kib_after"] - told["kib_before"],
                                max(4096, told["kib_before"] // 10))
            self.assertEqual(daemon.stop(), 0)
            daemon.assert_ledger_balances()


def churn(daemon, cycles):
    """Clients that connect, subscribe and leave; what the daemon holds after a tenth, and after."""
    def files():
        return open_files(daemon)

    def quiet():
        # Its own connection goes last, a moment after the answer.
        with Clients(daemon) as clients:
            admin = Admin(clients.dealer())
            wait_until(lambda: admin.ask("stats")["gateway"]["connections"] <= 1, 20)
        wait_until(lambda: files() <= floor, 5)

    def run(count):
        context, waiting = zmq.Context(), []
        for number in range(count):
            dealer = plain_dealer(daemon.endpoint("cmd"))(context)
            dealer.send(f"SUB churn/t{number % 100} id=1".encode())
            waiting.append(dealer)
            if len(waiting) == 50 or number + 1 == count:
                for one in waiting:
                    assert one.poll(int(20_000 * SLOW)), "no answer"
                    assert one.recv().startswith(b"OK 1"), "refused"
                    one.close(0)
                waiting = []
        context.term()

    floor = files()
    # Pools and tables grow to what so many at once take, and stay.
    run(max(1000, cycles // 10))
    quiet()
    told = {"cycles": cycles, "files_before": files(), "kib_before": daemon.rss_kib()}
    run(cycles)
    quiet()
    return {**told, "files_after": files(), "kib_after": daemon.rss_kib()}


if __name__ == "__main__":
    unittest.main(verbosity=2)
