"""REQ sockets, and peers that set routing ids: one answer each, and nobody's data to others."""
import struct

import wire
from case import ConformanceCase, world
from rawzmtp import Raw

# What a REQ socket may say, and how its one answer begins.
SAID = [
    (b"HELLO v=1", "WELCOME v=1 "), (b"SEND echo\n5", "OK 0"), (b"SEND echo id=1\n5", "OK 1"),
    (b"SEND nosuch\n5", "ERR 0 404 no_actor"), (b"REQ echo\n5", "REP 0"),
    (b"REQ echo id=2\n5", "REP 2"), (b"PUB /topic\nx", "OK 0 n=0 full=0"),
    (b"GET nosuch", "ERR 0 404 no_value"), (b"SYNC here", "OK 0"),
    (b"SUB echo", "ERR 0 405 needs_dealer"), (b"UNSUB echo id=3", "ERR 3 405 needs_dealer"),
    (b"REP 1\nx", "ERR 0 405 needs_dealer"), (b"ERR 1 500 no_value", "ERR 0 405 needs_dealer"),
    (b"ACK 1 1", "ERR 0 405 needs_dealer"), (b"WATCH echo", "ERR 0 405 needs_dealer"),
    (b"UNWATCH echo", "ERR 0 405 needs_dealer"), (b"BATCH 1\n" + wire.batch("PING"),
                                                  "ERR 0 405 needs_dealer"),
    (b"HELLO v=9", "ERR 0 505 version supported=1"), (b"hello", "ERR 0 400 bad_verb"),
    (b"", "ERR 0 400 bad_frame"), (b"\0\xff\n\n", "ERR 0 400 bad_frame"),
    (b"SEND echo urgent!=1", "ERR 0 501 unsupported"), (b"PING", "PONG epoch="),
    (b"BYE", "BYE 200 ok"),
]
# What an unseeded libzmq gives its first peers.
FIRST_GUESS = 0x6B8B4567
# A peer that has set its routing id is told not to, if that can be seen.
SERVED_OR_TOLD = (b"REP 1", b"ERR 1 400 bad_arg")


class ReqTest(ConformanceCase):
    def test_a_req_socket_gets_exactly_one_answer_to_every_verb_and_to_garbage(self):
        """7.req-one-answer 7.req-needs-dealer 6.needs_dealer 3.req-no-id; T6"""
        client = self.clients.req()
        for number, (said, begin) in enumerate(SAID):
            with self.subTest(said):
                answer = client.ask(said)
                self.assertTrue(answer[0].startswith(begin.encode()), answer)
                # A second answer would be taken for the answer to this.
                pong = client.ask(f"PING {number}")
                self.assertTrue(pong[0].endswith(f" {number}".encode()), pong)

    def test_not_a_byte_more_than_one_answer_goes_to_a_req_socket(self):
        """7.req-one-answer; T6"""
        with Raw.at(self.clients.endpoints["cmd"], "REQ") as raw:
            for number, (said, begin) in enumerate(SAID):
                raw.send(b"", said)
                raw.send(b"", b"PING %d" % number)
                answers = [raw.take(), raw.take()]
                self.assertTrue(answers[0][1].startswith(begin.encode()), (said, answers))
                self.assertTrue(answers[1][1].startswith(b"PONG "), (said, answers))
            self.assertIsNone(raw.take_or_none(0.05))

    def test_a_req_socket_may_ask_thousands_of_times(self):
        """7.req-one-answer; T6"""
        client = self.clients.req()
        for number in range(world.scaled(1000, 10_000)):
            payload = str(number).encode()
            self.assertEqual(client.ask(b"REQ echo\n" + payload), [b"REP 0", payload])


class RoutingIdTest(ConformanceCase):
    def test_preset_and_guessed_routing_ids_do_not_hurt_the_daemon(self):
        """7.identity; T8 F44"""
        guessed = [self.clients.dealer(ROUTING_ID=b"\0" + struct.pack(">I", FIRST_GUESS + n))
                   for n in range(40)]
        for name in (b"x", b"y" * 255):
            peer = self.clients.dealer(ROUTING_ID=name)
            self.assertIn(peer.ask("REQ echo id=1", b"x")[0], SERVED_OR_TOLD)
        for peer in guessed:
            self.assertIn(peer.ask("REQ echo id=1", b"x")[0], SERVED_OR_TOLD)
        for peer in [self.clients.dealer() for _ in range(20)]:
            self.assertEqual(peer.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])
        self.assert_serves()

    def test_of_two_clients_with_one_routing_id_neither_gets_what_is_the_others(self):
        """7.identity; T9 F40"""
        for routing_id in (b"twin", b"\0twin"):
            first = self.clients.dealer(ROUTING_ID=routing_id)
            expected = first.ask("REQ echo id=1", b"first")
            second = self.clients.dealer(ROUTING_ID=routing_id)
            second.send("REQ echo id=1", b"second")
            for _ in range(10):
                self.assertEqual(first.ask("REQ echo id=1", b"first"), expected)
            answer = second.take_or_none(50)
            self.assertTrue(answer is None or answer == [b"REP 1", b"second"] or
                            answer[0] == b"ERR 1 400 bad_arg", answer)
            self.assertIsNone(first.take_or_none(0))

    def test_the_first_automatic_routing_ids_cannot_be_predicted(self):
        """7.identity; F44"""
        for _ in range(world.scaled(2, 20)):
            daemon, clients = self.own(config={"actors": {"echo": "echo"}}, plugins=("echo",))
            for number in range(20):
                squatter = clients.dealer(
                    ROUTING_ID=b"\0" + struct.pack(">I", FIRST_GUESS + number))
                self.assertIn(squatter.ask("REQ echo id=1", b"x")[0], SERVED_OR_TOLD)
            for _ in range(20):
                self.assert_serves(clients)
            self.assertIsNone(daemon.process.poll())
