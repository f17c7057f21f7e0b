"""BATCH both ways and WATCH, against the real daemon, with plain pyzmq sockets."""
import unittest

from case import DaemonCase
from client import Admin, pack, unpack
from daemon import Deadline

ENTRIES_MAX = 1024


class BatchTest(DaemonCase):
    config = {"actors": {"counter": "counter", "echo": "echo"},
              "gateway": {"limits": {"max_payload": 100_000}}}
    plugins = ["counter", "echo"]

    def total(self, dealer, number):
        dealer.send(f"REQ counter id={number}", b"0")
        return int(dealer.take_answer(number)[0][1])

    def test_entries_run_in_order_and_each_is_answered_as_if_sent_alone(self):
        dealer = self.clients.dealer()
        before = self.total(dealer, 8)
        dealer.send("BATCH 5 id=9", pack("SEND counter id=1\n5", "SEND nosuch id=2\n5",
                                         "send counter id=3\n5", "SEND counter\n7", "PING here"))
        answers = [dealer.take()[0] for _ in range(5)]
        self.assertEqual(answers[:3], [b"OK 1", b"ERR 2 404 no_actor", b"ERR 3 400 bad_verb"])
        self.assertTrue(answers[3].startswith(b"PONG "))
        self.assertTrue(answers[3].endswith(b" here"))
        self.assertEqual(answers[4], b"OK 9")
        self.assertEqual(self.total(dealer, 10), before + 12)

    def test_one_frame_and_two_frames_mean_the_same(self):
        dealer = self.clients.dealer()
        payload = pack("SEND counter id=1\n1", "SEND counter id=2\n1")
        for frames in ([b"BATCH 2 id=3", payload], [b"BATCH 2 id=3\n" + payload]):
            dealer.send(*frames)
            self.assertEqual([dealer.take() for _ in range(3)], [[b"OK 1"], [b"OK 2"], [b"OK 3"]])

    def test_of_a_batch_that_does_not_add_up_nothing_runs(self):
        dealer = self.clients.dealer()
        before = self.total(dealer, 1)
        good = pack("SEND counter\n1", "SEND counter\n1")
        rows = {
            "more entries than said": ("BATCH 1 id=2", good),
            "fewer entries than said": ("BATCH 3 id=2", good),
            "a message cut short": ("BATCH 2 id=2", good[:-1]),
            "a length cut short": ("BATCH 2 id=2", good + b"\0\0"),
            "bytes behind the last": ("BATCH 2 id=2", good + b"x"),
            "a length of 4 GiB": ("BATCH 2 id=2", pack("SEND counter\n1") + b"\xff\xff\xff\xffx"),
            "a batch within": ("BATCH 2 id=2", pack("SEND counter\n1", b"BATCH 1\n" + good)),
            "no payload": ("BATCH 1 id=2", b""),
            "too many": (f"BATCH {ENTRIES_MAX + 1} id=2",
                         pack(*["SEND counter\n1"] * (ENTRIES_MAX + 1))),
            "none": ("BATCH 0 id=2", b""),
        }
        for what, (line, payload) in rows.items():
            with self.subTest(what):
                answer = dealer.ask(line, payload)
                self.assertEqual(answer[0], b"ERR 2 400 bad_batch")
                self.assertGreater(len(answer[1]), 20, "text that says what to write")
        self.assertEqual(self.total(dealer, 3), before)

    def test_as_many_entries_as_may_be_are_all_answered(self):
        dealer = self.clients.dealer()
        before = self.total(dealer, 5000)
        dealer.send(f"BATCH {ENTRIES_MAX} id=4000",
                    pack(*(f"SEND counter id={n}\n1" for n in range(1, ENTRIES_MAX + 1))))
        for number in range(1, ENTRIES_MAX + 1):
            self.assertEqual(dealer.take(), [f"OK {number}".encode()])
        self.assertEqual(dealer.take(), [b"OK 4000"])
        self.assertEqual(self.total(dealer, 5001), before + ENTRIES_MAX)

    def test_each_entry_has_its_own_limit(self):
        dealer = self.clients.dealer()
        large = b"x" * 100_000
        dealer.send("BATCH 2 id=3", pack(b"SEND echo id=1\n" + large, b"REQ echo id=2\ny"))
        self.assertEqual(dealer.take_answer(3)[0], [b"OK 3"])
        dealer.send("BATCH 2 id=6", pack(b"SEND echo id=4\n" + large + b"x", b"REQ echo id=5\ny"))
        answer, before = dealer.take_answer(6)
        self.assertEqual(answer, [b"OK 6"])
        self.assertIn([b"ERR 4 413 too_large"], before)

    def test_payloads_of_any_size_arrive_byte_for_byte(self):
        dealer = self.clients.dealer()
        payloads = [b"", b"\n", b"\0" * 64, b"x" * 65, b"y" * 4095, b"z" * 4096, b"w" * 50_000]
        dealer.send(f"BATCH {len(payloads)}",
                    pack(*(f"REQ echo id={n}\n".encode() + p for n, p in enumerate(payloads, 1))))
        came = dict(dealer.take() for _ in payloads)
        self.assertEqual(came, {f"REP {n}".encode(): p for n, p in enumerate(payloads, 1)})

    def test_order_holds_with_batches_mixed_in(self):
        dealer, reader = self.clients.dealer(), self.clients.dealer()
        reader.ask("SUB load/x id=1")
        number = 0
        for round_ in range(200):
            many = round_ % 7
            if many == 0:
                dealer.send("PUB load/x", str(number))
                number += 1
                continue
            dealer.send(f"BATCH {many}", pack(*(f"PUB load/x\n{number + i}" for i in range(many))))
            number += many
        for expected in range(number):
            line, payload = reader.take()
            self.assertEqual(line.split(b" ")[3], str(expected + 1).encode())
            self.assertEqual(payload, str(expected).encode())

    def test_ingest_takes_batches(self):
        dealer, push = self.clients.dealer(), self.clients.push()
        before = self.total(dealer, 1)
        stats_before = Admin(dealer).ask("stats")["gateway"]
        push.send("BATCH 3", pack("SEND counter\n1", "REQ counter id=1\n1", "SEND counter\n2"))
        push.send("BATCH 2", pack("SEND counter\n100", "SEND counter\n100")[:-1])
        push.send("SEND counter", b"4")
        deadline, number = Deadline(10), 1
        while self.total(dealer, number := number + 1) != before + 7:
            self.assertFalse(deadline.is_over())
        stats = Admin(dealer).ask("stats")["gateway"]
        self.assertEqual(stats["ingest_refused"] - stats_before["ingest_refused"], 2)
        for reason in ("not_here", "bad_batch"):
            refused_before = stats_before["refused"].get(reason, 0)
            self.assertEqual(stats["refused"][reason] - refused_before, 1)

    def test_a_req_socket_is_told_to_be_a_dealer(self):
        req = self.clients.req()
        self.assertEqual(req.ask("BATCH 1 id=1", pack("PING"))[0], b"ERR 1 405 needs_dealer")
        self.assertTrue(req.ask("PING")[0].startswith(b"PONG "))


class PackedTest(DaemonCase):
    config = {"actors": {"echo": "echo"}}
    plugins = ["echo"]

    def test_deliveries_come_packed_and_in_order(self):
        feed = self.clients.dealer()
        for keys in ("batch=1", "batch=1 frames=1"):
            with self.subTest(keys):
                client = self.clients.dealer()
                client.ask(f"HELLO v=1 {keys}")
                client.ask("SUB load/x id=1")
                begin = int(client.ask("SUB load/x id=2")[0].rsplit(b"seq=", 1)[1])
                feed.send("BATCH 500", pack(*(f"PUB load/x\n{n}" for n in range(500))))
                following, messages = 0, 0
                while following < 500:
                    messages += 1
                    for line, payload in unpack(client.take()):
                        words = line.split(b" ")
                        self.assertEqual(words[:3], [b"MSG", b"1", b"load/x"])
                        self.assertEqual(int(words[3]), begin + following + 1)
                        self.assertEqual(payload, str(following).encode())
                        following += 1
                self.assertLess(messages, 250, "packed, not one by one")
                self.assertEqual(client.ask("PING x")[0][-2:], b" x", "one alone goes plain")

    def test_requests_and_large_payloads_are_answered_all_the_same(self):
        client = self.clients.dealer()
        client.ask("HELLO v=1 batch=1")
        sizes = [0, 1, 100, 4095, 4096, 70_000] * 10
        client.send(f"BATCH {len(sizes)} id=1000",
                    pack(*(f"REQ echo id={n}\n".encode() + b"x" * size
                           for n, size in enumerate(sizes, 1))))
        came = {}
        while len(came) < len(sizes) + 1:
            for line, *payload in unpack(client.take()):
                came[line] = payload
        for number, size in enumerate(sizes, 1):
            self.assertEqual(came[f"REP {number}".encode()], [b"x" * size])
        self.assertEqual(came[b"OK 1000"], [])


class WatchTest(DaemonCase):
    plugins = ["echo", "counter"]

    def test_each_kind_of_end_is_told_once(self):
        client, admin = self.clients.dealer(), Admin(self.clients.dealer())
        for how, reason in (("stop", "stopped"), ("drain", "drained"), ("kill", "killed")):
            with self.subTest(how):
                admin.spawn("echo", "watched")
                self.assertEqual(client.ask("WATCH watched id=1"), [b"OK 1"])
                admin.ask("stop", name="watched", how=how)
                self.assertEqual(client.take(), [f"DOWN watched {reason}".encode()])
        admin.spawn("echo", "watched")
        admin.ask("stop", name="watched")
        self.assertEqual(client.drain("once"), [])

    def test_who_is_not_there_is_down_at_once_and_unwatch_ends_a_watch(self):
        client, admin = self.clients.dealer(), Admin(self.clients.dealer())
        self.assertEqual(client.ask("WATCH nosuch id=1"), [b"OK 1"])
        self.assertEqual(client.take(), [b"DOWN nosuch no_actor"])
        admin.spawn("echo", "there")
        self.assertEqual(client.ask("WATCH there id=2"), [b"OK 2"])
        self.assertEqual(client.ask("UNWATCH there id=3"), [b"OK 3"])
        self.assertEqual(client.ask("UNWATCH there id=4"), [b"ERR 4 404 no_sub"])
        admin.ask("stop", name="there")
        self.assertEqual(client.drain("none"), [])

    def test_a_session_that_leaves_is_down(self):
        client, desk = self.clients.dealer(), self.clients.named("desk")
        self.assertEqual(client.ask("WATCH desk id=1"), [b"OK 1"])
        self.assertEqual(desk.ask("BYE"), [b"BYE 200 ok"])
        self.assertEqual(client.take(), [b"DOWN desk disconnected"])


if __name__ == "__main__":
    unittest.main()
