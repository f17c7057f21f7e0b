"""Slow receivers: what is lost is said, what blocks is let go again, and nobody else notices."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

import zmq

from case import DaemonCase
from client import ANSWER_SECONDS, Admin, pack, unpack
from daemon import ROOT, SANITIZED, SLOW, Deadline

PUBLISHED = 50_000
PAYLOAD = b"x" * 1024
BATCH = 100
# 50,000 KiB were published; a daemon that kept them all would grow by more than this.
RSS_GROWTH_KIB_MAX = 32 * 1024


class SlowSubscriberTest(DaemonCase):
    config = {"actors": {"echo": "echo"}}
    plugins = ["echo"]

    def subscriber(self, address, last):
        """A stopped process that has subscribed."""
        process = subprocess.Popen(
            [sys.executable, ROOT / "tests/support/slow_subscriber.py",
             self.daemon.endpoint("cmd"), address, str(last)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        process.stdout.close()

    def publish_all(self, publisher, reader, pinger):
        """Publishes in batches; the other subscriber reads along; the slowest PING in seconds."""
        slowest = 0.0
        for first in range(1, PUBLISHED + 1, BATCH):
            for number in range(first, first + BATCH):
                publisher.send(f"PUB load/x id={number}", PAYLOAD)
            for number in range(first, first + BATCH):
                answer = publisher.take()[0]
                self.assertEqual(answer.split(b" ")[:2], [b"OK", str(number).encode()])
                message = reader.take()[0]
                self.assertEqual(message.split(b" ")[:4],
                                 [b"MSG", b"1", b"load/x", str(number).encode()])
            begin = time.monotonic()
            pinger.ask(f"PING {first}")
            slowest = max(slowest, time.monotonic() - begin)
        return slowest

    def test_a_stopped_subscriber_is_told_each_number_it_missed_and_nobody_else_notices(self):
        process = self.subscriber("load/x", PUBLISHED)
        publisher, reader, pinger = (self.clients.dealer() for _ in range(3))
        reader.ask("SUB load/x id=1")
        before_kib = self.daemon.rss_kib()
        slowest = self.publish_all(publisher, reader, pinger)
        growth_kib = self.daemon.rss_kib() - before_kib
        process.send_signal(signal.SIGCONT)
        said = json.loads(process.communicate(timeout=30 * SLOW)[0])

        self.assertEqual(said["begin"], 0)
        following = 1
        for first, last, _ in said["came"]:
            self.assertEqual(first, following, "MSG and GAP leave nothing out and repeat nothing")
            self.assertGreaterEqual(last, first)
            following = last + 1
        self.assertEqual(following, PUBLISHED + 1)
        reasons = {reason for _, _, reason in said["came"]}
        self.assertEqual(reasons, {"MSG", "slow"}, "some came, some were too many")
        self.assertLess(slowest, 1.0 * SLOW)
        if not SANITIZED:
            self.assertLess(growth_kib, RSS_GROWTH_KIB_MAX)


class SheddingTest(DaemonCase):
    """All clients together may have little waiting, and one of them does not read."""
    budget = 4 * 1024 * 1024
    config = {"gateway": {"limits": {"queue_msgs": 100_000, "queue_bytes": 1024 * 1024 * 1024,
                                     "out_bytes_total": budget}}}
    plugins = []
    # Libzmq's own part of a batching client: 256 messages of up to 64 KiB, and what the kernel has.
    libzmq_kib_max = 24 * 1024

    def subscriber(self, last, keys):
        process = subprocess.Popen(
            [sys.executable, ROOT / "tests/support/slow_subscriber.py",
             self.daemon.endpoint("cmd"), self.address, str(last), *keys],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(SlowSubscriberTest.end, process)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        return process

    def publish_all(self, publisher, reader):
        """In batches both ways; the other subscriber, which batches too, gets each of them."""
        following = 1
        for first in range(1, PUBLISHED + 1, BATCH):
            publisher.send(f"BATCH {BATCH} id={first}",
                           pack(*([b"PUB " + self.address.encode() + b"\n" + PAYLOAD] * BATCH)))
            self.assertEqual(publisher.take()[0], f"OK {first}".encode())
            while following < first + BATCH:
                for line, payload in unpack(reader.take()):
                    self.assertEqual(line.split(b" ")[:4],
                                     [b"MSG", b"1", self.address.encode(),
                                      str(following).encode()])
                    self.assertEqual(payload, PAYLOAD)
                    following += 1

    def check(self, keys):
        self.address = "load/" + self._testMethodName
        admin = Admin(self.clients.dealer())
        shed_before = admin.ask("stats")["gateway"]["dropped"]["shed"]
        process = self.subscriber(PUBLISHED, keys)
        publisher, reader = self.clients.dealer(), self.clients.dealer()
        reader.ask("HELLO v=1 batch=1")
        reader.ask(f"SUB {self.address} id=1")
        before_kib = self.daemon.rss_kib()
        self.publish_all(publisher, reader)
        growth_kib = self.daemon.rss_kib() - before_kib
        stats = admin.ask("stats")["gateway"]
        process.send_signal(signal.SIGCONT)
        said = json.loads(process.communicate(timeout=30 * SLOW)[0])

        following = 1
        missed = 0
        for first, last, reason in said["came"]:
            self.assertEqual(first, following, "MSG and GAP leave nothing out and repeat nothing")
            self.assertGreaterEqual(last, first)
            self.assertIn(reason, ("MSG", "shed"))
            missed += 0 if reason == "MSG" else last - first + 1
            following = last + 1
        self.assertEqual(following, PUBLISHED + 1)
        self.assertGreater(missed, PUBLISHED // 4)
        self.assertEqual(stats["dropped"]["shed"] - shed_before, missed)
        self.assertLessEqual(stats["waiting_bytes"], self.budget)
        self.assertGreater(stats["sheds"], 0)
        if not SANITIZED:
            self.assertLess(growth_kib, self.budget // 1024 + self.libzmq_kib_max)

    def test_who_has_most_waiting_loses_its_oldest_and_is_told_each_number(self):
        self.check([])

    def test_a_batching_subscriber_is_told_as_much(self):
        self.check(["batch=1"])


class BlockedIngestTest(DaemonCase):
    config = {"actors": {"stuck": "probe", "echo": "echo"},
              "types": {"probe": {"mailbox": {"messages": 100}}}}
    plugins = ["probe", "echo"]
    body = b"x" * 16384

    def fill(self, push):
        """Sends until the socket has blocked for a while; how many went in."""
        sent = 0
        deadline = Deadline(20)
        while push.socket.poll(300, zmq.POLLOUT):
            self.assertFalse(deadline.is_over(), f"PUSH never blocked in {sent} messages")
            try:
                push.socket.send_multipart([b"SEND stuck type=name", self.body], zmq.DONTWAIT)
                sent += 1
            except zmq.Again:
                continue
        return sent

    def test_push_blocks_while_its_target_is_full_and_nothing_is_lost_after(self):
        dealer, push = self.clients.dealer(), self.clients.push()
        stuck_ms = str(int(3000 * SLOW))
        self.assertEqual(dealer.ask("SEND stuck id=1 type=sleep", stuck_ms)[0], b"OK 1")
        sent = self.fill(push)
        self.assertGreater(sent, 100)
        answer = dealer.ask("SEND stuck id=2 type=name", b"")
        self.assertTrue(answer[0].startswith(b"ERR 2 429 mailbox_full"), answer)
        self.assertEqual(dealer.ask("REQ echo id=3", b"cmd serves"), [b"REP 3", b"cmd serves"])

        deadline = Deadline(150)
        number, count = 10, -1
        while count != sent + 1:
            self.assertFalse(deadline.is_over(), f"{count} of {sent + 1} messages were handled")
            number += 1
            dealer.send(f"REQ stuck id={number} type=count ttl={int(ANSWER_SECONDS * 1000 * SLOW)}")
            answer, _ = dealer.take_answer(number, ANSWER_SECONDS + 1)
            if answer[0].startswith(b"REP"):
                count = int(answer[1].split(b" ")[0].removeprefix(b"send="))
                self.assertLessEqual(count, sent + 1)
        # Both ways in are open again.
        push.send("SEND stuck type=name", b"")
        self.assertTrue(dealer.ask("SEND stuck id=5000 type=name")[0].startswith(b"OK 5000"))


if __name__ == "__main__":
    unittest.main()
