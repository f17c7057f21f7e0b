"""Every verb of a client library and every error it can end in; run against each driver."""
import unittest

from suite import SLOW, Case, DaemonCase, needs, text

MEBIBYTE = 1 << 20
EVERY_BYTE = bytes(range(256))


class VerbsTest(Case, DaemonCase):
    # The sleepers are for those who fill a mailbox: who comes later finds the probe awake.
    config = {"actors": {"counter": "counter", "echo": "echo", "probe": "probe",
                         "sleeper.1": "probe", "sleeper.2": "probe"},
              "types": {"probe": {"mailbox": {"messages": 5}}}}
    plugins = ["counter", "echo", "probe"]

    def setUp(self):
        super().setUp()
        self.client = self.driver(self.daemon.endpoint("cmd"))

    # --- Sending and asking.

    def test_a_confirmed_send_ends_when_the_actor_has_it(self):
        self.client.do("send", actor="probe", text="kept")
        told = text(self.client.do("request", actor="probe", type="got"))
        self.assertIn(f"send {self.client.welcome['name']} 0 kept", told)

    def test_sends_arrive_in_their_order_confirmed_or_not(self):
        peer = self.clients.named("orderly")
        for number in range(60):
            self.client.do("send", actor="orderly", text=str(number), confirm=number % 3 == 0)
        self.assertEqual([int(peer.take()[1]) for _ in range(60)], list(range(60)))

    def test_a_send_to_nobody_is_404_and_says_to_whom(self):
        failure = self.refused(404, "no_actor", self.client.do, "send", actor="nosuch")
        self.assertIn("nosuch", failure.text)

    def test_an_unconfirmed_send_that_is_refused_is_told_later(self):
        self.client.do("send", actor="nosuch", confirm=False)
        refusal = self.client.expect("refused")
        self.assertEqual((refusal["code"], refusal["token"]), (404, "no_actor"))

    def test_a_request_gives_the_reply_and_its_type(self):
        reply = self.client.do("request", actor="probe", type="echo", text="hello")
        self.assertEqual((text(reply), reply["type"]), ("hello", "echo"))
        self.assertEqual(text(self.client.do("request", actor="echo", text="plain")), "plain")

    def test_an_unanswered_request_ends_in_504_and_says_whom_it_asked_and_how_long(self):
        failure = self.refused(504, "timeout", self.client.do, "request", actor="probe",
                               type="mute", timeout_ms=80)
        self.assertIn("probe", failure.text)
        self.assertIn("80", failure.text)
        self.client.do("ping")

    def test_an_actor_that_fails_ends_the_request_with_500(self):
        self.refused(500, "actor_failed", self.client.do, "request", actor="probe", type="fail",
                     text="on purpose", timeout_ms=int(5000 * SLOW))

    def test_a_full_mailbox_is_429_and_may_be_tried_again(self):
        self.client.do("send", actor="sleeper.1", type="sleep", text=str(int(400 * SLOW)))
        for _ in range(20):
            self.client.do("send", actor="sleeper.1", confirm=False)
        failure = self.refused(429, "mailbox_full", self.client.do, "send", actor="sleeper.1")
        self.assertTrue(failure.retryable)
        self.assertEqual(text(self.client.do("request", actor="echo", text="lives")), "lives")

    @needs("retry")
    def test_a_client_that_may_retry_gets_through_once_the_mailbox_has_room(self):
        patient = self.driver(self.daemon.endpoint("cmd"), timeout_ms=int(10_000 * SLOW),
                              retry={"attempts": 100, "base_ms": 20, "cap_ms": 100})
        self.client.do("send", actor="sleeper.2", type="sleep", text=str(int(300 * SLOW)))
        for _ in range(20):
            self.client.do("send", actor="sleeper.2", confirm=False)
        patient.do("send", actor="sleeper.2", type="name")

    def test_a_name_that_would_break_the_line_is_refused_before_it_is_sent(self):
        for name in ("two words", "a=b", "", "line\nfeed", "n\u00e4me", "x" * 300):
            with self.subTest(name=name):
                self.refused(400, "bad_addr", self.client.do, "send", actor=name)
        self.refused(400, "bad_addr", self.client.do, "subscribe", pattern="a/b c")
        self.refused(400, "bad_name", self.client.do, "send", actor="echo", type="a b")

    def test_the_daemon_judges_what_is_a_word_but_no_address(self):
        self.refused(400, "bad_addr", self.client.do, "publish", address="feed/*")
        self.refused(400, "bad_addr", self.client.do, "subscribe", pattern="feed/a..b")
        self.refused(400, "bad_addr", self.client.do, "get", address="a/b/c")

    def test_any_bytes_pass_through_unchanged(self):
        unicode = "\u65e5\u672c \U0001f3ad".encode()
        for payload in (EVERY_BYTE, b"", b"\n", b"\n\nid=1", b"\0", unicode):
            with self.subTest(payload=payload[:8]):
                reply = self.client.do("request", actor="echo", hex=payload.hex())
                self.assertEqual(bytes.fromhex(reply["hex"]), payload)

    def test_a_mebibyte_passes_and_one_byte_more_is_413_and_harms_nothing(self):
        whole = (EVERY_BYTE * 4096).hex()
        reply = self.client.do("request", actor="echo", hex=whole)
        self.assertTrue(reply["hex"] == whole, "a mebibyte came back changed")
        self.refused(413, "too_large", self.client.do, "request", actor="echo", hex=whole + "00")
        self.assertEqual(text(self.client.do("request", actor="echo", text="lives")), "lives")

    # --- Publishing and subscribing.

    def test_publish_tells_how_many_it_reached(self):
        told = self.client.do("publish", address="count/x", text="1")
        self.assertEqual((told["n"], told["full"]), (0, 0))
        self.client.do("subscribe", pattern="count/x")
        self.client.do("subscribe", pattern="count/*")
        self.assertEqual(self.client.do("publish", address="count/x", text="2")["n"], 2)
        self.client.do("publish", address="count/x", text="3", confirm=False)
        self.client.expect("message", pattern="count/*", hex=b"3".hex())

    def test_publishing_under_a_name_that_another_holds_is_403(self):
        self.refused(403, "forbidden", self.client.do, "publish", address="echo/x")

    def test_the_own_name_needs_not_be_written(self):
        owner = self.driver(self.daemon.endpoint("cmd"), name="owner")
        self.client.do("subscribe", pattern="owner/quote")
        owner.do("publish", address="/quote", text="1.08", type="price")
        got = self.client.expect("message")
        self.assertEqual((got["address"], got["sender"], got["type"], text(got)),
                         ("owner/quote", "owner", "price", "1.08"))

    def test_subscribe_returns_after_the_acknowledgement_so_nothing_after_it_is_missed(self):
        other = self.driver(self.daemon.endpoint("cmd"))
        for number in range(20):
            told = self.client.do("subscribe", pattern=f"prompt/t{number}")
            self.assertEqual(told["seq"], 0)
            other.do("publish", address=f"prompt/t{number}", text="at once")
            got = self.client.expect("message", address=f"prompt/t{number}")
            self.assertEqual(got["seq"], 1)

    def test_deliveries_come_in_order_with_rising_numbers(self):
        self.client.do("subscribe", pattern="order/x")
        self.client.do("request", actor="echo")
        other = self.driver(self.daemon.endpoint("cmd"))
        for number in range(1, 201):
            other.do("publish", address="order/x", text=str(number), confirm=number % 50 == 0)
        got = self.client.take("message", 200)
        self.assertEqual([each["seq"] for each in got], list(range(1, 201)))
        self.assertEqual([text(each) for each in got], [str(n) for n in range(1, 201)])

    def test_what_an_actor_published_before_its_reply_is_told_before_it_is_asked_again(self):
        self.client.do("subscribe", pattern="probe/burst")
        self.client.do("request", actor="probe", type="publish", text="burst 500")
        got = self.client.take("message", 500)
        self.assertEqual([each["seq"] for each in got], list(range(1, 501)))

    def test_a_pattern_without_a_topic_means_the_default_one(self):
        self.client.do("subscribe", pattern="counter")
        self.client.do("send", actor="counter", text="7")
        got = self.client.expect("message")
        self.assertEqual((got["pattern"], got["address"], got["sender"]),
                         ("counter/default", "counter/default", "counter"))

    def test_wildcards_bring_what_matches_and_have_no_number_to_begin_with(self):
        told = self.client.do("subscribe", pattern="*/md.>")
        self.assertIsNone(told["seq"])
        for address in ("f/md", "f/md.a", "g/md.a.b", "g/mx.a"):
            self.client.do("publish", address=address, text=address)
        self.assertEqual([each["address"] for each in self.client.take("message", 2)],
                         ["f/md.a", "g/md.a.b"])

    def test_snap_brings_the_retained_value_first_and_marks_it(self):
        self.client.do("publish", address="snap/x", text="kept", retain=True)
        self.client.do("publish", address="snap/x", text="passing")
        self.client.do("subscribe", pattern="snap/x", snap=True)
        self.client.do("publish", address="snap/x", text="live")
        first, second = self.client.take("message", 2)
        self.assertEqual((text(first), first["snap"], first["seq"]), ("kept", True, 1))
        self.assertEqual((text(second), second["snap"], second["seq"]), ("live", False, 3))

    def test_after_unsubscribe_nothing_of_it_comes(self):
        self.client.do("subscribe", pattern="left/x")
        self.client.do("subscribe", pattern="left/y")
        self.client.do("unsubscribe", pattern="left/x")
        self.client.do("publish", address="left/x", text="not this")
        self.client.do("publish", address="left/y", text="this")
        self.assertEqual(text(self.client.expect("message")), "this")
        self.refused(404, "no_sub", self.client.do, "unsubscribe", pattern="left/x")

    def test_get_gives_the_retained_value_or_says_that_there_is_none(self):
        self.client.do("publish", address="board/x", text="81", type="count", retain=True)
        got = self.client.do("get", address="board/x")
        self.assertEqual((got["address"], got["seq"], got["type"], text(got)),
                         ("board/x", 1, "count", "81"))
        self.refused(404, "no_value", self.client.do, "get", address="board/y")

    # --- Serving.

    def test_a_client_serves_requests_to_its_own_name(self):
        server = self.driver(self.daemon.endpoint("cmd"), name="server")
        server.do("serve")
        reply = self.client.do("request", actor="server", text="how much", type="ask")
        self.assertEqual((text(reply), reply["type"]), ("how much", "served"))
        got = server.expect("mail")
        self.assertEqual((got["sender"], got["type"], got["asked"]),
                         (self.client.welcome["name"], "ask", True))

    def test_a_handler_may_refuse_and_one_that_fails_does_not_end_its_client(self):
        server = self.driver(self.daemon.endpoint("cmd"), name="refuser")
        server.do("serve")
        self.refused(404, "no_value", self.client.do, "request", actor="refuser", type="refuse")
        self.refused(500, "actor_failed", self.client.do, "request", actor="refuser", type="fail")
        self.refused(504, "timeout", self.client.do, "request", actor="refuser", type="mute",
                     timeout_ms=100)
        self.assertEqual(text(self.client.do("request", actor="refuser", text="still here")),
                         "still here")

    def test_mail_to_a_client_comes_in_order_and_waits_until_it_is_served(self):
        server = self.driver(self.daemon.endpoint("cmd"), name="mailed")
        for number in range(10):
            self.client.do("send", actor="mailed", text=str(number))
        server.do("serve")
        got = server.take("mail", 10)
        self.assertEqual([text(each) for each in got], [str(n) for n in range(10)])
        self.assertFalse(got[0]["asked"])

    # --- The session.

    def test_a_name_that_is_held_is_409_at_once(self):
        self.driver(self.daemon.endpoint("cmd"), name="held")
        other = self.driver()
        failure = self.refused(409, "name_in_use", other.do, "connect", name="held",
                               endpoint=self.daemon.endpoint("cmd"))
        self.assertIn("name", failure.next)
        self.refused(403, "reserved_name", other.do, "connect", name="$me",
                     endpoint=self.daemon.endpoint("cmd"))

    def test_a_closed_client_says_so_may_be_closed_again_and_frees_its_name(self):
        first = self.driver(self.daemon.endpoint("cmd"), name="leaver")
        first.do("send", actor="counter", text="1", confirm=False)
        first.do("close")
        first.do("close")
        self.refused(0, "closed", first.do, "send", actor="echo")
        self.driver(self.daemon.endpoint("cmd"), name="leaver")
        self.assertEqual(first.finish(), 0)

    def test_nobody_at_the_endpoint_is_unreachable_within_the_timeout(self):
        other = self.driver()
        failure = self.refused(0, "unreachable", other.do, "connect", timeout_ms=300,
                               endpoint="tcp://127.0.0.1:1")
        self.assertIn("tcp://127.0.0.1:1", failure.text)
        self.refused(0, "bad_endpoint", other.do, "connect", endpoint="tcp://nowhere")

    def test_the_daemon_is_found_by_its_directory_and_by_its_file(self):
        for where in (self.daemon.runtime_dir, self.daemon.runtime_dir / "endpoints.json"):
            found = self.driver(str(where))
            self.assertEqual(found.do("ping")["epoch"], self.client.welcome["epoch"])

    def test_closing_while_messages_pour_in_ends_at_once(self):
        self.client.do("subscribe", pattern="probe/flood")
        asker = self.driver(self.daemon.endpoint("cmd"))
        asker.do("send", actor="probe", type="publish", text="flood 20000")
        self.client.expect("message")
        self.client.do("close")
        self.assertEqual(self.client.finish(), 0)

    # --- Many at a time, and native sockets.

    def test_a_batch_tells_the_outcome_of_each_entry(self):
        self.client.do("subscribe", pattern="pack/x")
        entries = [{"do": "publish", "address": "pack/x", "hex": "61"},
                   {"do": "send", "actor": "nosuch", "hex": "62"},
                   {"do": "send", "actor": "echo", "hex": EVERY_BYTE.hex(), "type": "t"},
                   {"do": "publish", "address": "pack/x"}]
        outcomes = self.client.do("batch", entries=entries)["outcomes"]
        self.assertEqual(outcomes, [{"n": 1, "full": 0}, {"code": 404, "token": "no_actor"}, {},
                                    {"n": 1, "full": 0}])
        self.assertEqual([each["hex"] for each in self.client.take("message", 2)], ["61", ""])

    def test_a_batch_of_thousands_is_split_and_keeps_its_order(self):
        peer = self.clients.named("packed")
        entries = [{"do": "publish", "address": "many/x", "hex": str(n).encode().hex()}
                   for n in range(3000)]
        peer.ask("SUB many/x id=1")
        outcomes = self.client.do("batch", entries=entries)["outcomes"]
        self.assertEqual(len(outcomes), 3000)
        self.assertEqual([each for each in outcomes if each != {"n": 1, "full": 0}], [])

    @needs("sync")
    def test_sync_returns_when_a_native_subscriber_misses_nothing_more(self):
        self.client.do("sync", filters=["native/x|"])
        self.client.do("publish", address="native/x", text="first")
        got = self.client.expect("native")
        self.assertEqual(got["header"].split("|")[:2], ["native/x", "1"])
        self.assertEqual(text(got), "first")


if __name__ == "__main__":
    unittest.main()
