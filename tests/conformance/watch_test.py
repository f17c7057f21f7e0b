"""WATCH and UNWATCH: one DOWN for each end, and none for what is no end."""
import json
import unittest

from case import ConformanceCase, world


class WatchTest(ConformanceCase):
    def test_down_comes_once_when_the_watched_one_ends(self):
        """4.watch 4.watch-once 4.unwatch 5.down"""
        names = [self.fresh() for _ in range(2)]
        watched = [self.clients.named(name) for name in names]
        dealer = self.clients.dealer()
        for number, name in enumerate(names, 1):
            self.assertEqual(dealer.ask(f"WATCH {name} id={number}"), [f"OK {number}".encode()])
        self.assertEqual(dealer.ask(f"UNWATCH {names[1]} id=3"), [b"OK 3"])
        self.assertEqual(dealer.ask(f"UNWATCH {names[1]} id=4"), [b"ERR 4 404 no_sub"])
        self.assertEqual(dealer.ask(f"WATCH {names[0]} id=5"), [b"OK 5"], "still one watch")
        for peer in watched:
            self.assertEqual(peer.ask("BYE"), [b"BYE 200 ok"])
        down = dealer.take()[0].decode()
        self.assertRegex(down, rf"^DOWN {names[0]} [a-z_]+$")
        # One-shot: the next holder of the name is not watched.
        again = self.clients.named(names[0])
        self.assertEqual(again.ask("BYE"), [b"BYE 200 ok"])
        self.assertEqual(dealer.drain(), [])

    def test_watching_nobody_is_ok_and_told_at_once(self):
        """4.watch-unknown"""
        dealer, name = self.clients.dealer(), self.fresh()
        dealer.send(f"WATCH {name} id=1")
        self.assertEqual(sorted([dealer.take()[0], dealer.take()[0]]),
                         [f"DOWN {name} no_actor".encode(), b"OK 1"])

    def test_an_actor_that_stops_is_down(self):
        """4.watch 12.spawn 12.stop"""
        if world.FOREIGN:
            raise unittest.SkipTest("spawns an actor of type echo")
        dealer, name = self.clients.dealer(), self.fresh()
        self.admin(dealer, 1, op="spawn", type="echo", name=name)
        self.assertEqual(dealer.ask(f"WATCH {name} id=2"), [b"OK 2"])
        dealer.send("REQ $backstage id=3", b'{"op":"stop","name":"%s"}' % name.encode())
        answer, before = dealer.take_answer(3)
        self.assertTrue(answer[0].startswith(b"REP 3"), answer)
        lines = [f[0].decode() for f in before] or [dealer.take()[0].decode()]
        self.assertEqual(lines, [f"DOWN {name} stopped"])

    def test_a_stop_of_each_kind_has_its_own_word(self):
        """4.watch-reasons 5.down"""
        if world.FOREIGN:
            raise unittest.SkipTest("spawns an actor of type echo")
        dealer, name, number = self.clients.dealer(), self.fresh(), 0
        for how, reason in (("stop", "stopped"), ("drain", "drained"), ("kill", "killed")):
            with self.subTest(how):
                self.admin(dealer, number + 1, op="spawn", type="echo", name=name)
                self.assertEqual(dealer.ask(f"WATCH {name} id={number + 2}")[0][:2], b"OK")
                self.clients.dealer().send(
                    f"REQ $backstage id={number + 3}",
                    json.dumps({"op": "stop", "name": name, "how": how}))
                self.assertEqual(dealer.take(), [f"DOWN {name} {reason}".encode()])
                number += 10

    def test_a_restart_is_no_end_and_parking_is(self):
        """4.watch-restart 4.watch-reasons"""
        daemon, clients = self.own(plugins=("crashy",), config={
            "actors": {"failing": "crashy"}, "types": {"crashy": {"supervision": {
                "intensity": 2, "backoff_min": "1ms", "backoff_max": "1ms"}}}})
        del daemon
        dealer = clients.dealer()
        self.assertEqual(dealer.ask("WATCH failing id=1"), [b"OK 1"])
        for number in (2, 3):
            self.assertEqual(dealer.ask(f"REQ failing id={number} ttl=5000", b"throw")[0],
                             b"ERR %d 500 actor_failed" % number)
        self.assertEqual(dealer.ask("REQ failing id=4", b"")[0], b"REP 4")
        dealer.send("SEND failing", b"throw")
        self.assertEqual(dealer.take(), [b"DOWN failing parked"])
        dealer.send("WATCH failing id=5")
        self.assertEqual(sorted([dealer.take()[0], dealer.take()[0]]),
                         [b"DOWN failing parked", b"OK 5"])

    def test_watches_are_bounded_like_subscriptions(self):
        """4.watch-quota 6.subs_full"""
        _, clients = self.own(config={"actors": {"echo": "echo"},
                                      "gateway": {"limits": {"subs_per_session": 3}}})
        dealer = clients.dealer()
        for at in range(5):
            clients.named(f"w{at}")
        for at in range(3):
            self.assertEqual(dealer.ask(f"WATCH w{at} id={at + 1}")[0], b"OK %d" % (at + 1))
        self.assert_error(dealer.ask("WATCH w3 id=4"), 4, "429 subs_full")
        self.assertEqual(dealer.ask("UNWATCH w0 id=5"), [b"OK 5"])
        self.assertEqual(dealer.ask("WATCH w4 id=6"), [b"OK 6"])
