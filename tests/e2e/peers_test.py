"""Every kind of client, well-behaved or not: REQ, preset routing ids, raw bytes, too many."""
import resource
import socket
import struct
import unittest
from urllib.parse import urlsplit

import zmq

from case import DaemonCase
from client import Clients
from daemon import SLOW, Daemon

CYCLES = 10_000

# What a REQ socket may say, and how its one answer begins.
REQ_VERBS = [
    (b"HELLO v=1", b"WELCOME v=1 "),
    (b"SEND echo\n5", b"OK 0"),
    (b"SEND echo id=1\n5", b"OK 1"),
    (b"SEND nosuch\n5", b"ERR 0 404 no_actor"),
    (b"REQ echo\n5", b"REP 0"),
    (b"REQ echo id=2\n5", b"REP 2"),
    (b"PUB /topic\nx", b"OK 0 n=0 full=0"),
    (b"GET nosuch", b"ERR 0 404 no_value"),
    (b"SYNC here", b"OK 0"),
    (b"SUB echo", b"ERR 0 405 needs_dealer"),
    (b"UNSUB echo id=3", b"ERR 3 405 needs_dealer"),
    (b"REP 1\nx", b"ERR 0 405 needs_dealer"),
    (b"ERR 1 500 actor_failed", b"ERR 0 405 needs_dealer"),
    (b"ACK 1 1", b"ERR 0 "),
    (b"BATCH 1\n", b"ERR 0 "),
    (b"WATCH echo", b"ERR 0 "),
    (b"UNWATCH echo", b"ERR 0 "),
    (b"HELLO v=9", b"ERR 0 505 version supported=1"),
    (b"hello", b"ERR 0 400 bad_verb"),
    (b"", b"ERR 0 400 bad_frame"),
    (b"\0\xff\n\n", b"ERR 0 400 bad_frame"),
    (b"SEND echo urgent!=1", b"ERR 0 501 unsupported"),
    (b"BYE", b"BYE 200 ok"),
]


class PeersTest(DaemonCase):
    config = {"actors": {"echo": "echo"}, "gateway": {"limits": {"err0_per_s": 1}}}
    plugins = ["echo"]

    def assert_serves(self):
        self.assertEqual(self.clients.req().ask(b"REQ echo\nstill here"), [b"REP 0", b"still here"])

    def test_a_req_socket_gets_exactly_one_answer_to_every_verb_and_to_garbage(self):
        client = self.clients.req()
        for number, (said, begin) in enumerate(REQ_VERBS):
            with self.subTest(said):
                answer = client.ask(said)
                self.assertTrue(answer[0].startswith(begin), answer)
                # A second answer would be taken for the answer to this.
                pong = client.ask(f"PING {number}")
                self.assertTrue(pong[0].endswith(f" {number}".encode()), pong)

    def test_a_req_socket_may_ask_ten_thousand_times(self):
        client = self.clients.req()
        for number in range(CYCLES):
            payload = str(number).encode()
            self.assertEqual(client.ask(b"REQ echo\n" + payload), [b"REP 0", payload])

    def assert_told_not_to(self, peer):
        answer = peer.ask("REQ echo id=1", b"x")
        self.assertEqual(answer[0], b"ERR 1 400 bad_arg")
        self.assertIn(b"ROUTING_ID", answer[1])

    def test_preset_and_guessed_routing_ids_do_not_hurt_the_daemon(self):
        first_guess = 0x6B8B4567  # What an unseeded libzmq gives its first peers.
        guessed = [b"\0" + struct.pack(">I", first_guess + number) for number in range(50)]
        for routing_id in [b"x", b"y" * 255] + guessed:
            self.assert_told_not_to(self.clients.dealer(ROUTING_ID=routing_id))
        for peer in [self.clients.dealer() for _ in range(30)]:
            self.assertEqual(peer.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])
        self.assert_serves()

    def test_of_two_clients_with_one_routing_id_neither_gets_what_is_the_others(self):
        for routing_id in (b"twin", b"\0twin"):
            first = self.clients.dealer(ROUTING_ID=routing_id)
            second = self.clients.dealer(ROUTING_ID=routing_id)
            for _ in range(10):
                self.assert_told_not_to(first)
                self.assert_told_not_to(second)
            self.assertIsNone(second.take_or_none(100))
            self.assertIsNone(first.take_or_none(0))

    def raw(self, name):
        url = urlsplit(self.daemon.endpoint(name))
        sock = socket.create_connection((url.hostname, url.port), timeout=5 * SLOW)
        self.addCleanup(sock.close)
        return sock

    def test_bytes_that_are_not_zeromq_on_any_port_are_survived(self):
        greeting = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00NULL" + b"\0" * 48
        noise = [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\0" * 4096, b"\xff" * 4096,
                 b"\xff\0\0\0\0\0\0\0\x01\x7f", greeting[:20], greeting,
                 greeting + b"\x04\xff" + b"\xff" * 64,
                 greeting + b"\x06" + b"\x7f" * 8 + b"endless"]
        held = []
        for name in ("cmd", "pub", "ingest"):
            for said in noise:
                sock = self.raw(name)
                sock.sendall(said)
                held.append(sock)
            self.raw(name)
        self.assert_serves()
        for sock in held:
            sock.close()
        self.assert_serves()


class DescriptorsTest(unittest.TestCase):
    def test_more_connections_than_descriptors_do_not_end_the_daemon(self):
        with Daemon(config={"actors": {"echo": "echo"}}, plugins=["echo"]) as daemon:
            resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (64, 64))
            with Clients(daemon) as clients:
                early = clients.dealer()
                self.assertEqual(early.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])
                url = urlsplit(daemon.endpoint("cmd"))
                held = [socket.create_connection((url.hostname, url.port), timeout=5 * SLOW)
                        for _ in range(120)]
                self.assertEqual(early.ask("REQ echo id=2", b"y"), [b"REP 2", b"y"])
                for sock in held:
                    sock.close()
                late = clients.connect(zmq.DEALER, "cmd")
                self.assertEqual(late.ask("REQ echo id=3", b"z", seconds=20), [b"REP 3", b"z"])
            self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
