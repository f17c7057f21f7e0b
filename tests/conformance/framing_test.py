"""Sections 2 and 3: both forms of a message, the grammar, what is no command, payloads."""
import re

from case import ConformanceCase, wire
from peer import Deadline
from rawzmtp import Raw, greeting, ready

# Each verb with its payload, and how its answer begins. {x} and {y} are names nobody holds.
VERBS = [
    ("HELLO v=1 id=1", None, "WELCOME v=1 "),
    ("PING here", None, "PONG epoch="),
    ("SEND echo id=2", b"hi", "OK 2"),
    ("SEND {x} id=3", b"hi", "ERR 3 404 no_actor"),
    ("REQ echo id=4", b"line\nline", "REP 4"),
    ("REQ probe id=5 type=echo", b"typed", "REP 5"),
    ("PUB /topic id=6", b"x", "OK 6 n=0 full=0"),
    ("SUB {x}/topic id=7", None, "OK 7 sub=1 seq=0"),
    ("SUB {x}/topic.* id=8", None, "OK 8 sub=2"),
    ("UNSUB {x}/topic id=9", None, "OK 9"),
    ("UNSUB {x}/topic id=10", None, "ERR 10 404 no_sub"),
    ("GET {x}/topic id=11", None, "ERR 11 404 no_value"),
    ("SYNC {x} id=12", None, "OK 12"),
    ("ACK 99 1", None, "ERR 0 404 no_sub"),
    ("BATCH 1 id=13", wire.batch("PING"), "PONG "),
    ("WATCH echo id=14", None, "OK 14"),
    ("UNWATCH echo id=15", None, "OK 15"),
    ("REP 77", b"x", "ERR 0 404 no_request"),
    ("ERR 78 500 actor_failed", b"x", "ERR 0 404 no_request"),
    ("BYE", None, "BYE 200 ok"),
]
# Frames that are no command, and the refusal.
BAD = [
    ([b"SEND echo id=1", b"x", b"y"], "400 bad_frame"), ([b"PING", b"", b"", b""], "400 bad_frame"),
    ([b""], "400 bad_frame"), ([b"\nSEND echo"], "400 bad_frame"),
    ([b"SEND echo\nid=1", b"x"], "400 bad_frame"), ([b"SEND ec\0ho", b"x"], "400 bad_frame"),
    ([b"SEND \xc3\xa9cho", b"x"], "400 bad_frame"), ([b"PING " + b"a" * 1020], "400 bad_frame"),
    ([b"SEND  echo id=1"], "400 bad_frame"), ([b"SEND echo "], "400 bad_frame"),
    ([b" SEND echo"], "400 bad_frame"), ([b"SEND\techo"], "400 bad_frame"),
    ([b"send echo"], "400 bad_verb"), ([b"FROB echo"], "400 bad_verb"),
    ([b"Send echo"], "400 bad_verb"), ([b"SEND"], "400 bad_arg"),
    ([b"SEND echo more"], "400 bad_arg"), ([b"SEND echo id=0"], "400 bad_arg"),
    ([b"SEND echo id=01"], "400 bad_arg"), ([b"SEND echo id=+1"], "400 bad_arg"),
    ([b"SEND echo id=9223372036854775808"], "400 bad_arg"), ([b"REQ echo"], "400 bad_arg"),
    ([b"GET echo"], "400 bad_arg"), ([b"SEND echo id=1 id=2"], "400 bad_arg"),
    ([b"SEND a/b/c id=1"], "400 bad_addr"), ([b"SEND " + b"a" * 65 + b" id=1"], "400 bad_addr"),
    ([b"SEND ec%2ho id=1"], "400 bad_addr"), ([b"SUB feed/a..b id=1"], "400 bad_addr"),
    ([b"SUB feed/.a id=1"], "400 bad_addr"), ([b"SUB feed/>.a id=1"], "400 bad_addr"),
    ([b"SUB fe*d/a id=1"], "400 bad_addr"), ([b"SUB feed/a* id=1"], "400 bad_addr"),
    ([b"GET feed/* id=1"], "400 bad_addr"), ([b"PUB feed/> id=1"], "400 bad_addr"),
    ([b"PUB feed/" + b"t" * 129 + b" id=1"], "400 bad_addr"),
    ([b"PUB %s/%s id=1" % (b"a" * 64, b"%41" * 46)], "400 bad_addr"),
    ([b"HELLO v=1 name=a/b"], "400 bad_name"), ([b"SEND echo type=a/b"], "400 bad_name"),
    ([b"HELLO v=1 name=$daemon"], "403 reserved_name"),
    ([b"SEND echo id=1 urgent!=1"], "501 unsupported"),
    ([b"HELLO v=7"], "505 version supported=1"),
]


def masked(frames):
    """Without what differs between any two sessions."""
    return [re.sub(rb"session=\S+|name=client\.\S+", b"...", frames[0]), *frames[1:]]


class FramingTest(ConformanceCase):
    def test_peers_of_each_version_of_zmtp_3_are_served(self):
        """1.zmtp"""
        for minor in (0, 1, 2):
            with Raw(self.clients.endpoints["cmd"]) as raw:
                raw.push(greeting(minor=minor))
                raw.take_bytes(len(greeting()))
                raw.push(ready("DEALER", Identity=b""))
                raw.take_frame()
                raw.send(b"REQ echo id=1", b"x" * 300)
                self.assertEqual(raw.take(), [b"REP 1", b"x" * 300], minor)

    def test_one_frame_and_two_frames_of_each_verb_give_the_same_answer(self):
        """2.forms 2.no-payload 2.answers-two-frames; T1"""
        answers = []
        for forms in (1, 2):
            dealer, names = self.clients.dealer(), {"x": "nobody.at.all"}
            answers.append([])
            for line, payload, begin in VERBS:
                line = line.format(**names).encode()
                frames = [line] if payload is None and forms == 1 else [line, payload or b""]
                answer = dealer.ask(*([b"\n".join(frames)] if forms == 1 else frames))
                self.assertTrue(answer[0].startswith(begin.encode()), (line, answer))
                if line.startswith(b"BATCH"):
                    answer += dealer.take()
                answers[-1].append(masked(answer))
        for (line, _, _), one, two in zip(VERBS, *answers):
            self.assertEqual(one, two, line)

    def test_hello_frames_1_puts_control_line_and_payload_into_one_frame(self):
        """2.answers-one-frame 4.hello-frames"""
        dealer = self.clients.dealer()
        dealer.checked = False
        self.assertTrue(dealer.ask("HELLO v=1 frames=1")[0].startswith(b"WELCOME "))
        self.assertEqual(dealer.ask("REQ echo id=1", b"a\nb"), [b"REP 1\na\nb"])
        self.assertEqual(dealer.ask("REQ echo id=2", b""), [b"REP 2\n"])
        self.assertEqual(dealer.ask("SEND echo id=3", b""), [b"OK 3"])
        self.assertRegex(dealer.ask("SEND echo id=0")[0], rb"^ERR 0 400 bad_arg\n.{10}")

    def test_each_malformed_message_is_refused_and_the_session_stays_usable(self):
        """2.bad-frame 3.ctl 3.verb 3.actor 3.topic 3.address 3.pattern 3.id 3.key-twice 3.unknown
        3.arguments-first 3.daemon-names 6.codes 6.bad_frame 6.bad_name 2.err-text 5.err; T2"""
        for frames, refusal in BAD:
            with self.subTest(frames[0][:40]):
                dealer = self.clients.dealer()
                answer = dealer.ask(*frames)
                self.assertRegex(answer[0].decode(), rf"^ERR [01] {refusal}$")
                if len(answer) > 1:
                    self.assertGreater(len(answer[1].decode()), 10, "text that helps")
                self.assert_usable(dealer)
                dealer.close()

    def test_lines_and_names_at_their_limits_are_taken(self):
        """3.ctl 3.actor 3.topic 3.address 3.id; T2"""
        dealer = self.clients.dealer()
        stem = self.fresh()
        for number, line in enumerate((
                "PUB /" + "t" * 128, f"PUB {'a' * 64}/{'t' * 128}", "SUB " + stem + "/%41.%2e",
                "PUB /" + "%41" * 42, f"SEND echo colour={'x' * 990}"), 1):
            with self.subTest(line[:30]):
                self.assertRegex(dealer.ask(f"{line} id={number}")[0], rb"^OK \d")
        longest = "PING " + "x" * 64
        self.assertTrue(dealer.ask(longest)[0].endswith(b" " + b"x" * 64))
        full = b"SEND echo id=9223372036854775807 c="
        self.assertEqual(dealer.ask(full + b"x" * (1024 - len(full)), b""),
                         [b"OK 9223372036854775807"])

    def test_a_payload_arrives_byte_for_byte(self):
        """2.payload-any-bytes; T3 F28"""
        dealer, told = self.clients.hello()
        limit = int(told["max_payload"])
        sizes = [n for n in (1, 255, 256, 4095, 4096, 8191, 8192, 8193, 65536, limit - 1, limit)
                 if n <= limit]
        payloads = [b"", b"\n", b"\0", b"a\nb\n", b"\n\n\n", bytes(range(256)) * 3,
                    *(bytes(i * 7 % 251 for i in range(min(n, 9000))).ljust(n, b"\0")
                      for n in sizes)]
        for number, payload in enumerate(payloads, 1):
            line = f"REQ echo id={number}"
            expected = [f"REP {number}".encode(), payload]
            for frames in ([line, payload], [line.encode() + b"\n" + payload]):
                self.assertTrue(dealer.ask(*frames) == expected, f"{len(payload)} bytes")

    def test_a_payload_one_byte_over_the_limit_is_413_and_the_next_command_works(self):
        """6.too_large 5.welcome; T3"""
        dealer, told = self.clients.hello()
        over = b"z" * (int(told["max_payload"]) + 1)
        for number, verb in enumerate(("REQ echo", "SEND echo", "PUB /topic"), 10):
            for frames in ([f"{verb} id={number}", over],
                           [f"{verb} id={number}\n".encode() + over]):
                self.assertEqual(dealer.ask(*frames), [f"ERR {number} 413 too_large".encode()])
                self.assert_usable(dealer)

    def test_an_unknown_key_is_ignored_and_one_with_a_bang_is_501_and_not_done(self):
        """3.unknown 3.key 3.type 3.arguments-first 6.unsupported 9.from-on-cmd; T4"""
        dealer, reader = self.clients.dealer(), self.clients.dealer()
        name = self.fresh()
        reader.ask(f"SUB {name}/x id=1")
        self.assertEqual(dealer.ask("REQ echo id=1 colour=blue", b"x"), [b"REP 1", b"x"])
        self.assertEqual(dealer.ask("REQ echo id=2 a=b=c", b"x"), [b"REP 2", b"x"])
        self.assertEqual(dealer.ask(f"PUB {name}/x id=3 colour!=blue", b"x")[0],
                         b"ERR 3 501 unsupported")
        self.assertEqual(dealer.ask("REQ echo type=t id=4", b"x"), [b"REP 4 type=t", b"x"])
        self.assertEqual(dealer.ask("REQ echo type!=t id=5", b"x"), [b"REP 5 type=t", b"x"])
        self.assertEqual(dealer.ask(f"PUB {name}/x id=6 from=other", b"x")[0], b"OK 6 n=1 full=0")
        self.assertEqual(reader.take()[0].split(b" ")[:4], f"MSG 1 {name}/x 1".encode().split())

    def test_an_encoded_byte_of_a_name_is_never_decoded(self):
        """3.encoded; T10"""
        dealer = self.clients.dealer()
        name = self.fresh()
        dealer.ask(f"SUB {name}/a%2Fb id=1")
        dealer.ask(f"SUB {name}/a%2fb id=2")
        self.assertEqual(dealer.ask(f"PUB {name}/a%2Fb id=3", b"big")[0][:2], b"OK")
        got = [f for f in [dealer.take_or_none(0), *dealer.drain()] if f]
        self.assertEqual([f[0].decode().rsplit(" ", 1)[0] for f in got],
                         [f"MSG 1 {name}/a%2Fb 1"])

    def test_short_forms_mean_the_default_topic(self):
        """3.default-topic"""
        name = self.fresh()
        dealer = self.clients.named(name)
        self.assertEqual(dealer.ask(f"SUB {name} id=1")[0], b"OK 1 sub=1 seq=0")
        self.assertEqual(dealer.ask(f"SUB {name}/default id=2")[0], b"OK 2 sub=1 seq=0")
        dealer.send(f"PUB {name} id=3 retain=1", b"v")
        self.assertIn([f"MSG 1 {name}/default 1 {name}".encode(), b"v"],
                      dealer.take_until(lambda f: f[0].startswith(b"MSG")))
        dealer.send(f"GET {name} id=4")
        self.assertEqual(dealer.take_answer(4)[0],
                         [f"VAL 4 {name}/default 1 {name}".encode(), b"v"])

    def test_a_dealer_that_prepends_an_empty_frame_gets_delimited_answers(self):
        """2.delimiter; T7"""
        dealer, name = self.clients.dealer(), self.fresh()
        self.assertEqual(dealer.ask("", "REQ echo id=1", b"x"), [b"", b"REP 1", b"x"])
        self.assertEqual(dealer.ask("", b"REQ echo id=2\ny"), [b"", b"REP 2", b"y"])
        self.assertEqual(dealer.ask("", f"SUB {name}/x id=3"), [b"", b"OK 3 sub=1 seq=0"])
        self.clients.named(name).send("PUB /x", b"v")
        self.assertEqual(dealer.take(), [b"", f"MSG 1 {name}/x 1 {name}".encode(), b"v"])

    def test_a_command_without_id_is_answered_only_when_it_fails_or_verbose_is_on(self):
        """3.no-id 4.hello-verbose"""
        dealer = self.clients.dealer()
        dealer.send("SEND echo", b"x")
        dealer.send("PUB /x", b"x")
        dealer.send("SUB nobody/x")
        dealer.send("UNSUB nobody/x")
        self.assert_usable(dealer)
        self.assertEqual(dealer.ask(f"SEND {self.fresh()}", b"x")[0], b"ERR 0 404 no_actor")
        verbose, _ = self.clients.hello("verbose=1")
        self.assertEqual(verbose.ask("SEND echo", b"x"), [b"OK 0"])

    def test_errors_to_commands_without_id_are_limited_to_some_a_second(self):
        """3.no-id; T2"""
        daemon, clients = self.own(config={"actors": {"echo": "echo"}})
        del daemon
        dealer = clients.dealer()
        for _ in range(200):
            dealer.send("SEND nosuch", b"x")
        dealer.send("SEND nosuch id=1", b"x")
        told = dealer.take_until(lambda f: f[0].startswith(b"ERR 1 "))
        # At most ten in each second that this took, begun ones included.
        self.assertLessEqual(len(told) - 1, 10 * (2 + int(Deadline(0).left_ms() / 1000)))
        self.assertGreater(len(told), 1)
