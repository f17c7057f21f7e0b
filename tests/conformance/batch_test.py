"""BATCH, in and out: checked as a whole, run as if each entry came alone, never waited for."""
from case import ConformanceCase, wire

LONGEST = 1024


class BatchInTest(ConformanceCase):
    def send(self, dealer, count, payload, number=9):
        dealer.send(f"BATCH {count} id={number}", payload)

    def test_entries_run_and_answer_in_order_as_if_each_came_alone_and_then_ok(self):
        """4.batch 4.batch-answers; T5"""
        dealer, name = self.clients.dealer(), self.fresh()
        entries = [f"SUB {name}/x id=1", f"PUB {name}/x id=2\nline\nline", "SEND nosuch id=3\n5",
                   "send echo id=4", f"UNSUB {name}/x id=5", "PING 6"]
        self.send(dealer, len(entries), wire.batch(*entries))
        # OK of UNSUB waits behind the last MSG, as ever; all else is answered in its turn.
        taken, wanted = [], {b"OK 5", b"OK 9"}
        while wanted:
            taken.append(dealer.take())
            wanted.discard(taken[-1][0])
        lines = [f[0] for f in taken if not f[0].startswith((b"MSG", b"OK 5"))]
        self.assertEqual([b" ".join(line.split(b" ")[:2]) for line in lines[:4]],
                         [b"OK 1", b"OK 2", b"ERR 3", b"ERR 4"])
        self.assertTrue(lines[4].endswith(b" subs=0 6"), lines)
        self.assertEqual(lines[5:], [b"OK 9"])
        self.assertEqual(self.messages(taken), [(1, b"line\nline")])

    def test_a_batch_that_does_not_add_up_is_refused_and_nothing_of_it_runs(self):
        """4.batch-checked 6.bad_batch; T5"""
        dealer, reader, name = self.clients.dealer(), self.clients.dealer(), self.fresh()
        reader.ask(f"SUB {name}/x id=1")
        good = f"PUB {name}/x\nv"
        whole = wire.batch(good, good)
        rows = [(2, whole[:-1]), (2, whole + b"\0"), (3, whole), (1, whole), (2, b""),
                (2, wire.batch(good) + b"\xff\xff\xff\xff" + good.encode()),
                (2, wire.batch(good) + b"\x01\0\0"), (2, wire.batch(good)[:7]),
                (2, wire.batch(good, f"BATCH 1\n{good}")),
                (2, wire.batch(good, b"BATCH 1\n" + wire.batch("PING")))]
        for number, (count, payload) in enumerate(rows, 1):
            with self.subTest(number=number):
                self.send(dealer, count, payload, number)
                self.assertEqual(dealer.take()[0], f"ERR {number} 400 bad_batch".encode())
        self.assertEqual(dealer.drain(), [])
        self.assertEqual(reader.drain(), [])
        self.assert_usable(dealer)

    def test_a_batch_holds_1_to_1024_entries(self):
        """4.batch-count; T5"""
        dealer = self.clients.dealer()
        for count in (0, LONGEST + 1):
            self.send(dealer, count, wire.batch(*["PING"] * count))
            self.assertIn(dealer.take()[0], (b"ERR 9 400 bad_batch", b"ERR 9 400 bad_arg"))
        self.send(dealer, LONGEST, wire.batch(*(f"PING {n}" for n in range(LONGEST))))
        taken = dealer.take_answer(9)[1]
        self.assertEqual([f[0].rsplit(b" ", 1)[1] for f in taken],
                         [str(n).encode() for n in range(LONGEST)])

    def test_without_an_id_a_batch_is_silent_but_for_its_entries(self):
        """4.batch-answers 3.no-id"""
        dealer = self.clients.dealer()
        dealer.send("BATCH 2", wire.batch("SEND echo id=1\nx", "SEND echo\nx"))
        self.assertEqual(dealer.take(), [b"OK 1"])
        self.assert_usable(dealer)
        verbose, _ = self.clients.hello("verbose=1")
        verbose.send("BATCH 1", wire.batch("SEND echo\nx"))
        self.assertEqual([verbose.take(), verbose.take()], [[b"OK 0"], [b"OK 0"]])

    def test_max_payload_is_for_each_entry(self):
        """4.batch-size"""
        dealer, told = self.clients.hello()
        limit = int(told["max_payload"])
        entries = [b"REQ echo id=2\n" + b"x" * limit, b"REQ echo id=3\n" + b"x" * (limit // 2)]
        dealer.send("BATCH 2 id=9", wire.batch(*entries))
        taken = dealer.take_until(lambda f: wire.is_answer(f[0], 3))
        taken += [] if any(wire.is_answer(f[0], 2) for f in taken) else \
            dealer.take_until(lambda f: wire.is_answer(f[0], 2))
        self.assertEqual({f[0].split(b" ")[0] for f in taken}, {b"OK", b"REP"})

    def test_what_follows_a_bye_in_a_batch_is_not_heard(self):
        """4.batch-bye"""
        dealer, reader, name = self.clients.dealer(), self.clients.dealer(), self.fresh()
        reader.ask(f"SUB {name}/x id=1")
        dealer.send("BATCH 3 id=9", wire.batch(f"PUB {name}/x id=1\n1", "BYE",
                                               f"PUB {name}/x id=2\n2"))
        self.assertEqual([dealer.take()[0] for _ in range(2)], [b"OK 1 n=1 full=0", b"BYE 200 ok"])
        self.assert_usable(dealer)
        self.assertEqual(self.messages(reader.drain()), [(1, b"1")])

    def test_ingest_takes_batches_too(self):
        """9.ingest"""
        name, source = self.fresh(), self.fresh()
        reader, push = self.clients.dealer(), self.clients.push()
        reader.ask(f"SUB {source}/x id=1")
        del name
        push.send("BATCH 2", wire.batch(f"PUB {source}/x\n1", f"PUB {source}/x\n2"))
        push.send("BATCH 3", wire.batch(f"PUB {source}/x\nnot", f"PUB {source}/x\nthese"))
        push.send(f"PUB {source}/x", b"3")
        self.assertEqual([reader.take()[1] for _ in range(3)], [b"1", b"2", b"3"])


class BatchOutTest(ConformanceCase):
    def test_deliveries_come_packed_to_who_asked_and_in_the_same_order(self):
        """4.hello-batch 5.batch 5.batch-order"""
        name, count = self.fresh(), 500
        packed, _ = self.clients.hello("batch=1")
        plain = self.clients.dealer()
        writer = self.clients.named(name)
        for reader in (packed, plain):
            self.assertTrue(reader.ask(f"SUB {name}/x id=2")[0].startswith(b"OK 2 "))
        writer.send(f"BATCH {count}", wire.batch(*(f"PUB /x\n{n}\n" for n in range(count))))
        expected = [(n + 1, f"{n}\n".encode()) for n in range(count)]
        for reader in (packed, plain):
            got = self.messages(reader.take_until(
                lambda f: f[0].startswith(f"MSG 1 {name}/x {count} ".encode())))
            self.assertEqual(got, expected)
        self.assertEqual(plain.batches, 0, "it did not ask")
        self.assertGreater(packed.batches, 0)

    def test_a_single_message_is_not_held_back_for_a_batch(self):
        """4.hello-batch 5.batch-single"""
        dealer, _ = self.clients.hello("batch=1")
        for number in range(2, 200):
            self.assertEqual(dealer.ask(f"REQ echo id={number}", b"x")[1], b"x")
        self.assertEqual(dealer.batches, 0, "one message waits: one is sent")


class BatchPeersTest(ConformanceCase):
    def test_a_req_socket_cannot_batch(self):
        """7.req-needs-dealer 6.needs_dealer; T6"""
        client = self.clients.req()
        for number in range(3):
            answer = client.ask("BATCH 2", wire.batch("PING a", "PING b"))
            self.assertEqual(answer[0], b"ERR 0 405 needs_dealer")
            self.assertTrue(client.ask(f"PING {number}")[0].endswith(str(number).encode()))
