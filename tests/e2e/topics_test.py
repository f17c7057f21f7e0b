"""Topics and order over real sockets: exact filters, patterns, barriers, causal order."""
import unittest

import zmq

from case import DaemonCase
from client import sync

BARRIER_ROUNDS = 100
CAUSAL_ROUNDS = 500
TOPICS = ["a/1", "a/10", "a/100", "a/default", "a%2F1/x", "a%2f1/x", "a/1.2", "ab/1"]


class TopicsTest(DaemonCase):
    config = {"actors": {"counter": "counter", "probe": "probe"}}
    plugins = ["counter", "probe"]

    def publish_to_all(self, dealer):
        for number, topic in enumerate(TOPICS, 1):
            dealer.send(f"PUB {topic} id={number}", topic)
        answers = [dealer.take()[0] for _ in TOPICS]
        self.assertEqual([a.split(b" ")[0] for a in answers], [b"OK"] * len(TOPICS))

    def test_each_dealer_gets_its_own_address_and_no_longer_or_shorter_one(self):
        dealers = {topic: self.clients.dealer() for topic in TOPICS}
        for topic, dealer in dealers.items():
            self.assertEqual(dealer.ask(f"SUB {topic} id=1")[0], b"OK 1 sub=1 seq=0")
        self.publish_to_all(self.clients.dealer())
        for topic, dealer in dealers.items():
            with self.subTest(topic):
                got = dealer.drain("all")
                self.assertEqual([f[0].split(b" ")[:4] for f in got],
                                 [[b"MSG", b"1", topic.encode(), b"1"]])
                self.assertEqual(got[0][1], topic.encode())

    def test_each_sub_socket_gets_its_own_address_when_its_filter_ends_in_a_bar(self):
        subs = {topic: self.clients.sub(topic.encode() + b"|") for topic in TOPICS}
        whole = self.clients.sub(b"a/")
        dealer = self.clients.dealer()
        for number, sub in enumerate([*subs.values(), whole]):
            sync(dealer, sub, f"t{number}")
        other = self.clients.dealer()
        self.publish_to_all(other)
        for topic, sub in subs.items():
            with self.subTest(topic):
                header, body = sub.take()
                self.assertEqual(header.split(b"|")[0], topic.encode())
                self.assertEqual(body, topic.encode())
        names = [whole.take()[0].split(b"|")[0].decode() for t in TOPICS if t.startswith("a/")]
        self.assertEqual(names, [t for t in TOPICS if t.startswith("a/")])
        for sub in [*subs.values(), whole]:
            sync(dealer, sub, "end")

    def test_patterns_match_tokens(self):
        rows = {"pattern/md.*.delta": ["md.a.delta", "md.b.delta"],
                "pattern/md.>": ["md.a", "md.a.delta", "md.b.delta", "md.a.delta.x"],
                "*/md.a": ["md.a"], "pattern/*": ["md"], "pattern": []}
        dealers = {pattern: self.clients.dealer() for pattern in rows}
        for pattern, dealer in dealers.items():
            answer = dealer.ask(f"SUB {pattern} id=1")[0]
            self.assertTrue(answer.startswith(b"OK 1 sub=1"), answer)
            self.assertEqual(b"seq=" in answer, "*" not in pattern and ">" not in pattern)
        publisher = self.clients.dealer()
        for number, topic in enumerate(["md", "md.a", "md.a.delta", "md.b.delta", "md.a.delta.x",
                                        "mdx.a.delta"], 1):
            publisher.ask(f"PUB pattern/{topic} id={number}", topic)
        for pattern, topics in rows.items():
            with self.subTest(pattern):
                got = [frames[1].decode() for frames in dealers[pattern].drain("all")]
                self.assertEqual(got, topics)

    def test_overlapping_subscriptions_bring_one_msg_each_and_a_repeated_sub_none_more(self):
        dealer, publisher = self.clients.dealer(), self.clients.dealer()
        self.assertEqual(dealer.ask("SUB overlap/x id=1")[0], b"OK 1 sub=1 seq=0")
        self.assertEqual(dealer.ask("SUB overlap/* id=2")[0], b"OK 2 sub=2")
        self.assertEqual(dealer.ask("SUB overlap/x id=3 over=newest")[0], b"OK 3 sub=1 seq=0")
        self.assertEqual(publisher.ask("PUB overlap/x id=1", b"v")[0], b"OK 1 n=2 full=0")
        got = sorted(frames[0] for frames in dealer.drain("all"))
        self.assertEqual([line.split(b" ")[:4] for line in got],
                         [[b"MSG", b"1", b"overlap/x", b"1"], [b"MSG", b"2", b"overlap/x", b"1"]])

    def test_snap_brings_the_retained_value_first_and_get_reads_it(self):
        dealer = self.clients.named("keeper")
        self.assertEqual(dealer.ask("GET keeper/v id=1")[0], b"ERR 1 404 no_value")
        self.assertEqual(dealer.ask("PUB /v id=2 retain=1", b"kept")[0], b"OK 2 n=0 full=0")
        self.assertEqual(dealer.ask("PUB /v id=3", b"passing")[0], b"OK 3 n=0 full=0")
        self.assertEqual(dealer.ask("GET keeper/v id=4"), [b"VAL 4 keeper/v 1 keeper", b"kept"])
        other = self.clients.dealer()
        self.assertEqual(other.ask("SUB keeper/v id=1 snap=1")[0], b"OK 1 sub=1 seq=2")
        self.assertEqual(other.take(), [b"MSG 1 keeper/v 1 keeper snap=1", b"kept"])
        dealer.ask("PUB /v id=5 type=t", b"live")
        self.assertEqual(other.take(), [b"MSG 1 keeper/v 3 keeper type=t", b"live"])

    def test_sub_filters_of_any_length_leave_the_daemon_serving(self):
        served = self.clients.sub(b"counter/default|")
        dealer = self.clients.dealer()
        sync(dealer, served, "served")
        for number, length in enumerate((0, 1, 245, 246, 250, 255, 256, 300), 1):
            with self.subTest(length):
                # libzmq 4.3.4 itself encodes 246 to 255 wrongly, so no barrier behind these.
                sub = self.clients.sub()
                sync(dealer, sub, f"len{length}")
                sub.socket.subscribe(b"f" * length)
                sub.take_or_none(50)
                dealer.ask(f"SEND counter id={number}", b"1")
                header = served.take()[0]
                self.assertTrue(header.startswith(b"counter/default|"), header)

    def test_after_the_sync_barrier_the_first_message_is_never_lost(self):
        dealer = self.clients.dealer()
        for number in range(1, BARRIER_ROUNDS + 1):
            sub = self.clients.sub(f"barrier/{number}|".encode())
            sync(dealer, sub, f"b{number}")
            # Answers of earlier SYNC are none: they had no id.
            dealer.ask(f"PUB barrier/{number} id={number}", b"first")
            header, body = sub.take()
            self.assertEqual((header.split(b"|")[:2], body),
                             ([f"barrier/{number}".encode(), b"1"], b"first"))
            sub.close()

    def test_what_an_actor_published_before_it_replied_comes_before_the_reply(self):
        dealer = self.clients.dealer()
        dealer.ask("SUB probe/before id=1")
        for number in range(2, CAUSAL_ROUNDS + 2):
            dealer.send(f"REQ probe id={number} type=publish", b"before 10")
            answer, earlier = dealer.take_answer(number)
            self.assertEqual(answer, [f"REP {number}".encode(), b"10"])
            self.assertEqual([f[1] for f in earlier], [str(i).encode() for i in range(1, 11)])

    def test_no_message_of_a_subscription_comes_after_the_ok_of_unsub(self):
        publisher, dealer = self.clients.dealer(), self.clients.dealer()
        for round_number in range(20):
            dealer.ask(f"SUB load/x id={2 * round_number + 1}")
            for number in range(500):
                publisher.send("PUB load/x", str(number))
            dealer.take_until(lambda f: f[0].startswith(b"MSG"))
            dealer.send(f"UNSUB load/x id={2 * round_number + 2}")
            answer, _ = dealer.take_answer(2 * round_number + 2)
            self.assertTrue(answer[0].startswith(b"OK"), answer)
            publisher.drain(f"r{round_number}")
            self.assertEqual(dealer.drain(f"r{round_number}"), [])

    def test_messages_of_one_client_reach_an_actor_in_the_order_sent(self):
        dealer = self.clients.dealer()
        numbers = [str(number).encode() for number in range(2000)]
        for number in numbers:
            dealer.send(*((b"SEND probe\n" + number,) if int(number) % 2 else
                          (b"SEND probe", number)))
        dealer.send("REQ probe id=1 type=got")
        answer, _ = dealer.take_answer(1)
        got = [line.split(b" ")[3] for line in answer[1].splitlines() if line.startswith(b"send ")]
        self.assertEqual(got, numbers)


class FramesTest(DaemonCase):
    config = {"actors": {"counter": "counter"}, "gateway": {"pub": {"frames": 1}}}
    plugins = ["counter"]

    def test_pub_with_one_frame_has_header_and_payload_in_it(self):
        sub = self.clients.sub(b"counter/default|")
        dealer = self.clients.dealer()
        mark = b"$sys/sync/one|"
        sub.socket.subscribe(mark)
        while True:
            dealer.send("SYNC one")
            if sub.socket.poll(20, zmq.POLLIN):
                self.assertTrue(sub.take()[0].startswith(mark))
                break
        dealer.ask("SEND counter id=1", b"5")
        frames = sub.take_until(lambda f: f[0].startswith(b"counter"))[-1]
        self.assertEqual(len(frames), 1)
        header, body = frames[0].split(b"\n", 1)
        self.assertEqual(header.split(b"|")[:2] + [body], [b"counter/default", b"1", b"5"])


if __name__ == "__main__":
    unittest.main()
