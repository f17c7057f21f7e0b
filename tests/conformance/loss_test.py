"""Loss and pressure: what is lost is said, windows hold, what blocks is let go, others go on."""
import json
import os
import signal
import subprocess
import sys
import time

import zmq

from case import ConformanceCase, wire, world
from peer import SLOW, Deadline

SLOW_READER = r"""
import json, sys, zmq
s = zmq.Context().socket(zmq.DEALER)
s.linger = 0
s.connect(sys.argv[1])
last = int(sys.argv[3])
s.send(b"SUB " + sys.argv[2].encode() + b" id=1")
s.recv()
print("ready", flush=True)
came, covered = [], 0
while covered < last:
    words = s.recv_multipart()[0].decode().split(" ")
    if words[0] == "MSG": covered = int(words[3]); came.append([covered, covered, "MSG"])
    if words[0] == "GAP": covered = int(words[4]); came.append([int(words[3]), covered, words[5]])
print(json.dumps(came), flush=True)
"""
BATCH = 100
PAYLOAD = b"x" * 1024
# A daemon that kept all 50,000 of a KiB would grow by more.
RSS_GROWTH_KIB_MAX = 32 * 1024


class StoppedTest(ConformanceCase):
    def stopped(self, clients, address, last):
        """A subscriber in a process of its own, stopped."""
        process = subprocess.Popen(
            [sys.executable, "-c", SLOW_READER, clients.endpoints["cmd"], address, str(last)],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(world.end, process)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        return process

    def publish_all(self, clients, name, count):
        """Publishes in batches, others read along and ping; the seconds of each PING."""
        writer, reader, pinger = clients.named(name), clients.dealer(), clients.dealer()
        reader.ask(f"SUB {name}/x id=1")
        pings = []
        for first in range(1, count + 1, BATCH):
            for number in range(first, first + BATCH):
                writer.send(f"PUB /x id={number}", PAYLOAD)
            for number in range(first, first + BATCH):
                self.assertEqual(writer.take()[0].split(b" ")[:2], [b"OK", b"%d" % number])
                self.assertEqual(reader.take()[0].split(b" ")[3], b"%d" % number)
            begin = time.monotonic()
            pinger.ask(f"PING {first}")
            pings.append(time.monotonic() - begin)
        return sorted(pings)

    def test_a_stopped_subscriber_is_told_each_number_it_missed_and_nobody_else_notices(self):
        """8.nothing-silent 8.session-bounds 8.each-seq 5.gap 4.sub-over; T16 F32"""
        daemon, clients = self.own()
        count, name = world.scaled(12_000, 50_000), self.fresh()
        process = self.stopped(clients, f"{name}/x", count)
        before = daemon.rss_kib()
        pings = self.publish_all(clients, name, count)
        growth = daemon.rss_kib() - before
        process.send_signal(signal.SIGCONT)
        came = json.loads(process.communicate(timeout=60 * SLOW)[0])
        following = 1
        for first, last, _ in came:
            self.assertEqual(first, following, "MSG and GAP leave nothing out, repeat nothing")
            following = last + 1
        self.assertEqual(following, count + 1)
        self.assertEqual({reason for _, _, reason in came}, {"MSG", "slow"})
        self.assertLess(pings[int(len(pings) * 0.99)], 0.2 * SLOW, "p99 of PING")
        if not world.SANITIZED:
            self.assertLess(growth, RSS_GROWTH_KIB_MAX)


class OverTest(ConformanceCase):
    """A reader that holds one message and reads when told to: the rest waits in the daemon."""

    COUNT = 6000

    def flood(self, over, addresses=("x",)):
        """All frames that a slow reader with this policy gets, its own mail and PING among them."""
        name, mine = self.fresh(), self.fresh("reader")
        reader = self.clients.dealer(RCVHWM=1, RCVBUF=16384)
        self.assertTrue(reader.ask(f"HELLO v=1 id=1 name={mine}")[0].startswith(b"WELCOME"))
        self.assertTrue(reader.ask(f"SUB {name}/> id=2 {over}".rstrip())[0].startswith(b"OK 2"))
        writer, other = self.clients.named(name), self.clients.dealer()
        for first in range(0, self.COUNT, BATCH):
            for number in range(first, first + BATCH):
                writer.send(f"PUB /{addresses[number % len(addresses)]} id={number + 1}", PAYLOAD)
            for number in range(first, first + BATCH):
                self.assertEqual(writer.take()[0].split(b" ")[0], b"OK")
        reader.send("PING asked")
        mail = other.ask(f"SEND {mine} id=1", b"to you alone")[0]
        if over.endswith("kick"):
            return reader.take_until(lambda f: f[0].startswith(b"BYE "), 30), mail
        taken = reader.take_until(lambda f: f[0].endswith(b" asked"), 30)
        return taken + reader.drain(30), mail

    def test_over_oldest_keeps_the_newest_and_gaps_stand_where_the_messages_were(self):
        """4.sub-over 8.gap-place 8.session-bounds 8.own-mail; T17"""
        for over in ("", "over=oldest"):
            frames, mail = self.flood(over)
            came = self.covered(frames, 1, self.COUNT)
            self.assertIn(self.COUNT, came, "the newest came")
            self.assertLess(len(came), self.COUNT)
            self.assertRegex(mail, rb"^(OK 1|ERR 1 429 mailbox_full( retry=\d+)?)$")
            mine = sum(f[0].startswith(b"MSG 0 ") for f in frames)
            self.assertEqual(mine, int(mail == b"OK 1"), "accepted mail is never dropped")

    def test_over_newest_keeps_the_oldest_and_the_gap_is_behind(self):
        """4.sub-over; T17"""
        frames, _ = self.flood("over=newest")
        came = self.covered(frames, 1, self.COUNT)
        self.assertLess(len(came), self.COUNT)
        self.assertEqual(came[:1000], list(range(1, 1001)), "what waited first stays")

    def test_over_conflate_keeps_the_newest_of_each_address(self):
        """4.sub-over 8.gap-one-address; T17"""
        frames, _ = self.flood("over=conflate", ("x", "y", "z"))
        for at, topic in enumerate(("x", "y", "z")):
            lines = [f for f in frames if f"/{topic} ".encode() in f[0]]
            last = len(range(at, self.COUNT, 3))
            self.assertIn(last, self.covered(lines, 1, last), "the newest value came")
        reasons = {f[0].split(b" ")[5] for f in frames if f[0].startswith(b"GAP")}
        self.assertEqual(reasons, {b"conflate"})

    def test_over_kick_ends_the_session_and_says_why(self):
        """4.sub-over 5.bye 6.slow_consumer 7.name-free; T17"""
        frames, _ = self.flood("over=kick")
        self.assertEqual(frames[-1][0], b"BYE 429 slow_consumer")
        came = self.messages(frames)
        self.assertEqual([seq for seq, _ in came], list(range(1, len(came) + 1)))

    def test_answers_survive_when_the_mailbox_is_full(self):
        """8.answers-never-dropped; T19"""
        name = self.fresh()
        reader, writer = self.clients.dealer(RCVHWM=1, RCVBUF=16384), self.clients.named(name)
        reader.ask(f"SUB {name}/x id=1")
        for number in range(self.COUNT):
            writer.send("PUB /x", PAYLOAD)
        writer.drain()
        wanted = {b"OK 2", b"ERR 3", b"REP 4", b"VAL 5", b"OK 6"}
        writer.ask("PUB /kept id=1 retain=1", b"v")
        reader.send("SEND echo id=2", b"x")
        reader.send(f"SEND {self.fresh()} id=3", b"x")
        reader.send("REQ echo id=4 ttl=60000", b"x")
        reader.send(f"GET {name}/kept id=5")
        reader.send("PING last")
        reader.send("SYNC last id=6")
        taken, got, pong = [], set(), False
        while got != wanted or not pong:
            taken.append(reader.take())
            words = taken[-1][0].split(b" ")
            pong = pong or words[0] == b"PONG"
            if words[0] in (b"OK", b"ERR", b"REP", b"VAL"):
                got.add(b" ".join(words[:2]))
        self.covered(taken + reader.drain(30), 1, self.COUNT)


class BudgetTest(ConformanceCase):
    def test_over_the_budget_of_all_the_one_who_has_most_loses_its_oldest(self):
        """8.budget 5.gap; T16"""
        size, count = 64 * 1024, 400
        _, clients = self.own(config={"gateway": {"limits": {
            "queue_bytes": 64 << 20, "out_bytes_total": 8 << 20}}})
        name = self.fresh()
        reader, writer = clients.dealer(RCVHWM=1, RCVBUF=16384), clients.named(name)
        light = clients.dealer(RCVHWM=1, RCVBUF=16384)
        reader.ask(f"SUB {name}/x id=1 over=newest")
        light.ask(f"SUB {name}/light id=1")
        for number in range(1, count + 1):
            self.assertEqual(writer.ask(f"PUB /x id={2 * number}", b"x" * size)[0][:2], b"OK")
            writer.ask(f"PUB /light id={2 * number + 1}", b"v")
        frames = reader.drain(30)
        came = self.covered(frames, 1, count)
        self.assertIn(count, came, "the newest came, whatever over= says")
        self.assertIn(b"shed", {f[0].split(b" ")[5] for f in frames if f[0].startswith(b"GAP")})
        self.assertEqual(self.covered(light.drain(30), 1, count), list(range(1, count + 1)))


class IngestPressureTest(ConformanceCase):
    BODY = b"x" * 16384

    def test_push_blocks_while_its_target_is_full_and_nothing_is_lost_after(self):
        """9.ingest-full 1.ingest; T20"""
        _, clients = self.own()
        dealer, push = clients.dealer(), clients.push()
        self.assertEqual(dealer.ask("SEND probe id=1 type=sleep", b"%d" % int(1500 * SLOW)),
                         [b"OK 1"])
        sent, deadline = 0, Deadline(20)
        while push.socket.poll(200, zmq.POLLOUT):
            self.assertFalse(deadline.is_over(), f"PUSH never blocked in {sent} messages")
            try:
                push.socket.send_multipart([b"SEND probe type=name", self.BODY], zmq.DONTWAIT)
                sent += 1
            except zmq.Again:
                continue
        answer = dealer.ask("SEND probe id=2 type=name", b"")
        self.assertTrue(answer[0].startswith(b"ERR 2 429 mailbox_full"), answer)
        self.assertEqual(dealer.ask("REQ echo id=3", b"cmd serves"), [b"REP 3", b"cmd serves"])
        number, count, deadline = 10, -1, Deadline(60)
        while count != sent + 1:
            self.assertFalse(deadline.is_over(), f"{count} of {sent + 1} were handled")
            number += 1
            dealer.send(f"REQ probe id={number} type=count ttl=10000")
            answer, _ = dealer.take_answer(number, 12)
            if answer[0].startswith(b"REP"):
                count = int(wire.keys(answer[1])["send"])
                self.assertLessEqual(count, sent + 1)
