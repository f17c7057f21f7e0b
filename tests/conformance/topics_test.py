"""Addresses, patterns, filters and the barrier, on `cmd` and on `pub`."""
import select
import subprocess
import sys

from case import ConformanceCase, wire, world
from peer import Deadline, sync

# Below a name of the test's own: {n}. A longer, a shorter, an encoded one beside each.
TOPICS = ["1", "10", "100", "default", "1.2", "a%2F1", "a%2f1", "1:x"]
SUBSCRIBER = """
import sys, zmq
s = zmq.Context().socket(zmq.SUB)
s.connect(sys.argv[1])
s.subscribe(sys.argv[2].encode())
s.subscribe(sys.argv[3].encode())
s.recv()
print("set", flush=True)
while True: s.recv()
"""


class AddressTest(ConformanceCase):
    def publish_all(self, name):
        dealer = self.clients.dealer()
        for number, topic in enumerate(TOPICS, 1):
            self.assertEqual(dealer.ask(f"PUB {name}/{topic} id={number}", topic)[0][:2], b"OK")

    def test_each_dealer_gets_its_own_address_and_no_longer_or_shorter_one(self):
        """4.sub 5.msg 8.seq 3.encoded; T10"""
        name = self.fresh()
        dealers = {topic: self.clients.dealer() for topic in TOPICS}
        for topic, dealer in dealers.items():
            self.assertEqual(dealer.ask(f"SUB {name}/{topic} id=1"), [b"OK 1 sub=1 seq=0"])
        self.publish_all(name)
        for topic, dealer in dealers.items():
            with self.subTest(topic):
                got = dealer.drain()
                self.assertEqual([f[0].split(b" ")[:4] for f in got],
                                 [f"MSG 1 {name}/{topic} 1".encode().split(b" ")])
                self.assertEqual(got[0][1], topic.encode())

    def test_each_sub_socket_gets_its_own_address_when_its_filter_ends_in_a_bar(self):
        """9.filter-exact 9.filter-actor 9.header 9.frames 1.pub; T10"""
        name = self.fresh()
        subs = {topic: self.clients.sub(f"{name}/{topic}|".encode()) for topic in TOPICS}
        whole = self.clients.sub(f"{name}/".encode())
        dealer, told = self.clients.hello()
        for number, sub in enumerate([*subs.values(), whole]):
            sync(dealer, sub, f"{name}.{number}")
        self.publish_all(name)
        for topic, sub in subs.items():
            with self.subTest(topic):
                header, body = sub.take()
                address, seq, epoch, sender = header.decode().split("|")
                self.assertEqual((address, seq, epoch), (f"{name}/{topic}", "1", told["epoch"]))
                self.assertRegex(sender, f"^{wire.NAME}$")
                self.assertEqual(body, topic.encode())
        names = [whole.take()[0].split(b"|")[0].decode() for _ in TOPICS]
        self.assertEqual(names, [f"{name}/{topic}" for topic in TOPICS])
        for number, sub in enumerate([*subs.values(), whole]):
            sync(dealer, sub, f"{name}.end.{number}")

    def test_patterns_match_whole_tokens(self):
        """3.pattern-tokens 4.sub-pattern 5.ok; T10"""
        name = self.fresh()
        rows = {f"{name}/md.*.delta": ["md.a.delta", "md.b.delta"],
                f"{name}/md.>": ["md.a", "md.a.delta", "md.b.delta", "md.a.delta.x"],
                f"*/{name}.x": [], f"{name}/*": ["md"], name: [],
                f"{name}/>": ["md", "md.a", "md.a.delta", "md.b.delta", "md.a.delta.x",
                              "mdx.a.delta"]}
        dealers = {pattern: self.clients.dealer() for pattern in rows}
        for pattern, dealer in dealers.items():
            answer = dealer.ask(f"SUB {pattern} id=1")[0]
            self.assertRegex(answer, rb"^OK 1 sub=1( seq=0)?$")
            self.assertEqual(b"seq=" in answer, "*" not in pattern and ">" not in pattern)
        publisher = self.clients.dealer()
        for number, topic in enumerate(rows[f"{name}/>"], 1):
            publisher.ask(f"PUB {name}/{topic} id={number}", topic)
        for pattern, topics in rows.items():
            with self.subTest(pattern):
                got = [frames[1].decode() for frames in dealers[pattern].drain()]
                self.assertEqual(got, topics)

    def test_a_star_for_the_actor_matches_every_publisher(self):
        """3.pattern-tokens"""
        topic = self.fresh()
        reader, writers = self.clients.dealer(), [self.fresh(), self.fresh()]
        reader.ask(f"SUB */{topic} id=1")
        for writer in writers:
            self.clients.named(writer).ask(f"PUB /{topic} id=1", b"v")
        self.assertEqual([f[0].decode() for f in reader.drain()],
                         [f"MSG 1 {writer}/{topic} 1 {writer}" for writer in writers])

    def test_overlapping_subscriptions_bring_one_msg_each_and_a_repeated_sub_none_more(self):
        """4.sub-once 4.sub-overlap 4.unsub"""
        name = self.fresh()
        dealer, publisher = self.clients.dealer(), self.clients.dealer()
        self.assertEqual(dealer.ask(f"SUB {name}/x id=1"), [b"OK 1 sub=1 seq=0"])
        self.assertEqual(dealer.ask(f"SUB {name}/* id=2"), [b"OK 2 sub=2"])
        self.assertEqual(dealer.ask(f"SUB {name}/x id=3 over=newest"), [b"OK 3 sub=1 seq=0"])
        self.assertEqual(publisher.ask(f"PUB {name}/x id=1", b"v")[0], b"OK 1 n=2 full=0")
        got = sorted(frames[0].split(b" ")[:4] for frames in dealer.drain())
        self.assertEqual(got, [f"MSG {n} {name}/x 1".encode().split(b" ") for n in (1, 2)])
        self.assertEqual(dealer.ask(f"UNSUB {name}/y id=4"), [b"ERR 4 404 no_sub"])
        self.assertEqual(dealer.ask(f"UNSUB {name}/x id=5"), [b"OK 5"])
        self.assertEqual(dealer.ask(f"UNSUB {name}/x id=6"), [b"ERR 6 404 no_sub"])
        self.assertEqual(publisher.ask(f"PUB {name}/x id=2", b"w")[0], b"OK 2 n=1 full=0")

    def test_the_number_in_ok_is_the_last_and_higher_ones_follow(self):
        """4.sub-ok 8.ok-before-msg 8.each-seq"""
        name = self.fresh()
        publisher, reader = self.clients.named(name), self.clients.dealer()
        for number in range(1, 6):
            publisher.ask(f"PUB /x id={number}", str(number))
        self.assertEqual(reader.ask(f"SUB {name}/x id=1"), [b"OK 1 sub=1 seq=5"])
        for number in range(6, 30):
            publisher.ask(f"PUB /x id={number}", str(number))
        self.assertEqual(self.messages(reader.drain()),
                         [(n, str(n).encode()) for n in range(6, 30)])


class PubTest(ConformanceCase):
    def subscriber(self, subscription):
        """A process with a SUB socket whose filter stands."""
        token, dealer = self.fresh(), self.clients.dealer()
        process = subprocess.Popen(
            [sys.executable, "-c", SUBSCRIBER, self.clients.endpoints["pub"], subscription,
             f"$sys/sync/{token}|"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(world.end, process)
        deadline = Deadline()
        while not select.select([process.stdout], [], [], 0.02)[0]:
            dealer.send(f"SYNC {token}")
            self.assertFalse(deadline.is_over(), "the filter did not arrive")
        self.assertEqual(process.stdout.readline(), "set\n")
        return process

    def test_sub_filters_of_any_length_leave_the_daemon_serving(self):
        """9.filter-exact; T11 F31"""
        served, dealer = self.clients.sub(b"counter/default|"), self.clients.dealer()
        sync(dealer, served, self.fresh())
        for number, length in enumerate((0, 1, 200, 245, 246, 250, 255, 256, 300, 1000), 1):
            with self.subTest(length):
                sub = self.clients.sub()
                sync(dealer, sub, self.fresh())
                sub.socket.subscribe(b"f" * length)
                dealer.ask(f"SEND counter id={number}", b"1")
                header = served.take()[0]
                self.assertTrue(header.startswith(b"counter/default|"), header)
                sub.close()

    def test_the_actor_sees_one_first_and_one_last_interest(self):
        """9.filter-exact; T12"""
        watcher, topic = self.clients.dealer(), self.fresh()
        watcher.ask("SUB probe/seen id=1")
        watcher.send("REQ probe id=2 type=watch", topic)
        self.assertTrue(watcher.take_answer(2)[0][0].startswith(b"REP 2"))
        processes = [self.subscriber(f"probe/{topic}|")]
        self.assertEqual(watcher.take()[1], f"probe/{topic} 1".encode())
        processes += [self.subscriber(f"probe/{topic}|") for _ in range(2)]
        for process in processes[:2]:
            process.kill()
        self.assertIsNone(watcher.take_or_none(100))
        processes[2].kill()
        self.assertEqual(watcher.take()[1], f"probe/{topic} 0".encode())
        self.assertIsNone(watcher.take_or_none(50))

    def test_after_the_sync_barrier_the_first_message_is_never_lost(self):
        """9.sync 9.slow-joiner 4.sync; T12b"""
        dealer, name = self.clients.dealer(), self.fresh()
        for number in range(1, world.scaled(60, 1000) + 1):
            sub = self.clients.sub(f"{name}/{number}|".encode())
            sync(dealer, sub, f"{name}.{number}")
            dealer.ask(f"PUB {name}/{number} id={number}", b"first")
            header, body = sub.take()
            self.assertEqual((header.split(b"|")[:2], body),
                             ([f"{name}/{number}".encode(), b"1"], b"first"))
            sub.close()

    def test_a_sync_publishes_its_token_and_answers(self):
        """4.sync 9.header"""
        dealer, told = self.clients.hello()
        token = self.fresh()
        sub = self.clients.sub()
        sync(dealer, sub, self.fresh())
        sub.socket.subscribe(f"$sys/sync/{token}|")
        sync(dealer, sub, self.fresh())
        self.assertEqual(dealer.ask(f"SYNC {token} id=3"), [b"OK 3"])
        frames = sub.take_until(lambda f: f[0].startswith(f"$sys/sync/{token}|".encode()))[-1]
        self.assertEqual(frames[0].decode(), f"$sys/sync/{token}|0|{told['epoch']}|backstaged")

    def test_the_tick_comes_once_a_second_with_rising_numbers(self):
        """9.tick"""
        told = self.clients.hello()[1]
        sub = self.clients.sub(b"$sys/tick|")
        ticks = [sub.take()[0].decode().split("|") for _ in range(2)]
        self.assertEqual(int(ticks[1][1]), int(ticks[0][1]) + 1)
        self.assertEqual(ticks[0][2:], [told["epoch"], "backstaged"])

    def test_pub_and_cmd_count_alike(self):
        """8.seq 9.header"""
        name = self.fresh()
        writer, dealer = self.clients.named(name), self.clients.dealer()
        sub = self.clients.sub(f"{name}/x|".encode())
        sync(dealer, sub, self.fresh())
        dealer.ask(f"SUB {name}/x id=1")
        for number in range(1, 50):
            writer.ask(f"PUB /x id={number}", str(number))
        on_cmd = self.messages(dealer.drain())
        on_pub = [sub.take_until(lambda f: f[0].startswith(name.encode()))[-1] for _ in range(49)]
        self.assertEqual([(int(f[0].split(b"|")[1]), f[1]) for f in on_pub], on_cmd)


class IngestTest(ConformanceCase):
    def test_ingest_names_its_source_and_may_not_take_anothers(self):
        """9.ingest 9.ingest-silent 9.ingest-from 9.ingest-agree 1.ingest; T31"""
        name, meter = self.fresh(), self.fresh("meter")
        holder, push = self.clients.named(name), self.clients.push()
        holder.ask(f"SUB {meter}/level id=1")
        push.send(f"PUB {meter}/level type=reading id=7", b"41")
        self.assertEqual(holder.take(), [f"MSG 1 {meter}/level 1 {meter} type=reading".encode(),
                                         b"41"])
        push.send(f"PUB /level from={meter}", b"42")
        self.assertEqual(holder.take(), [f"MSG 1 {meter}/level 2 {meter}".encode(), b"42"])
        push.send(f"SEND {name} from={meter}", b"43")
        self.assertEqual(holder.take(), [f"MSG 0 {name} 0 {meter}".encode(), b"43"])
        push.send(f"SEND {name}\n44")
        self.assertEqual(holder.take(), [f"MSG 0 {name} 0 $ingest".encode(), b"44"])
        for line in (f"PUB {meter}/level from=other", "PUB echo/x", f"SEND {name} from={name}",
                     f"PUB {name}/x", f"PUB {meter}/level from=echo", "nonsense", "PUB /level",
                     f"SEND {self.fresh()}", "PING 1", f"SUB {meter}/level"):
            push.send(line, b"refused")
        push.send(f"PUB {meter}/level", b"45")
        self.assertEqual(holder.take(), [f"MSG 1 {meter}/level 3 {meter}".encode(), b"45"])
