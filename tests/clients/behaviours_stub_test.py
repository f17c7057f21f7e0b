"""What no real daemon does on demand, by a stub: old daemons, lost answers, hints, odd lines."""
import struct
import time
import unittest

import zmq

from stub_daemon import WELCOME, StubDaemon, keys
from suite import Case, needs, text


def pack(*messages):
    return b"".join(struct.pack("<I", len(one)) + one for one in messages)


class StubTest(Case):
    def client(self, script=lambda line, payload: None, **options):
        self.stub = self.enterContext(StubDaemon(script))
        return self.driver(self.stub.endpoint, **options)

    @needs("older_daemons")
    def test_a_daemon_without_batches_and_sessions_that_stay_is_used_without_them(self):
        def script(line, payload):
            if line.startswith("HELLO") and {"ttl", "batch"} & keys(line).keys():
                return [(f"ERR {keys(line)['id']} 501 unsupported", "not in this release")]
            return None

        client = self.client(script, name="modest", ttl=30, batch=True)
        self.assertEqual((client.welcome["ttl"], client.welcome["batch"]), (0, False))
        client.do("send", actor="echo")

    @needs("older_daemons")
    def test_a_daemon_without_windows_gives_a_subscription_without_one(self):
        def script(line, payload):
            if line.startswith("SUB") and {"ack", "window"} & keys(line).keys():
                return [(f"ERR {keys(line)['id']} 501 unsupported", "not in this release")]
            return None

        told = self.client(script).do("subscribe", pattern="a/b", ack=True, window=7)
        self.assertEqual((told["ack"], told["window"]), (False, 0))

    @needs("older_daemons")
    def test_a_daemon_without_batch_gets_the_entries_one_by_one(self):
        def script(line, payload):
            if line.startswith("BATCH"):
                return [(f"ERR {keys(line)['id']} 501 unsupported", "not in this release")]
            return None

        client = self.client(script)
        entries = [{"do": "send", "actor": f"a{n}"} for n in range(5)]
        self.assertEqual(client.do("batch", entries=entries)["outcomes"], [{}] * 5)
        self.assertEqual([line.split(" ")[1] for line in self.stub.heard_of("SEND")],
                         ["a0", "a1", "a2", "a3", "a4"])

    def test_ids_only_rise(self):
        client = self.client()
        for number in range(5):
            client.do("send", actor="echo")
            client.do("publish", address=f"a/b{number}")
        ids = [int(keys(line)["id"]) for line in self.stub.heard if "id" in keys(line)]
        self.assertEqual(ids, sorted(set(ids)))

    def test_an_unanswered_call_says_whom_how_long_and_that_the_daemon_lives(self):
        client = self.client(lambda line, payload: [] if line.startswith("SEND") else None)
        failure = self.refused(0, "no_answer", client.do, "send", actor="deaf.one", timeout_ms=150)
        self.assertIn("deaf.one", failure.text)
        self.assertRegex(failure.text, r"0\.15 s|150 ms")
        self.assertIn("answers PING", failure.text)

    def test_an_unanswered_call_says_that_the_daemon_is_silent_too(self):
        client = self.client(
            lambda line, payload: [] if line.split(" ")[0] in ("SEND", "PING") else None)
        failure = self.refused(0, "no_answer", client.do, "send", actor="echo", timeout_ms=100)
        self.assertIn("does not answer PING", failure.text)

    @needs("retry")
    def test_a_retry_waits_as_long_as_the_daemon_says_and_has_a_new_id(self):
        def script(line, payload):
            if line.startswith("SEND") and len(self.stub.heard_of("SEND")) < 3:
                return [f"ERR {keys(line)['id']} 429 mailbox_full retry=250"]
            return None

        client = self.client(script, retry={"attempts": 5, "base_ms": 1, "cap_ms": 2})
        begin = time.monotonic()
        client.do("send", actor="echo")
        self.assertGreaterEqual(time.monotonic() - begin, 0.5)
        ids = [keys(line)["id"] for line in self.stub.heard_of("SEND")]
        self.assertEqual(len(set(ids)), 3)

    @needs("retry")
    def test_nothing_but_429_and_503_is_tried_again(self):
        answers = iter(["404 no_actor", "500 actor_failed", "504 timeout", "503 stopping"])

        def script(line, payload):
            if line.startswith("SEND") and (answer := next(answers, None)):
                return [f"ERR {keys(line)['id']} {answer}"]
            return None

        client = self.client(script, retry={"attempts": 5, "base_ms": 1, "cap_ms": 2})
        self.refused(404, "no_actor", client.do, "send", actor="echo")
        self.refused(500, "actor_failed", client.do, "send", actor="echo")
        self.refused(504, "timeout", client.do, "send", actor="echo")
        client.do("send", actor="echo")
        self.assertEqual(len(self.stub.heard_of("SEND")), 5)

    def test_without_a_policy_nothing_is_tried_again(self):
        client = self.client(lambda line, payload: [f"ERR {keys(line)['id']} 429 rate retry=10"]
                             if line.startswith("SEND") else None)
        self.refused(429, "rate", client.do, "send", actor="echo")
        self.assertEqual(len(self.stub.heard_of("SEND")), 1)

    def test_an_answer_marked_dup_is_an_answer(self):
        client = self.client(lambda line, payload: [f"OK {keys(line)['id']} n=3 full=1 dup=1"]
                             if line.startswith("PUB") else None)
        told = client.do("publish", address="a/b")
        self.assertEqual((told["n"], told["full"]), (3, 1))

    def test_deliveries_in_a_batch_are_told_one_by_one_in_their_order(self):
        def script(line, payload):
            if not line.startswith("SUB"):
                return None
            return [f"OK {keys(line)['id']} sub=4 seq=0",
                    ("BATCH 4", pack(b"MSG 4 a/b 1 a\nx\ny", b"GAP 4 a/b 2 5 slow",
                                     b"MSG 4 a/b 6 a type=t\n\x00\xff", b"MSG 4 a/b 7 a"))]

        client = self.client(script)
        client.do("subscribe", pattern="a/b")
        client.expect("message", seq=7, hex="")
        told = [each for each in client.events if each["event"] in ("message", "gap")]
        self.assertEqual([(each.get("seq"), each.get("hex"), each.get("last")) for each in told],
                         [(1, b"x\ny".hex(), None), (None, None, 5), (6, "00ff", None)])

    def test_of_the_uncertain_past_after_a_resume_only_what_is_missing_is_told(self):
        def script(line, payload):
            if line.startswith("SUB"):
                return [f"OK {keys(line)['id']} sub=1 seq=10", ("MSG 1 a/b 11 a", "x"),
                        ("MSG 1 a/b 12 a", "x"), "GAP 1 a/b 0 12 resume",
                        "GAP 1 a/b 0 15 resume", ("MSG 1 a/b 16 a", "x")]
            return None

        client = self.client(script)
        client.do("subscribe", pattern="a/b")
        client.expect("message", seq=16)
        gaps = [each for each in client.events if each["event"] == "gap"]
        self.assertEqual([(each["first"], each["last"], each["reason"]) for each in gaps],
                         [(13, 15, "resume")])

    def test_the_daemon_s_ping_is_answered_and_unknown_lines_are_ignored(self):
        def script(line, payload):
            if line.startswith("SEND first"):
                return ["PING", "NEWS from=2030 x", "OK 999999", ("REP 88888", "late"),
                        f"OK {keys(line)['id']} colour=blue"]
            return None

        client = self.client(script)
        client.do("send", actor="first")
        self.eventually(lambda: self.stub.heard_of("PING"))
        client.do("send", actor="second")

    def test_a_client_whose_session_another_took_over_is_closed_and_does_not_fight(self):
        client = self.client(lambda line, payload: ["BYE 409 superseded"]
                             if line.startswith("SEND") else None)
        client.start("send", actor="echo")
        event = client.expect("session", kind="closed")
        self.assertIn("superseded", event["reason"])
        self.refused(409, "superseded", client.do, "publish", address="a/b")
        self.assertEqual(len(self.stub.heard_of("HELLO")), 1)

    def test_a_forgotten_session_is_noticed_by_the_epoch_in_pong(self):
        client = self.client(ping_ms=100)
        client.do("subscribe", pattern="a/b")
        self.stub.epoch, self.stub.token = "e2", "u" * 32
        client.expect("session", kind="disconnected")
        renewed = client.expect("session", kind="renewed")
        self.assertTrue(renewed["reason"].startswith("epoch"), renewed)
        self.assertEqual(len(self.stub.heard_of("SUB")), 2)

    def test_a_forgotten_session_is_noticed_by_the_count_of_subscriptions(self):
        pongs = iter(["PONG epoch=e1 subs=0 "])

        def script(line, payload):
            if line.startswith("PING") and (pong := next(pongs, None)):
                return [pong + line.split(" ")[1]]
            return None

        client = self.client(script, ping_ms=100)
        client.do("subscribe", pattern="a/b")
        client.expect("session", kind="renewed")
        self.assertEqual(len(self.stub.heard_of("SUB")), 2)

    def test_a_resume_that_is_refused_becomes_a_new_session(self):
        def script(line, payload):
            if "resume=" in line:
                return [f"ERR {keys(line)['id']} 410 no_session"]
            if line.startswith("HELLO") and len(self.stub.heard_of("HELLO")) > 1:
                return [WELCOME.format(name="r", token="v" * 32, epoch="e1")]
            if line.startswith("SEND"):
                return ["BYE 429 slow_consumer"] if payload == b"kick" else None
            return [] if line.startswith("PING") else None

        client = self.client(script, name="r", ttl=30, ping_ms=100)
        client.expect("session", kind="disconnected")
        client.expect("session", kind="renewed")
        self.assertTrue(any("resume=" + "t" * 32 in line for line in self.stub.heard))

    def test_a_message_is_acknowledged_when_its_handler_has_returned(self):
        def script(line, payload):
            if line.startswith("SUB"):
                return [f"OK {keys(line)['id']} sub=3 seq=40", ("MSG 3 a/b 41 a", "x")]
            return [] if line.startswith("ACK") else None

        client = self.client(script)
        client.do("subscribe", pattern="a/b", ack=True, window=8, handler_ms=400)
        client.expect("message", seq=41)
        self.assertEqual(self.stub.heard_of("ACK"), [])
        self.eventually(lambda: self.stub.heard_of("ACK"))
        self.assertEqual(self.stub.heard_of("ACK"), ["ACK 3 41"])
        self.assertEqual({"ack": "1", "window": "8"}.items() - keys(
            self.stub.heard_of("SUB")[0]).items(), set())

    def test_a_message_of_a_pattern_is_acknowledged_with_its_address(self):
        for pattern, address, ack in (("a/*", "a/b", "ACK 3 41 a/b"),
                                      ("a/>", "a/b.c", "ACK 3 41 a/b.c"),
                                      ("*/b", "a/b", "ACK 3 41 a/b"), ("a/b", "a/b", "ACK 3 41"),
                                      ("a", "a/default", "ACK 3 41")):
            def script(line, payload, address=address):
                if line.startswith("SUB"):
                    return [f"OK {keys(line)['id']} sub=3", (f"MSG 3 {address} 41 a", "x")]
                return None

            with self.subTest(pattern=pattern):
                self.client(script).do("subscribe", pattern=pattern, window=8)
                self.eventually(lambda: self.stub.heard_of("ACK"))
                self.assertEqual(self.stub.heard_of("ACK"), [ack])

    @needs("ended_subscriptions")
    def test_a_subscription_that_the_daemon_ends_is_told_and_not_set_again(self):
        def script(line, payload):
            if line.startswith("SEND now"):
                return ["ERR 0 403 forbidden sub=1", ("MSG 1 a/b 1 a", "late"),
                        f"OK {keys(line)['id']}"]
            if line.startswith("PING"):
                return [f"PONG epoch={self.stub.epoch} subs=0 {line.split(' ')[1]}"]
            return ["BYE 429 slow_consumer"] if line.startswith("SEND kick") else None

        client = self.client(script, ping_ms=100)
        client.do("subscribe", pattern="a/b")
        client.do("send", actor="now")
        self.assertEqual(client.expect("refused")["token"], "forbidden")
        client.start("send", actor="kick")
        client.expect("session", kind="renewed")
        self.assertEqual(len(self.stub.heard_of("HELLO")), 2)
        self.assertEqual(len(self.stub.heard_of("SUB")), 1)
        self.assertEqual([each for each in client.events if each["event"] == "message"], [])

    def test_a_batch_is_one_message_and_each_entry_gets_its_own_answer(self):
        def script(line, payload):
            if not line.startswith("BATCH"):
                return None
            entries, at = [], 0
            while at < len(payload):
                size = struct.unpack_from("<I", payload, at)[0]
                entries.append(payload[at + 4:at + 4 + size].partition(b"\n"))
                at += 4 + size
            heard.extend((entry[0].decode().split(" id=")[0], entry[2]) for entry in entries)
            ids = [keys(entry[0].decode())["id"] for entry in entries]
            return [f"OK {ids[0]}", f"ERR {ids[1]} 404 no_actor", f"OK {keys(line)['id']}",
                    f"OK {ids[2]} n=1 full=0"]

        heard = []
        client = self.client(script)
        entries = [{"do": "send", "actor": "a", "hex": b"1\n2".hex()},
                   {"do": "send", "actor": "b"}, {"do": "publish", "address": "c/d"}]
        self.assertEqual(client.do("batch", entries=entries)["outcomes"],
                         [{}, {"code": 404, "token": "no_actor"}, {"n": 1, "full": 0}])
        self.assertEqual(heard, [("SEND a", b"1\n2"), ("SEND b", b""), ("PUB c/d", b"")])
        self.assertEqual(len(self.stub.heard_of("BATCH")), 1)
        self.assertEqual(client.do("batch", entries=[])["outcomes"], [])

    def resuming(self, verb, answer):
        """A client whose first `verb` is not answered, and which loses its connection on that."""
        def script(line, payload):
            said = line.split(" ")[0]
            if said == verb:
                return [] if len(self.stub.heard_of(verb)) == 1 else [answer(keys(line)["id"])]
            # Silent until the client connects again: a dead connection.
            is_dead = self.stub.heard_of(verb) and len(self.stub.heard_of("HELLO")) == 1
            return [] if is_dead and said == "PING" else None

        return self.client(script, name="again", ttl=30, ping_ms=150, timeout_ms=20_000)

    def test_what_was_not_answered_is_sent_again_with_its_id_after_a_resume(self):
        for verb, answer, command in (
                ("SEND", "OK {} dup=1", {"do": "send", "actor": "a", "text": "x"}),
                ("PUB", "OK {} n=2 full=0 dup=1", {"do": "publish", "address": "a/b"})):
            with self.subTest(verb=verb):
                client = self.resuming(verb, lambda number: answer.format(number))
                told = client.do(command.pop("do"), **command)
                self.assertEqual(told.get("n", 2), 2)
                client.expect("session", kind="resumed")
                first, second = self.stub.heard_of(verb)
                self.assertEqual(first, second)
                self.assertIn("resume=" + "t" * 32, self.stub.heard_of("HELLO")[1])

    def test_a_question_that_changes_nothing_is_asked_anew_after_a_resume(self):
        client = self.resuming("GET", lambda number: (f"VAL {number} a/b 7 a", "kept"))
        self.assertEqual(text(client.do("get", address="a/b")), "kept")
        first, second = (keys(line)["id"] for line in self.stub.heard_of("GET"))
        self.assertLess(int(first), int(second))

    def test_a_request_is_never_asked_twice(self):
        client = self.resuming("REQ", lambda number: (f"REP {number}", "twice"))
        failure = self.refused(0, "no_answer", client.do, "request", actor="a", timeout_ms=1500)
        self.assertIn("answers PING", failure.text)
        client.expect("session", kind="resumed")
        self.assertEqual(len(self.stub.heard_of("REQ")), 1)

    def test_after_a_new_session_what_was_not_answered_is_lost_and_not_done_again(self):
        client = self.resuming("SEND", lambda number: f"OK {number}")
        tag = client.start("send", actor="a")
        self.eventually(lambda: self.stub.heard_of("SEND"))
        self.stub.token = "u" * 32
        failure = self.refused(0, "lost", client.end, tag)
        self.assertIn("SEND", failure.text.upper())
        self.assertEqual(len(self.stub.heard_of("SEND")), 1)


class CurveTest(Case):
    def setUp(self):
        self.public, self.secret = zmq.curve_keypair()
        self.mine = zmq.curve_keypair()
        self.stub = StubDaemon()
        self.stub.router.unbind(self.stub.endpoint)
        self.stub.router.curve_server = True
        self.stub.router.curve_secretkey = self.secret
        port = self.stub.router.bind_to_random_port("tcp://127.0.0.1")
        self.stub.endpoint = f"tcp://127.0.0.1:{port}"
        self.enterContext(self.stub)

    def keys_with(self, server):
        return {"server": server.decode(), "public": self.mine[0].decode(),
                "secret": self.mine[1].decode()}

    def test_a_client_with_keys_speaks_encrypted(self):
        client = self.driver(self.stub.endpoint, curve=self.keys_with(self.public))
        client.do("send", actor="echo", text="hidden")
        self.assertEqual(len(self.stub.heard_of("SEND")), 1)

    def test_a_wrong_key_of_the_daemon_or_none_at_all_is_unreachable(self):
        for curve in (self.keys_with(zmq.curve_keypair()[0]), None):
            with self.subTest(curve=curve):
                client = self.driver()
                self.refused(0, "unreachable", client.do, "connect", curve=curve, timeout_ms=500,
                             endpoint=self.stub.endpoint)
        self.assertEqual(self.stub.heard, [])

    def test_a_key_that_is_none_is_refused_with_words(self):
        client = self.driver()
        bad = {"server": "short", "public": "short", "secret": "short"}
        self.refused(0, "bad_endpoint", client.do, "connect", curve=bad,
                     endpoint=self.stub.endpoint)


if __name__ == "__main__":
    unittest.main()
