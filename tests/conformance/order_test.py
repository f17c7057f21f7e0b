"""Section 8, order: each client's commands, each sender's messages, causes before effects."""
from case import ConformanceCase, wire, world

WINDOW = 200


class OrderTest(ConformanceCase):
    def test_what_an_actor_published_before_it_replied_comes_before_the_reply(self):
        """8.before-reply; T13"""
        dealer, topic = self.clients.dealer(), self.fresh()
        dealer.ask(f"SUB probe/{topic} id=1")
        for number in range(2, world.scaled(500, 10_000) + 2):
            dealer.send(f"REQ probe id={number} type=publish", f"{topic} 7")
            answer, earlier = dealer.take_answer(number)
            self.assertEqual(answer, [f"REP {number}".encode(), b"7"])
            self.assertEqual([f[1] for f in earlier], [b"%d" % i for i in range(1, 8)])

    def test_no_message_of_a_subscription_comes_after_the_ok_of_unsub(self):
        """4.unsub 8.ok-before-msg; T14"""
        name = self.fresh()
        publisher, dealer = self.clients.named(name), self.clients.dealer()
        for number in range(1, world.scaled(20, 500) + 1):
            dealer.ask(f"SUB {name}/x id={2 * number}")
            for _ in range(300):
                publisher.send("PUB /x", b"v")
            dealer.take_until(lambda f: f[0].startswith(b"MSG"))
            dealer.send(f"UNSUB {name}/x id={2 * number + 1}")
            answer, _ = dealer.take_answer(2 * number + 1)
            self.assertTrue(answer[0].startswith(b"OK"), answer)
            publisher.drain()
            self.assertEqual(dealer.drain(), [])

    def test_commands_of_one_client_reach_an_actor_in_the_order_sent_batches_mixed_in(self):
        """8.commands-in-order 8.one-sender 4.batch-answers 2.forms; T15"""
        if not world.FOREIGN:
            _, clients = self.own()
        else:
            clients = self.clients
        dealer = clients.dealer()
        dealer.ask("SUB counter/default id=1")
        total, count, step = None, world.scaled(10_000, 100_000), 0
        while step < count:
            # The sums of 1, 2, 3, … are what they are only if each is added in its turn.
            steps = range(step + 1, step + WINDOW + 1)
            third = WINDOW // 3
            for number in steps[:third]:
                dealer.send("SEND counter", str(number))
            dealer.send(f"BATCH {third}", wire.batch(*(f"SEND counter\n{n}"
                                                       for n in steps[third:2 * third])))
            for number in steps[2 * third:]:
                dealer.send(f"SEND counter\n{number}")
            for number in steps:
                frames = dealer.take()
                total = int(frames[1]) if total is None else total + number
                self.assertEqual(int(frames[1]), total, f"after message {number}")
            step += WINDOW

    def test_messages_from_one_client_to_another_arrive_in_the_order_sent(self):
        """8.one-sender 4.rep-own-name; T15"""
        name = self.fresh()
        reader, writer = self.clients.named(name), self.clients.dealer()
        reader.ask(f"SUB {name}.feed/x id=1")
        for first in range(0, 4000, WINDOW):
            for number in range(first, first + WINDOW):
                line = f"SEND {name}" if number % 3 else f"PUB {name}.feed/x"
                writer.send(line, str(number))
            got = [reader.take()[1] for _ in range(WINDOW)]
            self.assertEqual(got, [b"%d" % n for n in range(first, first + WINDOW)])

    def test_one_client_sees_its_answers_in_the_order_of_its_commands(self):
        """8.commands-in-order"""
        dealer, name = self.clients.dealer(), self.fresh()
        lines = ["SEND echo id=", f"PUB {name}/x id=", f"SEND {name} id=", f"GET {name}/x id="]
        for first in range(1, 2001, WINDOW):
            for number in range(first, first + WINDOW):
                dealer.send(f"{lines[number % 4]}{number}", b"")
            got = [int(dealer.take()[0].split(b" ")[1]) for _ in range(WINDOW)]
            self.assertEqual(got, list(range(first, first + WINDOW)))
