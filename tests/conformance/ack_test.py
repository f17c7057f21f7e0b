"""ACK, windows and delivery at least once: what is in flight, what is covered, what comes again."""
from case import ConformanceCase

MIB = 1 << 20


class WindowTest(ConformanceCase):
    def opened(self, rest, window=8, count=30):
        """A reader with that SUB, and a publisher of `count` messages on its address."""
        name = self.fresh()
        writer, reader = self.clients.named(name), self.clients.dealer()
        self.assertTrue(reader.ask(f"SUB {name}/x id=1 window={window} {rest}".rstrip())[0]
                        .startswith(b"OK 1 sub=1"))
        for number in range(1, count + 1):
            writer.send("PUB /x", str(number))
        writer.drain()
        return name, writer, reader

    def test_never_more_than_the_window_is_unacknowledged(self):
        """4.window 4.ack 4.ack-cumulative; T18"""
        for rest in ("ack=1", ""):
            _, _, reader = self.opened(rest)
            seen = 0
            for upto in (8, 16, 24, 30):
                for seq in range(seen + 1, upto + 1):
                    self.assertEqual(reader.take()[1], b"%d" % seq)
                seen = upto
                self.assert_usable(reader, f"{upto}")
                self.assertIsNone(reader.take_or_none(30), "the window is shut")
                reader.send(f"ACK 1 {upto}")
            self.assertEqual(reader.drain(), [])

    def test_a_part_acknowledged_opens_as_much_of_the_window(self):
        """4.ack-cumulative; T18"""
        _, _, reader = self.opened("ack=1")
        for seq in range(1, 9):
            reader.take()
        reader.send("ACK 1 3")
        self.assertEqual([reader.take()[1] for _ in range(3)], [b"9", b"10", b"11"])
        self.assertIsNone(reader.take_or_none(30))
        reader.send("ACK 1 2")
        self.assertIsNone(reader.take_or_none(30), "what was acknowledged once is not again")

    def test_a_shut_window_holds_up_nothing_else(self):
        """4.window; T18"""
        name, writer, reader = self.opened("ack=1")
        reader.ask(f"SUB {name}/other id=2")
        while reader.take_or_none(100):
            pass
        writer.ask("PUB /other id=100", b"free")
        self.assertEqual(reader.take()[0], f"MSG 2 {name}/other 1 {name}".encode())
        self.assertEqual(reader.ask("REQ echo id=3", b"x"), [b"REP 3", b"x"])

    def test_an_ack_of_no_subscription_is_told(self):
        """4.ack-unknown 4.ack-nothing-new 6.no_sub"""
        dealer = self.clients.dealer()
        self.assertEqual(dealer.ask("ACK 5 1"), [b"ERR 0 404 no_sub"])
        self.assertEqual(dealer.ask("ACK 5 1 id=18"), [b"ERR 18 404 no_sub"])
        dealer.ask(f"SUB {self.fresh()}/x id=1")
        self.assertEqual(dealer.ask("ACK 1 0")[0], b"ERR 0 400 bad_arg")
        # Nothing new is covered, and what the subscription never brought is not either.
        dealer.send("ACK 1 7")
        self.assert_usable(dealer)

    def test_what_a_shut_window_drops_is_in_a_gap(self):
        """4.window 4.ack-gap 8.nothing-silent 8.gap-place; T18"""
        _, _, reader = self.opened("over=oldest", window=2, count=3000)
        frames, acknowledged = [], 0
        while acknowledged < 3000:
            frames.append(reader.take())
            words = frames[-1][0].split(b" ")
            acknowledged = int(words[3] if words[0] == b"MSG" else words[4])
            if words[0] == b"MSG":
                reader.send(f"ACK 1 {acknowledged}")
        came = self.covered(frames, 1, 3000)
        self.assertEqual(came[:2], [1, 2])
        self.assertLess(len(came), 1100)
        self.assertGreater(len(came), 900, "a session holds 1000")

    def test_a_pattern_is_acknowledged_in_the_order_delivered(self):
        """4.ack-cumulative; T18"""
        name = self.fresh()
        writer, reader = self.clients.named(name), self.clients.dealer()
        reader.ask(f"SUB {name}/> id=1 window=4 ack=1")
        topics = ["a", "b", "a", "b", "c", "a"]
        for number, topic in enumerate(topics, 1):
            writer.ask(f"PUB /{topic} id={number}", topic)
        first = [reader.take() for _ in range(4)]
        self.assertEqual([f[0].split(b" ")[3] for f in first], [b"1", b"1", b"2", b"2"])
        self.assertIsNone(reader.take_or_none(30))
        reader.send("ACK 1 1")  # Up to the last one that has this number: b 1.
        self.assertEqual([reader.take()[1] for _ in range(2)], [b"c", b"a"])
        self.assertEqual(reader.drain(), [])

    def test_an_ack_with_an_address_covers_that_address_alone(self):
        """4.ack-address 4.ack-nothing-new"""
        name = self.fresh()
        writer = self.clients.named(name)
        reader, told = self.clients.hello("ttl=60")
        reader.ask(f"SUB {name}/> id=1 window=4 ack=1")
        for number, topic in enumerate(["a", "b", "b", "a", "c", "c", "b", "a"], 1):
            writer.ask(f"PUB /{topic} id={number}", b"%d" % number)
        self.assertEqual([reader.take()[1] for _ in range(4)], [b"1", b"2", b"3", b"4"])
        self.assertIsNone(reader.take_or_none(30))
        reader.send(f"ACK 1 1 {name}/nobody")
        self.assertIsNone(reader.take_or_none(30), "nothing of that address was delivered")
        reader.send(f"ACK 1 1 {name}/b")  # Neither a 1 before it nor b 2 behind it.
        self.assertEqual(reader.take()[1], b"5")
        self.assertIsNone(reader.take_or_none(30))
        reader.send(f"ACK 1 1 {name}/b")
        self.assertIsNone(reader.take_or_none(30), "what was acknowledged once is not again")
        reader.send(f"ACK 1 9 {name}/a")  # A number that a has not: all its lower ones.
        self.assertEqual([reader.take()[1] for _ in range(2)], [b"6", b"7"])
        self.assertIsNone(reader.take_or_none(30))
        for address in (f"{name}/*", "/b", f"{name}/b..b"):
            self.assertEqual(reader.ask(f"ACK 1 2 {address} id=2")[0], b"ERR 2 400 bad_addr")
        self.assertEqual(reader.ask(f"ACK 9 1 {name}/a id=3"), [b"ERR 3 404 no_sub"])
        reader.close()
        again = self.clients.dealer()
        again.ask(f"HELLO v=1 id=4 resume={told['session']} ttl=60")
        came = again.drain()
        # b 2, c 1, c 2 and b 3 were in flight, and a 3 waited.
        self.assertEqual([f[1] for f in came], [b"3", b"5", b"6", b"7"])
        self.assertTrue(all(f[0].endswith(b" redelivered=1") for f in came), came)

    def test_unsub_gives_up_what_a_shut_window_keeps_back_and_says_so(self):
        """8.unsub-gap 4.unsub"""
        name, _, reader = self.opened("ack=1", window=3, count=10)
        for _ in range(3):
            reader.take()
        reader.send(f"UNSUB {name}/x id=2")
        answer, before = reader.take_answer(2)
        self.assertEqual(answer, [b"OK 2"])
        self.assertEqual(len(before), 1)
        self.assertRegex(before[0][0].decode(), rf"^GAP 1 {name}/x 4 10 \w+$")

    def test_without_another_a_window_of_ack_is_that_of_welcome(self):
        """4.ack-defaults 5.welcome"""
        name = self.fresh()
        writer = self.clients.named(name)
        reader, told = self.clients.hello()
        window = int(told["window"])
        self.assertGreater(window, 0)
        reader.ask(f"SUB {name}/x id=2 ack=1")
        for number in range(1, window + 11):
            writer.send("PUB /x", b"")
        writer.drain()
        self.assertEqual(len(reader.drain()), window)
        reader.send(f"ACK 1 {window}")
        self.assertEqual(len(reader.drain()), 10)

    def test_with_ack_a_session_that_is_too_slow_is_ended_and_not_robbed(self):
        """4.ack-defaults 6.slow_consumer; T17"""
        name = self.fresh()
        writer, reader = self.clients.named(name), self.clients.dealer()
        reader.ask(f"SUB {name}/x id=1 window=10 ack=1")
        for _ in range(3000):
            writer.send("PUB /x", b"")
        frames = reader.take_until(lambda f: f[0].startswith(b"BYE "))
        self.assertEqual(frames[-1], [b"BYE 429 slow_consumer"])
        self.assertEqual([seq for seq, _ in self.messages(frames)], list(range(1, 11)))

    def test_large_messages_shut_a_window_early(self):
        """4.ack-bytes"""
        name = self.fresh()
        writer, (reader, _) = self.clients.named(name), self.clients.hello("ttl=60")
        reader.ask(f"SUB {name}/x id=1 ack=1 over=oldest")
        for number in range(1, 13):
            writer.ask(f"PUB /x id={number}", b"x" * MIB)
        seen = 0
        while reader.take_or_none(300):
            seen += 1
        self.assertIn(seen, range(6, 9), "8 MiB of a MiB each, and what they cost beside")
        reader.send(f"ACK 1 {seen}")
        rest = [reader.take() for _ in range(4)]
        self.assertEqual([f[0].split(b" ")[3] for f in rest],
                         [b"%d" % n for n in range(seen + 1, seen + 5)])

    def test_what_is_acknowledged_does_not_come_again_and_the_rest_does(self):
        """8.at-least-once 8.resume-again 4.ack; T21"""
        name = self.fresh()
        writer = self.clients.named(name)
        reader, told = self.clients.hello("ttl=60")
        reader.ask(f"SUB {name}/t id=2 ack=1")
        handled = []
        for number in range(1, 101):
            writer.ask(f"PUB /t id={number}", str(number))
            if number % 10 == 0:
                # Half of it is handled, then the connection is lost.
                for _ in range(5):
                    frames = reader.take_until(lambda f: f[0].startswith(b"MSG"))[-1]
                    handled.append(int(frames[1]))
                    reader.send(f"ACK 1 {frames[0].split(b' ')[3].decode()}")
                self.assert_acknowledged(reader)
                reader.close()
                reader = self.clients.dealer()
                welcome = reader.ask(f"HELLO v=1 id=3 resume={told['session']} ttl=60")
                self.assertTrue(welcome[0].startswith(b"WELCOME"), welcome)
        rest = [int(f[1]) for f in reader.drain() if f[0].startswith(b"MSG")]
        self.assertEqual(handled + rest, list(range(1, 101)))

    def assert_acknowledged(self, reader):
        """The ACKs before this have been heard."""
        reader.send("PING acknowledged")
        reader.take_until(lambda f: f[0].endswith(b" acknowledged"))
