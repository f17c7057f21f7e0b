"""`REQ $backstage`: its ops as JSON, dead letters and explain among them, and bad questions."""
import json
import unittest

from case import DaemonCase
from client import ANSWER_SECONDS, Admin
from daemon import Deadline

# What is asked, how the ERR begins, and a word that the text for people must have.
BAD = [
    ("", "400 bad_arg", "op"),
    ("{", "400 bad_arg", "JSON"),
    ("[]", "400 bad_arg", "op"),
    ('{"op":5}', "400 bad_arg", "op"),
    ("{}", "400 bad_arg", "op"),
    ('{"op":"sats"}', "400 bad_arg", "stats"),
    ('{"op":"spawn"}', "400 bad_arg", "type"),
    ('{"op":"spawn","type":"echo"}', "400 bad_arg", "name"),
    ('{"op":"spawn","type":5,"name":"x"}', "400 bad_arg", "type"),
    ('{"op":"spawn","type":"nosuch","name":"x"}', "404 no_type", ""),
    ('{"op":"spawn","type":"echo","name":"a/b"}', "400 bad_name", ""),
    ('{"op":"spawn","type":"echo","name":"$x"}', "403 reserved_name", ""),
    ('{"op":"spawn","type":"counter","name":"echo"}', "409 type_mismatch", ""),
    ('{"op":"stop"}', "400 bad_arg", "name"),
    ('{"op":"stop","name":"nosuch"}', "404 no_actor", ""),
    ('{"op":"stop","name":"echo","hwo":"kill"}', "400 bad_arg", "how"),
    ('{"op":"stop","name":"echo","deadline_ms":"5s"}', "400 bad_arg", "deadline_ms"),
    ('{"op":"spawn","type":"echo","name":"x","overflow":"block"}', "400 bad_arg", "drop_oldest"),
    ('{"op":"unpark","name":"echo"}', "400 bad_arg", "running"),
    ('{"op":"dead_letters","cause":"boredom"}', "400 bad_arg", "failed, stopped, parked"),
    ('{"op":"drop_letters"}', "400 bad_arg", "all"),
    ('{"op":"replay","id":12345678}', "400 bad_arg", "dead_letters"),
    ('{"op":"explain"}', "400 bad_arg", "what"),
    ('{"op":"explain","what":"a b"}', "400 bad_name", ""),
    ('{"op":"explain","what":"a/*"}', "400 bad_addr", "pattern"),
    ("[" * 100_000, "400 bad_arg", ""),
    ('{"op":"spawn","type":"echo","name":"x","config":' + "[" * 300_000 + "]" * 300_000 + "}",
     "400 bad_arg", "32"),
    (b"\xff\xfe", "400 bad_arg", ""),
]


class AdminTest(DaemonCase):
    config = {"actors": {"echo": "echo", "counter": "counter"}}
    plugins = ["echo", "counter"]

    def test_bad_questions_get_a_code_and_a_text_that_helps(self):
        admin = self.admin()
        for asked, refusal, word in BAD:
            with self.subTest(asked[:40]):
                answer = admin.ask_raw(asked)
                self.assertTrue(answer[0].startswith(f"ERR {admin.id} {refusal}".encode()), answer)
                if word:
                    self.assertIn(word, answer[1].decode())

    def test_stats_count_and_balance(self):
        dealer = self.clients.dealer()
        for number in range(1, 101):
            dealer.ask(f"REQ counter id={number}", b"1")
        stats = Admin(dealer).ask("stats")
        self.assertGreaterEqual(stats["ledger"]["handled"], 100)
        self.assertGreaterEqual(stats["actors"], 2)

    def test_actors_lists_names_types_and_ledgers(self):
        listed = {actor["name"]: actor for actor in self.admin().ask("actors")["actors"]}
        self.assertEqual(listed["echo"]["type"], "echo")
        self.assertEqual(listed["counter"]["type"], "counter")
        self.assertIn("accepted", listed["counter"]["ledger"])

    def test_plugins_lists_what_is_loaded(self):
        listed = {plugin["id"]: plugin for plugin in self.admin().ask("plugins")["plugins"]}
        self.assertEqual(listed["org.backstage.echo"]["types"], ["echo"])
        self.assertEqual(listed["org.backstage.counter"]["version"], "1.0.0")

    def test_spawn_makes_an_actor_once_with_its_config_and_stop_ends_it(self):
        dealer = self.clients.dealer()
        admin = Admin(dealer)
        made = admin.spawn("counter", "counter:new", {"start": 10})
        self.assertEqual((made["name"], made["existing"]), ("counter:new", False))
        self.assertTrue(admin.spawn("counter", "counter:new")["existing"])
        self.assertEqual(dealer.ask("REQ counter:new id=1", b"5"), [b"REP 1", b"15"])
        admin.ask("stop", name="counter:new")
        deadline = Deadline(ANSWER_SECONDS)
        number, answer = 1, b""
        while b"404 no_actor" not in answer:
            self.assertFalse(deadline.is_over(), answer)
            number += 1
            answer = dealer.ask(f"SEND counter:new id={number}", b"1")[0]

    def test_the_door_answers_a_plain_req_socket_too(self):
        answer = self.clients.req().ask(b'REQ $backstage\n{"op": "stats"}')
        self.assertEqual(answer[0].split(b" ")[:2], [b"REP", b"0"])
        self.assertIn("ledger", json.loads(answer[1]))

    def test_a_spawn_says_what_the_actor_has_instead_of_its_types_settings(self):
        admin = self.admin()
        admin.ask("spawn", type="echo", name="narrow", mailbox={"messages": 3},
                  overflow="drop_newest", restart="temporary")
        mailbox = admin.ask("explain", what="narrow")["mailbox"]
        self.assertEqual((mailbox["messages_max"], mailbox["overflow"]), (3, "drop_newest"))
        self.assertEqual(mailbox["bytes_max"], admin.ask("explain", what="echo")["mailbox"]
                         ["bytes_max"])


class DeadLetterTest(DaemonCase):
    """An actor that is broken, parked, mended and given its dead letters again."""

    config = {"types": {"crashy": {"supervision": {"backoff_min": "0ms", "backoff_max": "0ms",
                                                   "intensity": 1, "period": "24h"}}},
              "actors": {"crashy": {"type": "crashy", "mailbox": {"messages": 50}}}}
    plugins = ["crashy"]

    def wait_for(self, admin, name, phase):
        deadline = Deadline(ANSWER_SECONDS)
        facts = {}
        while facts.get("phase") != phase:
            self.assertFalse(deadline.is_over(), facts)
            facts = admin.ask("explain", what=name)
        return facts

    def test_from_the_failure_to_the_replay(self):
        dealer = self.clients.dealer()
        admin = Admin(dealer)
        for number in (1, 2):
            answer, payload = dealer.ask(f"REQ crashy id={number}", b"fail")
            self.assertIn(b"500 actor_failed", answer)
        facts = self.wait_for(admin, "crashy", "parked")
        self.assertIn("parked", facts["text"])
        self.assertIn(payload.decode(), facts["last_failure"]["reason"])
        self.assertEqual(facts["mailbox"]["messages_max"], 50)
        self.assertIn(b"503 parked", dealer.ask("SEND crashy id=3", b"hello")[0])
        self.assertEqual([one["name"] for one in admin.ask("unpark")["parked"]], ["crashy"])

        listed = admin.ask("dead_letters", target="crashy", payload=True)
        self.assertEqual(listed["matched"], 2)
        letter = listed["dead_letters"][0]
        self.assertEqual((letter["cause"], letter["kind"], letter["payload"], letter["attempts"]),
                         ("failed", "request", "fail", 1))
        self.assertIn("dead letter", admin.ask("explain", what=letter["id"])["text"])

        refused = admin.ask("replay", target="crashy")
        self.assertEqual((refused["replayed"], refused["refused"]), (0, 2))
        self.assertEqual(refused["refusals"][0]["code"], "parked")
        admin.ask("unpark", name="crashy")
        self.wait_for(admin, "crashy", "running")
        self.assertEqual(admin.ask("replay", id=letter["id"])["replayed"], 1)
        deadline = Deadline(ANSWER_SECONDS)
        again = {}
        while again.get("state") != "dead_letter":
            self.assertFalse(deadline.is_over(), again)
            again = admin.ask("explain", what=letter["id"])
        self.assertEqual((again["dead_letter"]["kind"], again["dead_letter"]["attempts"]),
                         ("send", 2))
        self.assertEqual(admin.ask("drop_letters", cause="failed")["dropped"], 2)
        counts = admin.ask("dead_letters")["causes"]["failed"]
        self.assertEqual((counts["buried"], counts["replayed"], counts["dropped"], counts["kept"]),
                         (3, 1, 2, 0))

    def test_explain_an_address_and_names_that_are_not_there(self):
        dealer = self.clients.named("reader")
        admin = Admin(dealer)
        self.assertTrue(dealer.ask("SUB feed/md.* id=1")[0].startswith(b"OK 1"))
        dealer.send("PUB feed/md.x id=2 retain=1", b"12345")
        dealer.take_answer(2)
        facts = admin.ask("explain", what="feed/md.x")
        self.assertEqual((facts["seq"], facts["retained"]["bytes"]), (1, 5))
        self.assertEqual(facts["subscriptions"]["listed"][0]["subscriber"], "reader")
        self.assertIn("no actor has the name", admin.ask("explain", what="nobody")["text"])
        self.assertEqual(admin.ask("explain", what=10**15)["state"], "never_given")


if __name__ == "__main__":
    unittest.main()
