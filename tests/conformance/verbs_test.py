"""Section 4, verb by verb: what each does, what it answers, and what it refuses."""
from case import ConformanceCase, wire


class HelloTest(ConformanceCase):
    def test_welcome_tells_name_token_epoch_limits_and_endpoints(self):
        """4.hello 4.hello-versions 4.hello-name 5.welcome 1.endpoints"""
        name = self.fresh()
        dealer = self.clients.dealer()
        told = wire.keys(dealer.ask(f"HELLO v=1,2 id=1 name={name}")[0])
        self.assertEqual((told["v"], told["name"], told["last_id"]), ("1", name, "0"))
        self.assertGreaterEqual(int(told["max_payload"]), 1)
        self.assertRegex(told["session"], r"^[0-9a-f]{32}$")
        other = self.clients.hello()[1]
        self.assertRegex(other["name"], r"^client\.[0-9a-f]+$")
        self.assertEqual(other["epoch"], told["epoch"])
        self.assertNotEqual(other["session"], told["session"])

    def test_a_token_is_drawn_anew_for_each_session(self):
        """5.welcome"""
        tokens = {self.clients.hello()[1]["session"] for _ in range(30)}
        self.assertEqual(len(tokens), 30)
        bits = 0
        for token in tokens:
            bits |= int(token, 16)
        self.assertEqual(bits.bit_count(), 128, "each bit is set in some token")

    def test_a_version_that_the_daemon_does_not_speak_is_505_and_says_which_it_does(self):
        """4.hello-versions 6.version 11.both"""
        dealer = self.clients.dealer()
        self.assertEqual(dealer.ask("HELLO v=7 id=4")[0], b"ERR 4 505 version supported=1")
        self.assertEqual(dealer.ask("HELLO v=2,3 id=5")[0], b"ERR 5 505 version supported=1")
        self.assertTrue(dealer.ask("HELLO v=3,1 id=6")[0].startswith(b"WELCOME v=1 "))

    def test_a_name_that_a_client_or_an_actor_holds_is_409(self):
        """4.hello 6.name_in_use 7.name-unique; T23"""
        name = self.fresh()
        self.clients.named(name)
        other = self.clients.dealer()
        self.assertEqual(other.ask(f"HELLO v=1 id=1 name={name}")[0], b"ERR 1 409 name_in_use")
        self.assertEqual(other.ask("HELLO v=1 id=2 name=echo")[0], b"ERR 2 409 name_in_use")
        other.ask(f"HELLO v=1 id=3 name={self.fresh()}")
        self.assert_usable(other)

    def test_a_later_hello_says_its_options_anew(self):
        """4.hello-anew 4.hello-verbose"""
        dealer, _ = self.clients.hello("verbose=1")
        self.assertEqual(dealer.ask("SEND echo", b"x"), [b"OK 0"])
        self.assertTrue(dealer.ask("HELLO v=1 id=2")[0].startswith(b"WELCOME"))
        dealer.send("SEND echo", b"x")
        self.assert_usable(dealer)

    def test_without_hello_the_first_command_opens_an_anonymous_session(self):
        """4.hello-anonymous 7.begins"""
        dealer, name = self.clients.dealer(), self.fresh()
        reader = self.clients.named(name)
        self.assertEqual(dealer.ask(f"SEND {name} id=1", b"x")[0], b"OK 1")
        self.assertRegex(reader.take()[0].decode(), rf"^MSG 0 {name} 0 client\.[0-9a-f]+$")


class SendTest(ConformanceCase):
    def test_ok_of_send_means_that_it_is_in_the_mailbox_and_comes_once(self):
        """4.send 4.send-ok 5.ok 3.type"""
        name = self.fresh()
        reader, writer = self.clients.named(name), self.clients.named(self.fresh())
        self.assertEqual(writer.ask(f"SEND {name} id=2 type=note", b"hello"), [b"OK 2"])
        frames = reader.take()
        self.assertRegex(frames[0].decode(), rf"^MSG 0 {name} 0 \S+ type=note$")
        self.assertEqual(frames[1], b"hello")
        self.assertEqual(reader.drain(), [])

    def test_a_send_to_nobody_and_to_a_full_mailbox_is_refused_and_not_delivered(self):
        """4.send 6.no_actor 6.mailbox_full 6.retry"""
        daemon, clients = self.own(config={"actors": {"probe": "probe"},
                                           "types": {"probe": {"mailbox": {"messages": 4}}}})
        del daemon
        dealer = clients.dealer()
        self.assertEqual(dealer.ask("SEND nosuch id=1", b"x"), [b"ERR 1 404 no_actor"])
        dealer.send("REQ probe id=2 type=sleep", b"400")
        answers = []
        for number in range(3, 40):
            dealer.send(f"SEND probe id={number}", b"x")
        for number in range(3, 40):
            answer = dealer.take_until(lambda f, n=number: wire.is_answer(f[0], n))[-1][0]
            answers.append(answer.split(b" ", 2))
        accepted = sum(word == b"OK" for word, *_ in answers)
        refused = [rest for word, *rest in answers if word == b"ERR"]
        self.assertEqual(accepted + len(refused), 37)
        self.assertGreater(len(refused), 30)
        for _, text in refused:
            self.assertRegex(text.decode(), r"^429 mailbox_full( retry=\d+)?$")
        number = 100
        while True:
            number += 1
            dealer.send(f"REQ probe id={number} type=count")
            answer, _ = dealer.take_answer(number)
            if answer[0].startswith(b"REP"):
                break
        self.assertEqual(wire.keys(answer[1])["send"], str(accepted))

    def test_names_beginning_with_a_dollar_may_be_sent_to_but_not_taken(self):
        """3.daemon-names 6.reserved_name"""
        dealer = self.clients.dealer()
        self.assertEqual(dealer.ask("HELLO v=1 id=1 name=$me")[0], b"ERR 1 403 reserved_name")
        self.assertTrue(self.admin(dealer, 2, op="stats"))


class ReqTest(ConformanceCase):
    def test_a_request_ends_in_exactly_one_reply_or_error(self):
        """4.req 5.rep 6.no_actor 6.actor_failed 6.timeout"""
        dealer = self.clients.dealer()
        dealer.send("REQ echo id=4", b"5")
        self.assertEqual(dealer.take(), [b"REP 4", b"5"])
        self.assertEqual(dealer.ask("REQ echo id=5 type=add", b"5"), [b"REP 5 type=add", b"5"])
        self.assertEqual(dealer.ask("REQ nosuch id=6", b"5"), [b"ERR 6 404 no_actor"])
        self.assertEqual(dealer.ask("REQ failing id=7", b"throw")[0], b"ERR 7 500 actor_failed")
        self.assertEqual(dealer.ask("REQ probe id=8 ttl=50 type=mute", b""), [b"ERR 8 504 timeout"])
        self.assertEqual(dealer.drain(), [])

    def test_an_expired_request_never_reaches_the_actor(self):
        """4.req-deadline 6.timeout"""
        name = self.fresh()
        asker, server = self.clients.dealer(), self.clients.named(name)
        daemon_answers = asker.ask(f"REQ {name} id=1 ttl=30", b"late")
        self.assertEqual(daemon_answers, [b"ERR 1 504 timeout"])
        rid = wire.keys(server.take()[0])["rid"]
        self.assertEqual(server.ask(f"REP {rid}", b"x")[0], b"ERR 0 404 no_request")
        self.assertEqual(asker.drain(), [])
        # Behind a busy actor it expires before its turn.
        asker.send("SEND probe type=sleep", b"150")
        asker.send("REQ probe id=2 ttl=40 type=publish", b"expired 1")
        self.assertEqual(asker.take(), [b"ERR 2 504 timeout"])
        asker.send("SUB probe/expired id=3")
        self.assertTrue(asker.take_answer(3)[0][0].endswith(b" seq=0"), "nothing was published")
        asker.send("REQ probe id=4 type=name")
        self.assertEqual(asker.take_answer(4)[0], [b"REP 4", b"probe"])
        self.assertEqual(asker.drain(), [])

    def test_a_deadline_outside_of_its_range_is_refused(self):
        """4.req-deadline 6.bad_arg"""
        dealer = self.clients.dealer()
        for number, ttl in enumerate(("0", "-1", "1.5", "86400001", "x", ""), 1):
            with self.subTest(ttl):
                answer = dealer.ask(f"REQ echo id={number} ttl={ttl}", b"")[0]
                self.assertEqual(answer, f"ERR {number} 400 bad_arg".encode())
        self.assertEqual(dealer.ask("REQ echo id=9 ttl=86400000", b"x"), [b"REP 9", b"x"])

    def test_a_request_is_never_taken_for_a_repetition(self):
        """7.req-no-dedup"""
        dealer = self.clients.named(self.fresh())
        for _ in range(3):
            self.assertEqual(dealer.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])


class PubTest(ConformanceCase):
    def test_ok_of_pub_counts_deliveries_and_a_full_subscriber_never_fails_it(self):
        """4.pub 4.pub-own 4.pub-count 4.sub-early 5.ok"""
        name = self.fresh()
        readers = [self.clients.dealer() for _ in range(3)]
        for reader in readers:
            reader.ask(f"SUB {name}/quote id=1")
        readers[0].ask(f"SUB {name}/> id=2")
        owner = self.clients.named(name)
        self.assertEqual(owner.ask("PUB /other id=1", b"x"), [b"OK 1 n=1 full=0"])
        self.assertEqual(owner.ask("PUB /quote id=2 type=t", b"y"), [b"OK 2 n=4 full=0"])
        for reader in readers[1:]:
            self.assertEqual(reader.take(), [f"MSG 1 {name}/quote 1 {name} type=t".encode(), b"y"])
        self.assertEqual(len(readers[0].drain()), 3)

    def test_publishing_under_a_name_that_another_holds_is_403(self):
        """4.pub-foreign 6.forbidden; T31"""
        name = self.fresh()
        self.clients.named(name)
        dealer = self.clients.dealer()
        self.assertEqual(dealer.ask(f"PUB {name}/x id=1", b""), [b"ERR 1 403 forbidden"])
        self.assertEqual(dealer.ask("PUB echo/x id=2", b""), [b"ERR 2 403 forbidden"])
        self.assertEqual(dealer.ask(f"PUB {self.fresh()}/x id=3", b""), [b"OK 3 n=0 full=0"])

    def test_a_retained_value_is_kept_until_another_and_outlives_plain_publishes(self):
        """4.pub-retain 4.get 4.sub-snap 5.val 6.no_value"""
        name = self.fresh()
        dealer = self.clients.named(name)
        self.assertEqual(dealer.ask(f"GET {name}/v id=1"), [b"ERR 1 404 no_value"])
        self.assertEqual(dealer.ask("PUB /v id=2 retain=1 type=t", b"kept")[0], b"OK 2 n=0 full=0")
        self.assertEqual(dealer.ask("PUB /v id=3", b"passing")[0], b"OK 3 n=0 full=0")
        self.assertEqual(dealer.ask(f"GET {name}/v id=4"),
                         [f"VAL 4 {name}/v 1 {name} type=t".encode(), b"kept"])
        other = self.clients.dealer()
        self.assertEqual(other.ask(f"SUB {name}/v id=1 snap=1"), [b"OK 1 sub=1 seq=2"])
        self.assertEqual(other.take(),
                         [f"MSG 1 {name}/v 1 {name} type=t snap=1".encode(), b"kept"])
        dealer.ask("PUB /v id=5 retain=1", b"newer")
        self.assertEqual(other.take(), [f"MSG 1 {name}/v 3 {name}".encode(), b"newer"])
        self.assertEqual(dealer.ask("BYE"), [b"BYE 200 ok"])
        self.assertEqual(other.ask(f"GET {name}/v id=6"),
                         [f"VAL 6 {name}/v 3 {name}".encode(), b"newer"])


class RepTest(ConformanceCase):
    def test_a_client_serves_requests_and_may_refuse_them(self):
        """4.rep 4.rep-own-name 4.err-number 5.msg 6.no_request"""
        name = self.fresh()
        asker, server = self.clients.named(self.fresh()), self.clients.named(name)
        rows = [("REP {} type=price", b"10", [b"REP {} type=price", b"10"]),
                ("REP {}", b"", [b"REP {}", b""]),
                ("ERR {} 404 no_value", b"", [b"ERR {} 404 no_value"]),
                ("ERR {} 599 no_value", b"", [b"ERR {} 404 no_value"]),
                ("ERR {} 500 odd_token", b"why", [b"ERR {} 500 actor_failed", b"why"])]
        for number, (line, payload, expected) in enumerate(rows, 1):
            with self.subTest(line):
                asker.send(f"REQ {name} id={number}", b"how much")
                asked = server.take()
                self.assertRegex(asked[0].decode(), rf"^MSG 0 {name} 0 \S+ rid=\d+$")
                self.assertEqual(asked[1], b"how much")
                rid = wire.keys(asked[0])["rid"]
                server.send(line.format(rid), payload)
                answer = asker.take()
                self.assertEqual(answer[0], expected[0].replace(b"{}", b"%d" % number))
                # Text may say which token it was that nobody knows.
                self.assertTrue(answer[1:] == expected[1:] or answer[1].endswith(b" why"), answer)
                self.assertEqual(server.ask(line.format(rid), payload)[0], b"ERR 0 404 no_request")

    def test_nobody_answers_a_request_that_another_was_asked(self):
        """4.rep; T31"""
        name = self.fresh()
        asker, server, thief = (self.clients.dealer(), self.clients.named(name),
                                self.clients.named(self.fresh()))
        asker.send(f"REQ {name} id=1", b"secret")
        rid = wire.keys(server.take()[0])["rid"]
        self.assertEqual(thief.ask(f"REP {rid}", b"forged")[0], b"ERR 0 404 no_request")
        server.send(f"REP {rid}", b"true")
        self.assertEqual(asker.take(), [b"REP 1", b"true"])

    def test_bye_fails_requests_that_wait_for_this_client(self):
        """4.bye 6.actor_failed 7.ends"""
        name = self.fresh()
        asker, server = self.clients.dealer(), self.clients.named(name)
        asker.send(f"REQ {name} id=2 ttl=60000", b"x")
        server.take()
        self.assertEqual(server.ask("BYE"), [b"BYE 200 ok"])
        self.assertEqual(asker.take()[0], b"ERR 2 500 actor_failed")
        self.assertEqual(asker.ask(f"SEND {name} id=3", b"x"), [b"ERR 3 404 no_actor"])


class PingTest(ConformanceCase):
    def test_pong_tells_epoch_and_subscriptions_and_returns_the_token(self):
        """4.ping 4.ping-token 5.pong"""
        dealer, told = self.clients.hello()
        self.assertEqual(dealer.ask("PING"), [f"PONG epoch={told['epoch']} subs=0".encode()])
        dealer.ask("SUB nobody/a id=2")
        dealer.ask("SUB nobody/> id=3")
        self.assertEqual(dealer.ask("PING 17"), [f"PONG epoch={told['epoch']} subs=2 17".encode()])
        dealer.ask("UNSUB nobody/a id=4")
        self.assertEqual(dealer.ask("PING " + "t" * 64),
                         [f"PONG epoch={told['epoch']} subs=1 {'t' * 64}".encode()])
        self.assertEqual(dealer.ask("PING " + "t" * 65)[0], b"ERR 0 400 bad_arg")

    def test_bye_ends_subscriptions_and_frees_the_name(self):
        """4.bye 5.bye 7.ends 7.name-free"""
        name, topic = self.fresh(), self.fresh()
        dealer, other = self.clients.named(name), self.clients.dealer()
        dealer.ask(f"SUB {topic}/x id=1")
        self.assertEqual(other.ask(f"PUB {topic}/x id=1", b"")[0], b"OK 1 n=1 full=0")
        self.assertTrue(dealer.take()[0].startswith(b"MSG 1 "))
        self.assertEqual(dealer.ask("BYE"), [b"BYE 200 ok"])
        self.assertEqual(other.ask(f"PUB {topic}/x id=2", b"")[0], b"OK 2 n=0 full=0")
        self.clients.named(name)
