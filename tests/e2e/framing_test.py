"""The grammar of the wire, asked of the real daemon: both framings, bad frames, payload limits."""
import re
import unittest

from case import DaemonCase
from client import keys

MAX_PAYLOAD = 65536

# Each verb with a payload if it takes one, and how its answer begins.
VERBS = [
    ("HELLO v=1 id=1", None, b"WELCOME v=1 "),
    ("PING here", None, b"PONG epoch="),
    ("SEND echo id=2", b"hi", b"OK 2"),
    ("SEND nosuch id=3", b"hi", b"ERR 3 404 no_actor"),
    ("REQ echo id=4", b"line\nline", b"REP 4"),
    ("REQ probe id=5 type=echo", b"typed", b"REP 5"),
    ("PUB /topic id=6", b"x", b"OK 6 n=0 full=0"),
    ("SUB nosuch/topic id=7", None, b"OK 7 sub=1 seq=0"),
    ("SUB */topic.* id=8", None, b"OK 8 sub=2"),
    ("UNSUB nosuch/topic id=9", None, b"OK 9"),
    ("UNSUB nosuch/topic id=10", None, b"ERR 10 404 no_sub"),
    ("GET nosuch/topic id=11", None, b"ERR 11 404 no_value"),
    ("SYNC here id=12", None, b"OK 12"),
    ("ACK 1 1", None, b"ERR 0 404 no_sub"),
    ("BATCH 1 id=13", b"", b"ERR 13 400 bad_batch"),
    ("WATCH echo id=14", None, b"OK 14"),
    ("UNWATCH echo id=15", None, b"OK 15"),
    ("REP 77", b"x", b"ERR 0 404 no_request"),
    ("ERR 78 500 actor_failed", b"x", b"ERR 0 404 no_request"),
    ("BYE", None, b"BYE 200 ok"),
]

# Frames that are no command, and the refusal.
BAD_FRAMES = [
    ([b"SEND echo id=1", b"x", b"y"], b"400 bad_frame"),
    ([b"PING", b"", b"", b""], b"400 bad_frame"),
    ([b""], b"400 bad_frame"),
    ([b"\nSEND echo"], b"400 bad_frame"),
    ([b"SEND echo\nid=1", b"x"], b"400 bad_frame"),
    ([b"SEND ec\0ho", b"x"], b"400 bad_frame"),
    ([b"SEND \xc3\xa9cho", b"x"], b"400 bad_frame"),
    ([b"PING " + b"a" * 1020], b"400 bad_frame"),
    ([b"SEND  echo"], b"400 bad_frame"),
    ([b"SEND echo "], b"400 bad_frame"),
    ([b" SEND echo"], b"400 bad_frame"),
    ([b"SEND\techo"], b"400 bad_frame"),
    ([b"send echo"], b"400 bad_verb"),
    ([b"FROB echo"], b"400 bad_verb"),
    ([b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"], b"400 bad_frame"),
    ([b"SEND"], b"400 bad_arg"),
    ([b"SEND echo more"], b"400 bad_arg"),
    ([b"SEND echo id=0"], b"400 bad_arg"),
    ([b"SEND echo id=9223372036854775808"], b"400 bad_arg"),
    ([b"REQ echo"], b"400 bad_arg"),
    ([b"SEND a/b/c id=1"], b"400 bad_addr"),
    ([b"SEND " + b"a" * 65 + b" id=1"], b"400 bad_addr"),
    ([b"SUB feed/a..b id=1"], b"400 bad_addr"),
    ([b"SUB fe*d/a id=1"], b"400 bad_addr"),
    ([b"GET feed/* id=1"], b"400 bad_addr"),
    ([b"PUB feed/> id=1"], b"400 bad_addr"),
    ([b"HELLO v=1 name=a/b"], b"400 bad_name"),
    ([b"HELLO v=1 name=$daemon"], b"403 reserved_name"),
    ([b"SEND echo id=1 urgent!=1"], b"501 unsupported"),
    ([b"HELLO v=7"], b"505 version supported=1"),
]


def masked(frames):
    """Without what differs between any two sessions."""
    return [re.sub(rb"session=\S+|name=client\.\S+", b"...", frames[0]), *frames[1:]]


class FramingTest(DaemonCase):
    config = {"actors": {"echo": "echo", "probe": "probe"},
              "gateway": {"limits": {"max_payload": MAX_PAYLOAD, "queue_bytes": 8 * MAX_PAYLOAD,
                                     "err0_per_s": 1000}}}
    plugins = ["echo", "probe"]

    def assert_alive(self, dealer, token="alive"):
        self.assertRegex(dealer.ask(f"PING {token}")[0], rb"^PONG epoch=\S+ subs=\d+ " +
                         token.encode())

    def test_one_frame_and_two_frames_of_each_verb_give_the_same_answer(self):
        one, two = self.clients.dealer(), self.clients.dealer()
        for line, payload, begin in VERBS:
            with self.subTest(line):
                single = line.encode() + (b"" if payload is None else b"\n" + payload)
                double = [line, b"" if payload is None else payload]
                answer = one.ask(single)
                self.assertTrue(answer[0].startswith(begin), answer)
                self.assertEqual(masked(answer), masked(two.ask(*double)))

    def test_hello_frames_1_puts_control_line_and_payload_into_one_frame(self):
        dealer = self.clients.dealer()
        dealer.ask("HELLO v=1 frames=1")
        self.assertEqual(dealer.ask("REQ echo id=1", b"a\nb"), [b"REP 1\na\nb"])

    def test_each_malformed_message_is_refused_and_the_session_stays_usable(self):
        for frames, refusal in BAD_FRAMES:
            with self.subTest(frames[0][:40]):
                dealer = self.clients.dealer()
                answer = dealer.ask(*frames)
                self.assertRegex(answer[0], rb"^ERR [01] " + re.escape(refusal) + rb"$")
                if refusal.startswith((b"400", b"501")):
                    self.assertEqual(len(answer), 2, "text that says what to write")
                    self.assertGreater(len(answer[1].decode()), 10)
                self.assert_alive(dealer)
                dealer.close()

    def test_a_payload_arrives_byte_for_byte(self):
        dealer = self.clients.dealer()
        payloads = [b"", b"\n", b"\0", b"a\nb\n", bytes(range(256)) * 3, b"x" * 63, b"x" * 64,
                    b"x" * 65, b"y" * 4095, b"y" * 4096, b"z" * (MAX_PAYLOAD - 1),
                    b"z" * MAX_PAYLOAD]
        for number, payload in enumerate(payloads, 1):
            with self.subTest(f"{len(payload)} bytes"):
                line = f"REQ echo id={number}"
                expected = [f"REP {number}".encode(), payload]
                self.assertEqual(dealer.ask(line, payload), expected)
                self.assertEqual(dealer.ask(line.encode() + b"\n" + payload), expected)

    def test_a_payload_one_byte_over_the_limit_is_413_and_the_next_command_works(self):
        dealer = self.clients.dealer()
        over = b"z" * (MAX_PAYLOAD + 1)
        for number, verb in enumerate(("REQ echo", "SEND echo", "PUB /topic"), 1):
            with self.subTest(verb):
                answer = dealer.ask(f"{verb} id={number}", over)
                self.assertEqual(answer[0], f"ERR {number} 413 too_large".encode())
                answer = dealer.ask(f"{verb} id={number}\n".encode() + over)
                self.assertEqual(answer[0], f"ERR {number} 413 too_large".encode())
                self.assert_alive(dealer)

    def test_an_unknown_key_is_ignored_and_one_with_a_bang_is_501(self):
        dealer = self.clients.dealer()
        self.assertEqual(dealer.ask("REQ echo id=1 colour=blue", b"x"), [b"REP 1", b"x"])
        self.assertEqual(dealer.ask("REQ echo id=2 colour!=blue", b"x")[0],
                         b"ERR 2 501 unsupported")
        self.assertEqual(dealer.ask("REQ echo id=3 type!=t", b"x"), [b"REP 3 type=t", b"x"])

    def test_a_dealer_that_prepends_an_empty_frame_gets_delimited_answers(self):
        dealer = self.clients.dealer()
        self.assertEqual(dealer.ask("", "REQ echo id=1", b"x"), [b"", b"REP 1", b"x"])
        self.assertEqual(dealer.ask("", b"REQ echo id=2\ny"), [b"", b"REP 2", b"y"])
        self.assertEqual(dealer.ask("", "SUB echo/topic id=3"), [b"", b"OK 3 sub=1 seq=0"])

    def test_a_command_without_id_is_answered_only_when_it_fails_or_verbose_is_on(self):
        dealer = self.clients.dealer()
        dealer.send("SEND echo", b"x")
        self.assert_alive(dealer)
        self.assertEqual(dealer.ask("SEND nosuch", b"x")[0], b"ERR 0 404 no_actor")
        verbose = self.clients.dealer()
        verbose.ask("HELLO v=1 verbose=1")
        self.assertEqual(verbose.ask("SEND echo", b"x"), [b"OK 0"])


if __name__ == "__main__":
    unittest.main()
