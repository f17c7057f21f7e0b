"""`REQ $backstage`: stats, actors, plugins, spawn and stop as JSON, and every bad question."""
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
    ("[" * 100_000, "400 bad_arg", ""),
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


if __name__ == "__main__":
    unittest.main()
