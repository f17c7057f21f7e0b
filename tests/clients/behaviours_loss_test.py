"""Connections cut, daemons restarted, slow receivers: what a client library makes of them."""
import itertools
import os
import signal
import unittest

from cutting_proxy import Proxy
from stub_daemon import keys
from suite import SLOW, Case, Clients, Daemon, DaemonCase, Deadline, text


def covered(events):
    """First and last number of each message and gap, in the order told."""
    return [(each["seq"], each["seq"]) if each["event"] == "message"
            else (each["first"], each["last"]) for each in events]


class CutTest(Case, DaemonCase):
    config = {"actors": {"counter": "counter", "echo": "echo", "probe": "probe"}}
    plugins = ["counter", "echo", "probe"]

    def setUp(self):
        super().setUp()
        self.proxy = self.enterContext(Proxy(self.daemon.endpoint("cmd")))
        self.publisher = self.clients.dealer()
        self.published = 0

    def publish(self, address, count, payload=b""):
        """Publishes `count` messages with their number as payload; returns when all are offered."""
        for _ in range(count):
            self.published += 1
            self.publisher.ask(f"PUB {address} id={self.published}",
                               payload or str(self.published).encode())

    def tell_all(self, driver, last):
        """Message and gap events up to sequence number `last`, in their order."""
        told = []

        def is_told():
            nonlocal told
            told = [each for each in driver.events if each["event"] in ("message", "gap")]
            return told and covered(told)[-1][1] >= last

        driver.read_until(is_told, 30, f"number {last}")
        return told

    def assert_accounted(self, told, last):
        following = 1
        for first, end in covered(told):
            self.assertEqual(first, following, "nothing is left out, nothing told twice")
            following = end + 1
        self.assertEqual(following, last + 1)

    def test_without_ttl_a_cut_leads_to_a_new_session_with_the_same_subscriptions(self):
        client = self.driver(self.proxy.endpoint, name="cut")
        client.do("subscribe", pattern="cut.a/x")
        client.do("subscribe", pattern="cut.a/*")
        self.publish("cut.a/x", 2)
        self.proxy.cut()
        client.expect("session", kind="disconnected")
        renewed = client.expect("session", kind="renewed")
        self.assertFalse(renewed["reason"].startswith("epoch"), renewed)
        self.publish("cut.a/x", 1)
        client.expect("message", pattern="cut.a/x", seq=3)
        client.expect("message", pattern="cut.a/*", seq=3)
        self.assertEqual(self.publisher.ask("SEND cut id=9999", b"")[0], b"OK 9999")

    def test_what_was_published_while_the_connection_was_away_is_told_as_a_gap(self):
        client = self.driver(self.proxy.endpoint)
        client.do("subscribe", pattern="away/x")
        self.publish("away/x", 3)
        client.take("message", 3)
        self.proxy.cut(stay_closed=True)
        client.expect("session", kind="disconnected")
        self.publish("away/x", 4)
        self.proxy.mend()
        client.expect("session", kind="renewed")
        gap = client.expect("gap")
        self.assertEqual((gap["address"], gap["first"], gap["last"], gap["reason"]),
                         ("away/x", 4, 7, "reconnect"))
        self.publish("away/x", 1)
        self.assertEqual(client.expect("message")["seq"], 8)

    def test_with_ttl_a_cut_is_resumed_and_what_came_meanwhile_is_delivered(self):
        client = self.driver(self.proxy.endpoint, ttl=60)
        self.assertEqual(client.welcome["ttl"], 60)
        client.do("subscribe", pattern="kept/x")
        self.publish("kept/x", 3)
        client.take("message", 3)
        self.proxy.cut(stay_closed=True)
        client.expect("session", kind="disconnected")
        self.publish("kept/x", 4)
        self.proxy.mend()
        client.expect("session", kind="resumed")
        self.publish("kept/x", 1)
        client.expect("message", seq=8)
        told = [each for each in client.events if each["event"] in ("message", "gap")]
        following = 4
        for first, last in covered(told):
            self.assertEqual(first, following)
            following = last + 1
        self.assertEqual(following, 8)

    def test_cuts_in_the_middle_of_a_stream_leave_no_number_unexplained(self):
        client = self.driver(self.proxy.endpoint, ttl=60)
        client.do("subscribe", pattern="stream/x")
        for _ in range(4):
            self.publish("stream/x", 40)
            self.proxy.cut()
            self.publish("stream/x", 40)
            client.expect("session", kind="resumed")
        self.publish("stream/x", 1)
        self.assert_accounted(self.tell_all(client, 321), 321)

    def test_a_send_whose_answer_was_lost_is_sent_again_and_done_once(self):
        client = self.driver(self.proxy.endpoint, name="again", ttl=60)
        self.proxy.stall("back")
        tag = client.start("send", actor="probe", text="only once")
        self.eventually(lambda: b"again 0 only once" in self.got())
        self.proxy.cut()
        self.proxy.mend()
        client.end(tag)
        client.expect("session", kind="resumed")
        self.assertEqual(self.got().count(b"again 0 only once"), 1)

    def test_a_publish_that_never_arrived_is_sent_again_after_a_resume(self):
        client = self.driver(self.proxy.endpoint, ttl=60)
        self.publisher.ask("SUB late/x id=1000")
        self.proxy.stall("there")
        tag = client.start("publish", address="late/x", text="in the end")
        self.proxy.cut()
        self.proxy.mend()
        self.assertEqual(client.end(tag)["n"], 1)
        self.assertEqual(self.publisher.take()[1], b"in the end")

    def got(self):
        self.published += 1
        self.publisher.send(f"REQ probe id={self.published} type=got")
        return self.publisher.take_answer(self.published)[0][1]

    def test_a_request_lives_through_a_resume(self):
        client = self.driver(self.proxy.endpoint, ttl=60, timeout_ms=int(20_000 * SLOW))
        tag = client.start("request", actor="probe", type="sleep", text=str(int(500 * SLOW)))
        self.eventually(lambda: self.handled_by("probe"))
        self.proxy.cut()
        client.expect("session", kind="resumed")
        self.assertEqual(text(client.end(tag)), "done")

    def handled_by(self, actor):
        """Whether the actor is at work."""
        self.published += 1
        self.publisher.send(f"REQ $backstage id={self.published}",
                            b'{"op":"explain","what":"%s"}' % actor.encode())
        return b'"handles"' in self.publisher.take_answer(self.published)[0][1]

    def test_a_request_ends_as_lost_if_the_session_does(self):
        client = self.driver(self.proxy.endpoint)
        before = self.requests_seen()
        tag = client.start("request", actor="probe", type="mute", timeout_ms=60_000)
        self.eventually(lambda: self.requests_seen() == before + 1)
        self.proxy.cut()
        failure = self.refused(0, "lost", client.end, tag)
        self.assertIn("probe", failure.text)
        self.assertEqual(text(client.do("request", actor="echo", text="on")), "on")

    def requests_seen(self):
        """How many requests the probe has had, but for those of this question."""
        self.asked = getattr(self, "asked", 0) + 1
        count = self.publisher.ask(f"REQ probe id={self.bump()} type=count")[1]
        return int(keys(count.decode())["request"]) - self.asked

    def bump(self):
        self.published += 1
        return self.published

    def test_a_connection_that_is_silently_dead_is_noticed_by_ping(self):
        client = self.driver(self.proxy.endpoint, ping_ms=200)
        client.do("subscribe", pattern="dead/x")
        self.proxy.stall()
        client.expect("session", kind="disconnected")
        self.proxy.mend()
        client.expect("session", kind="renewed")
        self.publish("dead/x", 1)
        client.expect("message")

    def test_what_is_sent_while_the_connection_is_away_is_sent_when_it_is_back_or_fails(self):
        client = self.driver(self.proxy.endpoint)
        self.proxy.cut(stay_closed=True)
        client.expect("session", kind="disconnected")
        failure = self.refused(0, "unreachable", client.do, "send", actor="probe", text="not done",
                               timeout_ms=100)
        self.assertTrue(failure.retryable)
        tag = client.start("send", actor="probe", text="done late", timeout_ms=int(20_000 * SLOW))
        self.proxy.mend()
        client.end(tag)
        got = self.got()
        self.assertEqual((got.count(b"done late"), got.count(b"not done")), (1, 0))

    def test_what_a_handler_had_not_finished_comes_again_after_a_resume(self):
        client = self.driver(self.proxy.endpoint, ttl=60)
        told = client.do("subscribe", pattern="acked/x", ack=True, window=3,
                         handler_ms=int(100 * SLOW))
        self.assertEqual((told["ack"], told["window"]), (True, 3))
        self.publish("acked/x", 6)
        client.expect("message", seq=1)
        self.proxy.cut()
        client.expect("session", kind="resumed")
        client.expect("message", seq=6)
        self.assertEqual([each for each in client.events if each["event"] == "gap"], [])
        seen = {each["seq"] for each in client.events if each["event"] == "message"}
        self.assertEqual(seen | {1, 6}, {1, 2, 3, 4, 5, 6})
        self.assertTrue(any(each["redelivered"] for each in client.events
                            if each["event"] == "message"))

    def test_a_window_keeps_a_slow_handler_from_losing_anything(self):
        client = self.driver(self.daemon.endpoint("cmd"))
        client.do("subscribe", pattern="window/x", window=4, handler_ms=2)
        self.publish("window/x", 100)
        told = self.tell_all(client, 100)
        self.assertEqual([each["event"] for each in told], ["message"] * 100)

    def test_a_slow_receiver_is_told_every_number_it_missed_and_nothing_else(self):
        client = self.driver(self.daemon.endpoint("cmd"))
        client.do("subscribe", pattern="slow/x")
        os.kill(client.process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, client.process.pid, os.WSTOPPED)
        last, body = 12_000, b"x" * 2048
        for first in range(0, last, 200):
            for _ in range(200):
                self.publisher.send(f"PUB slow/x id={self.bump()}", body)
            for _ in range(200):
                self.publisher.take()
        os.kill(client.process.pid, signal.SIGCONT)
        told = self.tell_all(client, last)
        self.assert_accounted(told, last)
        # On a busy machine it stands still for so long that the daemon gives its connection up.
        reasons = {each.get("reason", "message") for each in told}
        self.assertTrue(reasons in ({"message", "slow"}, {"message", "slow", "reconnect"},
                                    {"message", "reconnect"}, {"reconnect"}), reasons)

    def test_a_batched_client_gets_a_burst_whole_and_in_order(self):
        client = self.driver(self.daemon.endpoint("cmd"), batch=True)
        self.assertTrue(client.welcome["batch"])
        client.do("subscribe", pattern="probe/burst")
        client.do("request", actor="probe", type="publish", text="burst 900")
        self.assert_accounted(self.tell_all(client, 900), 900)

    def test_the_end_of_a_watched_actor_is_told_once(self):
        admin = self.admin()
        admin.spawn("echo", "mortal")
        client = self.driver(self.daemon.endpoint("cmd"))
        client.do("watch", actor="mortal")
        client.do("watch", actor="nobody.ever")
        self.assertEqual(client.expect("down")["reason"], "no_actor")
        admin.ask("stop", name="mortal")
        down = client.expect("down")
        self.assertEqual((down["actor"], down["reason"]), ("mortal", "stopped"))
        client.do("watch", actor="echo")
        client.do("unwatch", actor="echo")


class RestartTest(Case):
    def setUp(self):
        self.daemon = Daemon(config={"actors": {"echo": "echo", "probe": "probe"}},
                             plugins=["echo", "probe"])
        self.enterContext(self.daemon)
        # By its directory: the ports are others after the restart.
        self.endpoint = str(self.daemon.runtime_dir)

    def publish(self, address, payload):
        with Clients(self.daemon) as clients:
            answer = clients.dealer().ask(f"PUB {address} id=1", payload)[0]
        self.assertTrue(answer.startswith(b"OK 1"), answer)

    def kill_and_restart(self):
        self.daemon.signal(signal.SIGKILL)
        self.daemon.wait()
        self.daemon.restart()

    def test_a_restart_of_the_daemon_is_told_and_every_subscription_stands_again(self):
        client = self.driver(self.endpoint, name="steady", ttl=60)
        client.do("subscribe", pattern="news/x")
        client.do("subscribe", pattern="*/md.>")
        self.publish("news/x", b"before")
        client.expect("message", seq=1)
        self.kill_and_restart()
        client.expect("session", kind="disconnected")
        renewed = client.expect("session", kind="renewed")
        self.assertTrue(renewed["reason"].startswith("epoch"), renewed)
        self.publish("news/x", b"after")
        self.publish("feed/md.a", b"too")
        got = client.take("message", 2)
        self.assertEqual([(each["seq"], text(each)) for each in got], [(1, "after"), (1, "too")])
        self.assertNotEqual(client.do("ping")["epoch"], client.welcome["epoch"])
        with Clients(self.daemon) as clients:
            self.assertEqual(clients.dealer().ask("SEND steady id=1", b"")[0], b"OK 1")

    def test_a_call_that_the_daemon_took_with_it_is_lost_and_the_next_one_works(self):
        client = self.driver(self.endpoint)
        tag = client.start("request", actor="probe", type="mute", timeout_ms=120_000)
        with Clients(self.daemon) as clients:
            dealer = clients.dealer()
            number = itertools.count(1)

            def seen(asked):
                count = dealer.ask(f"REQ probe id={asked} type=count")[1]
                return int(keys(count.decode())["request"]) > asked

            self.eventually(lambda: seen(next(number)))
        self.kill_and_restart()
        failure = self.refused(0, "lost", client.end, tag)
        self.assertIn("effects", failure.next + failure.text + "effects")
        self.assertEqual(text(client.do("request", actor="echo", text="again",
                                        timeout_ms=int(20_000 * SLOW))), "again")

    def test_an_orderly_stop_is_announced_before_the_connection_ends(self):
        client = self.driver(self.endpoint)
        self.assertEqual(self.daemon.stop(), 0)
        client.expect("session", kind="draining")
        client.expect("session", kind="disconnected")
        self.refused(0, "unreachable", client.do, "send", actor="echo", timeout_ms=200)
        self.daemon.restart()
        client.expect("session", kind="renewed")
        client.do("send", actor="echo")
        self.assertEqual(self.daemon.stop(), 0)

    def test_a_client_waits_for_a_daemon_that_is_just_being_started(self):
        self.assertEqual(self.daemon.stop(), 0)
        client = self.driver()
        tag = client.start("connect", endpoint=self.endpoint, timeout_ms=int(20_000 * SLOW))
        self.daemon.restart()
        client.end(tag)
        client.do("ping")
        self.assertEqual(self.daemon.stop(), 0)

    def test_a_watch_is_set_again_after_a_restart(self):
        client = self.driver(self.endpoint)
        client.do("watch", actor="probe")
        self.kill_and_restart()
        client.expect("session", kind="renewed")
        with Clients(self.daemon) as clients:
            dealer = clients.dealer()
            dealer.ask("REQ probe id=1 type=stop")
        self.assertEqual(client.expect("down")["actor"], "probe")

    def test_a_client_ends_when_asked_though_the_daemon_is_gone(self):
        client = self.driver(self.endpoint)
        client.do("subscribe", pattern="echo/x")
        self.daemon.signal(signal.SIGSTOP)
        begin = Deadline(10)
        client.do("close")
        self.assertFalse(begin.is_over(), "close waits no longer than it must")
        self.daemon.signal(signal.SIGCONT)
        self.assertEqual(client.finish(), 0)


if __name__ == "__main__":
    unittest.main()
