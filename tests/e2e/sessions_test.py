"""Sessions: names, their ends, mail between clients, repeated ids, restarts of the daemon."""
import signal
import unittest

from case import DaemonCase
from client import ANSWER_SECONDS, Clients, keys, sync
from daemon import Daemon, Deadline

IPC = {f"/gateway/{name}/bind": [f"ipc://{{runtime_dir}}/{name}.sock"]
       for name in ("cmd", "pub", "ingest")}


class SessionsTest(DaemonCase):
    config = {"actors": {"echo": "echo", "probe": "probe"}}
    plugins = ["echo", "probe"]

    def hello_until_free(self, name):
        """A session of that name as soon as the daemon has seen the end of its last holder."""
        dealer = self.clients.dealer()
        deadline = Deadline(ANSWER_SECONDS)
        while True:
            # With an id: refusals without one are limited to so many a second.
            answer = dealer.ask(f"HELLO v=1 id=1 name={name}")[0]
            if answer.startswith(b"WELCOME"):
                return dealer
            self.assertEqual(answer, b"ERR 1 409 name_in_use")
            self.assertFalse(deadline.is_over(), "the name is not free again")

    def test_welcome_tells_name_epoch_limits_and_endpoints(self):
        told = keys(self.clients.dealer().ask("HELLO v=1,2 id=1 name=teller")[0])
        self.assertEqual((told["v"], told["name"], told["last_id"]), ("1", "teller", "0"))
        self.assertEqual(told["max_payload"], "1048576")
        self.assertEqual(told["pub"], self.daemon.endpoint("pub"))
        self.assertEqual(told["ingest"], self.daemon.endpoint("ingest"))
        self.assertRegex(told["session"], r"^[0-9a-f]{32}$")
        other = keys(self.clients.dealer().ask("HELLO v=1")[0])
        self.assertRegex(other["name"], r"^client\.[0-9a-f]+$")
        self.assertEqual(other["epoch"], told["epoch"])
        self.assertNotEqual(other["session"], told["session"])

    def test_a_name_that_a_client_or_an_actor_holds_is_409(self):
        self.clients.named("held")
        other = self.clients.dealer()
        self.assertEqual(other.ask("HELLO v=1 id=1 name=held")[0], b"ERR 1 409 name_in_use")
        self.assertEqual(other.ask("HELLO v=1 id=2 name=echo")[0], b"ERR 2 409 name_in_use")
        self.assertTrue(other.ask("HELLO v=1 id=3 name=other")[0].startswith(b"WELCOME"))

    def test_a_name_is_free_again_after_bye_and_after_the_connection(self):
        first = self.clients.named("reused")
        self.assertEqual(first.ask("BYE"), [b"BYE 200 ok"])
        second = self.clients.named("reused")
        second.close()
        self.hello_until_free("reused")

    def test_clients_reach_each_other_by_name(self):
        ann, ben = self.clients.named("ann"), self.clients.named("ben")
        self.assertEqual(ann.ask("SEND ben id=1 type=note", b"hello")[0], b"OK 1")
        self.assertEqual(ben.take(), [b"MSG 0 ben 0 ann type=note", b"hello"])
        ann.send("REQ ben id=2", b"how much")
        asked = ben.take()
        self.assertRegex(asked[0], rb"^MSG 0 ben 0 ann rid=\d+$")
        number = keys(asked[0])["rid"]
        ben.send(f"REP {number} type=price", b"10")
        self.assertEqual(ann.take(), [b"REP 2 type=price", b"10"])
        self.assertEqual(ben.ask(f"REP {number}", b"11")[0], b"ERR 0 404 no_request")

    def test_a_client_may_refuse_a_request_and_its_end_fails_it(self):
        ann, ben = self.clients.named("asker"), self.clients.named("refuser")
        ann.send("REQ refuser id=1", b"x")
        ben.send(f"ERR {keys(ben.take()[0])['rid']} 404 no_value")
        self.assertEqual(ann.take()[0], b"ERR 1 404 no_value")
        ann.send("REQ refuser id=2 ttl=60000", b"x")
        ben.take()
        self.assertEqual(ben.ask("BYE"), [b"BYE 200 ok"])
        self.assertEqual(ann.take()[0], b"ERR 2 500 actor_failed")

    def test_a_request_that_nobody_answers_times_out_once(self):
        dealer = self.clients.dealer()
        dealer.send("REQ probe id=1 ttl=50 type=mute", b"")
        self.assertEqual(dealer.take()[0], b"ERR 1 504 timeout")
        self.assertEqual(dealer.drain("after"), [])

    def test_a_repeated_id_of_a_named_session_gets_its_old_answer_and_is_not_done_again(self):
        dealer = self.clients.named("repeater")
        self.assertEqual(dealer.ask("SEND probe id=1", b"once")[0], b"OK 1")
        self.assertEqual(dealer.ask("SEND probe id=1", b"once")[0], b"OK 1 dup=1")
        self.assertEqual(dealer.ask("SEND nosuch id=2", b"x")[0], b"ERR 2 404 no_actor")
        self.assertEqual(dealer.ask("SEND nosuch id=2", b"x")[0], b"ERR 2 404 no_actor dup=1")
        self.assertEqual(dealer.ask("PUB /t id=3", b"x")[0], b"OK 3 n=0 full=0")
        self.assertEqual(dealer.ask("PUB /t id=3", b"x")[0], b"OK 3 n=0 full=0 dup=1")
        dealer.send("REQ probe id=4 type=got")
        answer, _ = dealer.take_answer(4)
        self.assertEqual(answer[1].count(b" repeater 0 once"), 1)
        for number in range(5, 5 + 1024):
            dealer.ask(f"PUB /t id={number}", b"")
        self.assertEqual(dealer.ask("SEND probe id=1", b"once")[0], b"ERR 1 409 dup_unknown")

    def test_publishing_under_a_name_that_another_holds_is_403(self):
        self.clients.named("owner")
        dealer = self.clients.dealer()
        self.assertEqual(dealer.ask("PUB owner/x id=1", b"")[0], b"ERR 1 403 forbidden")
        self.assertEqual(dealer.ask("PUB echo/x id=2", b"")[0], b"ERR 2 403 forbidden")
        self.assertEqual(dealer.ask("PUB free/x id=3", b"")[0], b"OK 3 n=0 full=0")

    def test_ingest_names_its_source_and_may_not_take_anothers(self):
        holder = self.clients.named("holder")
        holder.ask("SUB meter/level id=1")
        push = self.clients.push()
        push.send("PUB meter/level type=reading", b"41")
        self.assertEqual(holder.take(), [b"MSG 1 meter/level 1 meter type=reading", b"41"])
        push.send("PUB /level from=meter", b"42")
        self.assertEqual(holder.take(), [b"MSG 1 meter/level 2 meter", b"42"])
        push.send("SEND holder from=meter", b"43")
        self.assertEqual(holder.take(), [b"MSG 0 holder 0 meter", b"43"])
        for line in ("PUB meter/level from=other", "PUB echo/x", "SEND holder from=holder",
                     "nonsense", "PUB /level", "SEND nosuch from=meter"):
            push.send(line, b"refused")
        push.send("PUB meter/level", b"44")
        self.assertEqual(holder.take(), [b"MSG 1 meter/level 3 meter", b"44"])


class EndTest(unittest.TestCase):
    def test_native_subscribers_see_a_restart_by_its_epoch_and_recover_alone(self):
        with Daemon(config={"actors": {"counter": "counter"}}, plugins=["counter"],
                    settings=IPC) as daemon:
            with Clients(daemon) as clients:
                sub = clients.sub(b"counter/default|")
                first = self.count_once(clients, sub)
                daemon.signal(signal.SIGKILL)
                daemon.wait()
                daemon.restart()
                second = self.count_once(clients, sub)
            self.assertEqual(first[1], second[1], "sequence numbers begin again")
            self.assertNotEqual(first[2], second[2], "the epoch is another")
            self.assertEqual(daemon.stop(), 0)

    def count_once(self, clients, sub):
        """address, seq, epoch, sender of what the counter publishes for one SEND."""
        dealer = clients.dealer()
        sync(dealer, sub, "again")
        dealer.send("SEND counter", b"1")
        frames = sub.take_until(lambda f: f[0].startswith(b"counter/default|"))
        return frames[-1][0].split(b"|")

    def test_every_session_is_told_of_the_end_and_the_sockets_are_gone(self):
        config = {"actors": {"echo": "echo"}}
        with Daemon(config=config, plugins=["echo"], settings=IPC) as daemon, \
             Clients(daemon) as clients:
            peers = [clients.named(f"n{number}") for number in range(20)]
            for number in range(1, 2001):
                peers[number % 20].send(f"SEND echo id={number}", b"load")
            self.assertEqual(daemon.stop(), 0)
            for peer in peers:
                lines = [f[0] for f in peer.take_until(lambda f: f[0].startswith(b"BYE"))]
                self.assertEqual(lines[-1], b"BYE 503 stopping")
                self.assertTrue(any(line.startswith(b"DRAINING ") for line in lines), lines[-3:])
            self.assertEqual(list(daemon.runtime_dir.glob("*.sock")), [])
            self.assertFalse((daemon.runtime_dir / "endpoints.json").exists())

    def test_the_sync_token_and_the_tick_are_heard_by_a_sub_only_client(self):
        with Daemon(plugins=["echo"]) as daemon, Clients(daemon) as clients:
            sub = clients.sub(b"$sys/tick|")
            sync(clients.dealer(), sub)
            header = sub.take_until(lambda f: f[0].startswith(b"$sys/tick|"))[-1][0]
            self.assertEqual(header.split(b"|")[3], b"backstaged")
            self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
