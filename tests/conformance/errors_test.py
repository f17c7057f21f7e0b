"""Section 6: each refusal that a client can cause, with its number, token and what it means."""
import json
import time

from case import ConformanceCase, wire, world

MIB = 1 << 20


class ErrorsTest(ConformanceCase):
    def refused(self, dealer, number, question):
        """The ERR that a question to the admin door ends in."""
        dealer.send(f"REQ $backstage id={number}", json.dumps(question))
        return dealer.take_answer(number)[0][0].decode()

    def test_what_ingest_and_cmd_do_not_take_is_not_here_or_unsupported(self):
        """6.not_here 6.unsupported 6.bad_verb"""
        dealer = self.clients.dealer()
        self.assertEqual(dealer.ask("WELCOME v=1")[0], b"ERR 0 400 bad_verb")
        self.assertEqual(dealer.ask("MSG 1 a/b 1 c")[0], b"ERR 0 400 bad_verb")
        self.assertEqual(dealer.ask("PING! x")[0][:9], b"ERR 0 400")

    def test_what_the_configuration_leaves_out_is_unsupported(self):
        """10.unsupported 6.unsupported"""
        _, clients = self.own(config={"gateway": {"pub": {"bind": []}}})
        dealer = clients.dealer()
        self.assertEqual(dealer.ask("SYNC here id=1")[0], b"ERR 1 501 unsupported")
        self.assert_usable(dealer)

    def test_too_many_subscriptions_of_one_session_are_subs_full(self):
        """6.subs_full; F30"""
        daemon, clients = self.own(config={"gateway": {"limits": {"subs_per_session": 50}}})
        before, dealer = daemon.rss_kib(), clients.dealer()
        for number in range(1, 51):
            self.assertTrue(dealer.ask(f"SUB t{number}/x id={number}")[0].startswith(b"OK"))
        for number in range(51, 2000):
            self.assert_error(dealer.ask(f"SUB t{number}/x id={number}"), number, "429 subs_full")
        self.assertTrue(dealer.ask("SUB t7/x id=3000")[0].startswith(b"OK 3000 sub="))
        dealer.ask("UNSUB t7/x id=3001")
        self.assertTrue(dealer.ask("SUB another/x id=3002")[0].startswith(b"OK"))
        if not world.SANITIZED:
            self.assertLess(daemon.rss_kib() - before, 5 * 1024)

    def test_too_many_sessions_are_sessions_full_and_those_that_are_go_on(self):
        """6.sessions_full; F33"""
        _, clients = self.own(config={"actors": {"echo": "echo"},
                                      "gateway": {"limits": {"sessions": 3}}})
        peers = [clients.hello()[0] for _ in range(3)]
        late = clients.dealer()
        self.assert_error(late.ask("HELLO v=1 id=1"), 1, "503 sessions_full")
        self.assertEqual(peers[0].ask("REQ echo id=2", b"x"), [b"REP 2", b"x"])
        self.assertEqual(peers[1].ask("BYE"), [b"BYE 200 ok"])
        self.assertTrue(late.ask("HELLO v=1 id=2")[0].startswith(b"WELCOME"))

    def test_retained_values_have_a_budget(self):
        """6.retained_full 4.pub-retain"""
        _, clients = self.own(config={})
        dealer, number, refusal = clients.dealer(), 0, None
        while refusal is None and number < 100:
            number += 1
            answer = dealer.ask(f"PUB free/v{number} id={number} retain=1", b"x" * MIB)
            refusal = None if answer[0].startswith(b"OK") else answer
        self.assert_error(refusal, number, "429 retained_full")
        self.assertIn(number, range(50, 70), "64 MiB in all")
        self.assertEqual(len(dealer.ask("GET free/v1 id=200")[1]), MIB)

    def test_an_actor_that_failed_too_often_is_parked_until_it_is_unparked(self):
        """6.parked 6.actor_failed 12.unpark"""
        _, clients = self.own(plugins=("crashy",), config={
            "actors": {"failing": "crashy"},
            "types": {"crashy": {"supervision": {"intensity": 0}}}})
        dealer = clients.dealer()
        self.assertEqual(dealer.ask("REQ failing id=1", b"throw")[0], b"ERR 1 500 actor_failed")
        number = 1

        def parked():
            nonlocal number
            number += 1
            return dealer.ask(f"SEND failing id={number}", b"x")[0].endswith(b" 503 parked")
        self.assertTrue(world.eventually(parked))
        self.admin(dealer, 5000, op="unpark", name="failing")
        self.assertEqual(dealer.ask("REQ failing id=5001", b"x")[0], b"REP 5001")

    def test_what_the_admin_door_refuses_has_the_codes_of_the_table(self):
        """6.no_type 6.type_mismatch 6.no_actor 6.bad_arg 12.unknown-argument 12.spawn 12.stop"""
        dealer, name = self.clients.dealer(), self.fresh()
        rows = [({"op": "spawn", "type": "no-such-type", "name": name}, "404 no_type"),
                ({"op": "spawn", "type": "counter", "name": "echo"}, "409 type_mismatch"),
                ({"op": "stop", "name": name}, "404 no_actor"),
                ({"op": "stop", "name": "echo", "hwo": "kill"}, "400 bad_arg"),
                ({"op": "no such"}, "400 bad_arg"), ({}, "400 bad_arg"), ([], "400 bad_arg")]
        for number, (question, refusal) in enumerate(rows, 1):
            with self.subTest(question):
                self.assertEqual(self.refused(dealer, number, question), f"ERR {number} {refusal}")

    def test_an_activation_rule_at_its_limit_is_activation_limit(self):
        """6.activation_limit"""
        _, clients = self.own(config={"activations": [
            {"activate": "made:{1}", "type": "echo", "max": 2}]})
        dealer = clients.dealer()
        for number in (1, 2):
            self.assertEqual(dealer.ask(f"REQ made:{number} id={number}", b"x")[1], b"x")
        self.assert_error(dealer.ask("REQ made:3 id=3", b"x"), 3, "503 activation_limit")

    def test_threads_of_their_own_are_counted(self):
        """6.threads_full"""
        _, clients = self.own(config={"pinned_threads": 1,
                                      "types": {"echo": {"dispatcher": "pinned"}}})
        dealer = clients.dealer()
        self.admin(dealer, 1, op="spawn", type="echo", name="first")
        self.assertRegex(self.refused(dealer, 2, {"op": "spawn", "type": "echo", "name": "second"}),
                         r"^ERR 2 503 threads_full( retry=\d+)?$")

    def test_a_circle_of_requests_is_refused(self):
        """6.call_cycle"""
        dealer = self.clients.dealer()
        answer = dealer.ask("REQ probe id=1 type=ask", b"probe 1000 name ")
        self.assertIn(b"call_cycle", answer[0] + answer[-1])

    def test_a_request_to_oneself_is_a_circle_too(self):
        """6.call_cycle 4.req"""
        name = self.fresh()
        dealer = self.clients.named(name)
        self.assertEqual(dealer.ask(f"REQ {name} id=1", b"me"), [b"ERR 1 409 call_cycle"])
        self.assertEqual(dealer.drain(), [])

    def test_unanswered_requests_of_one_client_are_bounded(self):
        """6.requests_full"""
        name = self.fresh()
        asker, server = self.clients.dealer(), self.clients.named(name)
        refusals, opened = 0, 0
        for first in range(1, 12_001, 200):
            for number in range(first, first + 200):
                asker.send(f"REQ {name} id={number} ttl=600000", b"")
            asker.send(f"PING {first}")
            for frames in asker.take_until(lambda f: f[0].startswith(b"PONG"))[:-1]:
                self.assertRegex(frames[0], rb"^ERR \d+ 429 (requests_full|mailbox_full)")
                refusals += 1
            while server.take_or_none(0):
                opened += 1
            if refusals:
                break
        self.assertGreater(refusals, 0)
        self.assert_usable(asker)


class AdminTest(ConformanceCase):
    def test_the_door_for_administration_answers_json(self):
        """12.door 12.stats 12.actors 12.plugins 12.explain 4.req-admin"""
        dealer = self.clients.dealer()
        self.assertIn("ledger", self.admin(dealer, 1, op="stats"))
        names = {actor["name"] for actor in self.admin(dealer, 2, op="actors")["actors"]}
        self.assertLessEqual({"echo", "counter", "probe"}, names)
        self.assertIn("plugins", self.admin(dealer, 3, op="plugins"))
        self.assertIn("text", self.admin(dealer, 4, op="explain", what="counter"))
        self.assertIn("causes", self.admin(dealer, 5, op="dead_letters"))

    def test_dead_letters_can_be_read_replayed_and_dropped(self):
        """12.dead_letters 12.replay 12.drop_letters 12.dead-topic"""
        daemon, clients = self.own()
        del daemon
        dealer, reader = clients.dealer(), clients.dealer()
        reader.ask("SUB $dead/failed id=1")
        dealer.ask("REQ failing id=1", b"throw")
        self.assertTrue(reader.take()[0].startswith(b"MSG 1 $dead/failed 1 "))
        letters = self.admin(dealer, 2, op="dead_letters", target="failing")["dead_letters"]
        self.assertEqual([letter["cause"] for letter in letters], ["failed"])
        self.assertEqual(self.admin(dealer, 3, op="replay", target="failing")["replayed"], 1)
        reader.take()
        self.assertEqual(self.admin(dealer, 4, op="drop_letters", all=True)["dropped"], 1)

    def test_the_payload_of_a_letter_is_shown_when_asked_for_and_their_number_is_bounded(self):
        """12.letter-payload 12.letters-bounds"""
        _, clients = self.own()
        dealer = clients.dealer()
        for payload in (b"throw", b"throw\0"):
            dealer.send("SEND failing type=throw", payload)
        for _ in range(3):
            for _ in range(400):
                dealer.send("SEND failing type=throw", b"x")
            self.assert_usable(dealer)

        def all_failed():
            told = self.admin(dealer, time.monotonic_ns(), op="dead_letters", limit=1)
            return told["causes"]["failed"]["buried"] == 1202
        self.assertTrue(world.eventually(all_failed))
        told = self.admin(dealer, time.monotonic_ns(), op="dead_letters", payload=True, limit=5)
        self.assertEqual(told["causes"]["failed"]["kept"], 1024)
        self.assertEqual(told["causes"]["failed"]["fell_out"], 178)
        self.assertEqual({letter["payload"] for letter in told["dead_letters"]}, {"x"})
