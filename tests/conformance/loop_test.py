"""Under load and over time: no lost edge, no starved peer, no signal that hurts, no growth."""
import os
import signal
import threading
import time

import zmq

from case import ConformanceCase, world
from peer import SLOW, Clients

# Blocks of this many connects or values between two looks at the memory.
BLOCK = 500


class LoopTest(ConformanceCase):
    def test_no_reply_is_late_while_timers_chatter(self):
        """4.req; T32"""
        dealer, chatty = self.clients.dealer(), self.clients.dealer()
        timers = []
        for number in range(1, 4):
            answer = chatty.ask(f"REQ probe id={number} type=every", b"1")
            self.assertEqual(answer[0], f"REP {number}".encode())
            timers.append(answer[1])
        slowest, number, end = 0.0, 0, time.monotonic() + world.scaled(2, 60)
        while time.monotonic() < end:
            number += 1
            begin = time.monotonic()
            self.assertEqual(dealer.ask(f"REQ echo id={number}", b"x"),
                             [f"REP {number}".encode(), b"x"])
            slowest = max(slowest, time.monotonic() - begin)
        for timer in timers:
            number += 1
            chatty.ask(f"REQ probe id={number} type=cancel", timer)
        self.assertLess(slowest, 1.0 * SLOW)

    def flood(self, stop, sent, endpoints, kind):
        """Sends without a pause until told to stop; its socket is its own thread's."""
        clients = Clients(endpoints)
        try:
            socket = clients.connect(*kind).socket
            while not stop.is_set():
                if socket.poll(10, zmq.POLLOUT):
                    socket.send_multipart([b"SEND echo", b"x" * 64])
                    sent[kind[1]] = sent.get(kind[1], 0) + 1
        finally:
            clients.close()

    def test_pings_are_answered_while_floods_run(self):
        """8.commands-in-order; T33 F37"""
        _, clients = self.own()
        stop, sent = threading.Event(), {}
        floods = [threading.Thread(target=self.flood, args=(stop, sent, clients.endpoints, kind))
                  for kind in ((zmq.PUSH, "ingest"), (zmq.DEALER, "cmd"))]
        pinger, pings = clients.dealer(), []
        pinger.ask("PING")
        for thread in floods:
            thread.start()
        try:
            for number in range(world.scaled(300, 5000)):
                begin = time.monotonic()
                pinger.ask(f"PING {number}")
                pings.append(time.monotonic() - begin)
        finally:
            stop.set()
            for thread in floods:
                thread.join()
        self.assertEqual(set(sent), {"ingest", "cmd"})
        pings.sort()
        # 20 ms is the mark of a machine that has a CPU for each side; these share two.
        self.assertLess(pings[int(len(pings) * 0.99)], 0.1 * SLOW)

    def test_a_storm_of_signals_does_not_disturb(self):
        """T34"""
        daemon, clients = self.own()
        self.assert_serves(clients)
        # What ends a process by default is not for this; of the others only a stop interrupts the
        # system calls that threads wait in, be there a handler or not.
        dealer, number, end = clients.dealer(), 0, time.monotonic() + world.scaled(1, 10)
        while time.monotonic() < end:
            number += 1
            for one in (signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGSTOP,
                        signal.SIGCONT):
                os.kill(daemon.process.pid, one)
            self.assertEqual(dealer.ask(f"REQ echo id={number}", b"x")[1:], [b"x"])
        self.assertGreater(number, 100)
        self.assertEqual(daemon.stop(), 0)

    def test_sigterm_under_load_ends_in_time(self):
        """7.stopping; T35"""
        daemon, clients = self.own(ipc=True)
        stop, sent = threading.Event(), {}
        flood = threading.Thread(target=self.flood,
                                 args=(stop, sent, clients.endpoints, (zmq.DEALER, "cmd")))
        peer = clients.named("told")
        flood.start()
        try:
            self.assertTrue(world.eventually(lambda: sent.get("cmd", 0) > 500))
            begin = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - begin, 2 * SLOW + 10 * (SLOW > 1))
        finally:
            stop.set()
            flood.join()
        self.assertEqual(peer.take_until(lambda f: f[0].startswith(b"BYE"))[-1],
                         [b"BYE 503 stopping"])
        self.assertEqual(list(daemon.run.glob("*.sock")), [])


class GrowthTest(ConformanceCase):
    def test_memory_and_descriptors_are_flat_after_many_connects(self):
        """7.ends 7.name-free; T36 F34"""
        daemon, clients = self.own(ipc=True)
        total = world.scaled(1500, 20_000)
        marks, fds = [], []
        for cycle in range(1, total + 1):
            peer = clients.connect(zmq.DEALER, "cmd")
            peer.ask(f"SUB load/{cycle % 7} id=1")
            peer.close()
            clients.peers.pop()
            if cycle % BLOCK == 0:
                bystander = clients.dealer()
                self.assertTrue(world.eventually(lambda: self.sessions(bystander) <= 2))
                bystander.close()
                # libzmq closes them behind its back, some time after they are gone.
                world.eventually(lambda: not fds or daemon.descriptors() <= fds[0] + 8)
                marks.append(daemon.rss_kib())
                fds.append(daemon.descriptors())
        self.assertLessEqual(max(fds), fds[0] + 8)
        if not world.SANITIZED:
            self.assertLess(marks[-1] - marks[0], 20 * 1024, marks)

    def sessions(self, dealer):
        """How many connections' subscriptions there still are: those a PUB matches."""
        answer = dealer.ask(f"PUB load/0 id={time.monotonic_ns()}", b"")[0]
        return int(answer.split(b"n=")[1].split(b" ")[0])

    def test_memory_of_retained_values_is_theirs_and_no_more(self):
        """4.pub-retain; T36"""
        daemon, clients = self.own()
        dealer, count = clients.named("keeper"), world.scaled(4000, 20_000)
        dealer.ask("PUB /warm id=1 retain=1", b"x")
        before = daemon.rss_kib()
        for first in range(0, count, BLOCK):
            for number in range(first, first + BLOCK):
                dealer.send(f"PUB /v.{number} retain=1", b"x" * 64)
            dealer.drain()
        growth = daemon.rss_kib() - before
        dealer.send(f"GET keeper/v.{count - 1} id=2")
        self.assertEqual(dealer.take_answer(2)[0][1], b"x" * 64)
        if not world.SANITIZED:
            self.assertLess(growth, 20 * 1024 * count / 20_000 + 4096)
