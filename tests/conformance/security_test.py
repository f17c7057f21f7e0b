"""Who gets in, and as whom: the files, the endpoints, keys, and names that nobody can forge."""
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
import time
import unittest

import zmq

import rawzmtp
from case import ConformanceCase, world
from peer import SLOW

STRANGER = """
import os, sys, zmq
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
s = zmq.Context().socket(zmq.DEALER)
s.linger = 0
s.connect(sys.argv[1])
for line in sys.argv[3:]:
    s.send(line.encode())
    print(s.recv_multipart()[0].decode() if s.poll(5000) else "nothing", flush=True)
"""
NOBODY = 65534


def key_pair(folder, name):
    """A CURVE pair of files as libzmq writes them: (public, secret) as Z85."""
    public, secret = (key.decode() for key in zmq.curve_keypair())
    (folder / f"{name}.key").write_text(public + "\n")
    path = folder / f"{name}.key_secret"
    path.write_text(secret + "\n")
    path.chmod(0o600)
    return public, secret


class FilesTest(ConformanceCase):
    def test_ipc_sockets_are_their_owners_and_cannot_be_stolen(self):
        """1.cmd; T26"""
        daemon, clients = self.own(ipc=True)
        for name in ("cmd", "pub", "ingest"):
            mode = os.stat(daemon.endpoints[name].removeprefix("ipc://")).st_mode
            self.assertTrue(stat.S_ISSOCK(mode))
            self.assertEqual(stat.S_IMODE(mode), 0o600)
        second = daemon.launch()
        self.addCleanup(world.end, second)
        self.assertNotEqual(second.wait(20 * SLOW), 0, "a second daemon on the same paths")
        self.assert_serves(clients)

    def test_a_door_beyond_loopback_without_keys_is_no_door(self):
        """1.cmd; T27"""
        for endpoint in ("tcp://0.0.0.0:0", "tcp://*:*", "tcp://[::]:*"):
            daemon = world.own(config={"gateway": {"cmd": {"bind": [endpoint]}}})
            self.addCleanup(daemon.__exit__)
            daemon.process = daemon.launch()
            self.assertNotEqual(daemon.wait(), 0, endpoint)
            self.assertFalse((daemon.run / "endpoints.json").exists(), "nothing is half started")


class SenderTest(ConformanceCase):
    def test_no_key_and_no_name_makes_a_sender_of_somebody_else(self):
        """7.identity 3.unknown; T31"""
        name, victim = self.fresh(), self.fresh()
        reader = self.clients.named(name)
        self.clients.named(victim)
        me = self.fresh()
        forger = self.clients.named(me)
        for number, key in enumerate(("from", "sender", "name", "user", "session", "rid"), 1):
            forger.ask(f"SEND {name} id={number} {key}={victim}", b"x")
            self.assertEqual(reader.take()[0], f"MSG 0 {name} 0 {me}".encode())
        self.assertEqual(forger.ask(f"PUB {victim}/x id=50 from={victim}", b"")[0],
                         b"ERR 50 403 forbidden")
        push = self.clients.push()
        push.send(f"SEND {name} from={victim}", b"forged")
        push.send(f"SEND {name} from={me}", b"forged")
        push.send(f"SEND {name}", b"end")
        self.assertEqual(reader.take(), [f"MSG 0 {name} 0 $ingest".encode(), b"end"])

    def test_the_routing_id_is_never_shown(self):
        """7.identity; T8"""
        reader = self.clients.named(self.fresh())
        answer = reader.ask("REQ echo id=1", b"")
        pong = reader.ask("PING")
        self.assertFalse([f for f in answer + pong if b"\0" in f])


class CurveTest(ConformanceCase):
    """With a server key and one client's key; names of the config as in SECURITY.md."""

    def curve(self, **limits):
        """A daemon with CURVE, its public key, and the keys of `alice`, who may come in."""
        if world.FOREIGN:
            raise unittest.SkipTest(world.NEEDS_OWN)
        daemon = world.OwnDaemon()
        self.addCleanup(daemon.__exit__)
        clients = daemon.folder / "clients"
        clients.mkdir(mode=0o700)
        server = key_pair(daemon.folder, "server")
        alice = key_pair(clients, "alice")
        (clients / "alice.key_secret").unlink()
        path = daemon.folder / "config.json"
        config = json.loads(path.read_text())
        config["gateway"]["curve"] = {
            "secret_key_file": str(daemon.folder / "server.key_secret"),
            "authorized_keys_dir": str(clients)}
        config["gateway"]["cmd"]["bind"] = [{"endpoint": "tcp://127.0.0.1:*", "curve": True},
                                            f"ipc://{daemon.run}/local.sock"]
        config["gateway"]["limits"] |= limits
        config["gateway"]["acl"] = [{"user": "curve:alice", "allow": ["*"]}]
        path.write_text(json.dumps(config))
        daemon.start()
        daemon.endpoints["local"] = f"ipc://{daemon.run}/local.sock"
        return daemon, server[0], alice

    def connect(self, daemon, server, keys):
        clients = self.clients_of(daemon.endpoints)
        return clients.connect(zmq.DEALER, "cmd", CURVE_SERVERKEY=server.encode(),
                               CURVE_PUBLICKEY=keys[0].encode(), CURVE_SECRETKEY=keys[1].encode())

    def test_only_an_authorised_key_is_served(self):
        """7.principals 7.proves-nothing; T28 F41"""
        daemon, server, alice = self.curve()
        good = self.connect(daemon, server, alice)
        self.assertEqual(good.ask("PING x")[0][-2:], b" x")
        strangers = [self.connect(daemon, server, tuple(k.decode() for k in zmq.curve_keypair())),
                     self.connect(daemon, zmq.curve_keypair()[0].decode(), alice),
                     self.clients_of(daemon.endpoints).dealer(),
                     self.clients_of(daemon.endpoints).connect(
                         zmq.DEALER, "cmd", PLAIN_USERNAME=b"alice", PLAIN_PASSWORD=b"x")]
        for peer in strangers:
            peer.send("PING stranger")
        for peer in strangers:
            self.assertIsNone(peer.take_or_none(300))
        self.assertEqual(good.ask("PING y")[0][-2:], b" y")
        with rawzmtp.Raw(daemon.endpoints["cmd"]) as raw:
            raw.push(rawzmtp.greeting(mechanism=b"CURVE") + rawzmtp.command(b"HELLO", b"\0" * 194))
            self.assertTrue(raw.closed_within(10))
        self.assertEqual(good.ask("PING z")[0][-2:], b" z")

    def test_when_a_key_goes_its_sessions_end_and_its_connections_are_cut(self):
        """7.key-gone 6.unauthenticated; F43"""
        daemon, server, alice = self.curve()
        peer = self.connect(daemon, server, alice)
        self.assertTrue(peer.ask("HELLO v=1 id=1 name=alice")[0].startswith(b"WELCOME"))
        waits = self.connect(daemon, server, alice)
        self.assertTrue(waits.ask("HELLO v=1 id=1 name=waits ttl=60")[0].startswith(b"WELCOME"))
        waits.close()
        local = self.clients_of({"cmd": daemon.endpoints["local"]}).dealer()
        self.assertEqual(local.ask("SEND waits id=1", b""), [b"OK 1"])
        (daemon.folder / "clients" / "alice.key").unlink()
        self.assertEqual(peer.take_until(lambda f: f[0].startswith(b"BYE"))[-1],
                         [b"BYE 401 unauthenticated"])
        number = itertools.count(2)
        self.assertTrue(world.eventually(
            lambda: local.ask(f"SEND waits id={next(number)}", b"")[0].endswith(b" 404 no_actor")))
        again = self.connect(daemon, server, alice)
        again.send("PING x")
        self.assertIsNone(again.take_or_none(300))

    def test_a_remote_principal_is_held_to_its_rate_and_its_subscriptions(self):
        """7.quotas 6.rate 6.subs_full; F37"""
        daemon, server, alice = self.curve(msgs_per_s_per_principal=50, subs_per_principal=3)
        peer = self.connect(daemon, server, alice)
        answers = [peer.ask(f"SUB t{number}/x id={number}")[0] for number in range(1, 6)]
        self.assertEqual([answer[:2] for answer in answers[:3]], [b"OK"] * 3)
        self.assertTrue(answers[3].startswith(b"ERR 4 429 subs_full"), answers)
        refusals = 0
        for number in range(10, 1000):
            answer = peer.ask(f"SEND echo id={number}", b"x")[0]
            refusals += answer.startswith(f"ERR {number} 429 rate retry=".encode())
        self.assertGreater(refusals, 100)


class AclTest(ConformanceCase):
    def test_when_the_rules_change_a_subscription_that_is_not_allowed_is_over(self):
        """7.rules-change 6.forbidden; F45"""
        daemon, clients = self.own()
        name = self.fresh()
        reader, other = clients.dealer(), clients.dealer()
        self.assertEqual(reader.ask(f"SUB {name}/x id=1"), [b"OK 1 sub=1 seq=0"])
        away, told = clients.hello("name=away ttl=60")
        self.assertEqual(away.ask(f"SUB {name}/x id=2"), [b"OK 2 sub=1 seq=0"])
        away.close()

        def is_detached():
            other.ask(f"SEND away id={time.monotonic_ns()}", b"")
            told = self.admin(other, time.monotonic_ns(), op="explain", what="away")
            return told["mailbox"]["messages"] > 0
        self.assertTrue(world.eventually(is_detached))
        path = daemon.folder / "config.json"
        config = json.loads(path.read_text())
        config["gateway"]["acl"] = [{"user": "tcp:local", "deny": [f"sub:{name}/*"]}]
        path.write_text(json.dumps(config))
        daemon.process.send_signal(signal.SIGHUP)
        self.assertEqual(reader.take(), [b"ERR 0 403 forbidden sub=1"])
        self.assertEqual(other.ask(f"PUB {name}/x id=1", b"")[0], b"OK 1 n=0 full=0")
        self.assertEqual(reader.ask(f"SUB {name}/x id=2"), [b"ERR 2 403 forbidden"])
        back = clients.dealer()
        self.assertEqual(back.ask(f"HELLO v=1 id=1 resume={told['session']}"),
                         [b"ERR 1 410 no_session"])

    def test_each_right_is_asked_for_and_what_needs_none_is_free(self):
        """7.rights 7.rules 7.forbidden 7.no-right 7.stars 6.forbidden; T29"""
        config = json.loads(json.dumps(world.CONFIG))
        config["gateway"]["acl"] = [
            {"user": "tcp:*", "allow": ["sub:open.a*", "watch:echo", "pub:open/*"]},
            {"user": "*", "deny": ["*"]}]
        _, clients = self.own(config=config)
        dealer = clients.dealer()
        refused = ["SEND echo", "REQ echo", "REQ $backstage", "PUB free/x", "SUB echo/x", "SUB */x",
                   "GET open/x", "WATCH counter", "SYNC here", "HELLO v=1 name=me"]
        free = ["SUB open.any/x.y", "PUB open/x", "WATCH echo", "UNWATCH echo", "HELLO v=1"]
        for number, line in enumerate(refused, 1):
            with self.subTest(line):
                self.assert_error(dealer.ask(f"{line} id={number}", b""), number, "403 forbidden")
        for number, line in enumerate(free, 100):
            with self.subTest(line):
                self.assertRegex(dealer.ask(f"{line} id={number}", b"")[0], rb"^(OK|WELCOME) ")
        self.assertEqual(dealer.ask("ACK 99 1")[0], b"ERR 0 404 no_sub")
        self.assertEqual(dealer.ask("REP 1", b"")[0], b"ERR 0 404 no_request")
        push = clients.push()
        reader = clients.dealer()
        self.assertEqual(reader.ask("SUB open.a/x id=1")[0], b"OK 1 sub=1 seq=0")
        push.send("PUB open.a/x", b"without the right to ingest")
        self.assertIsNone(reader.take_or_none(100))
        self.assertEqual(dealer.ask("BYE"), [b"BYE 200 ok"])

    def test_rules_hold_by_uid_while_others_load_the_daemon(self):
        """6.forbidden 7.principals; T29 F40"""
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to be somebody else")
        config = json.loads(json.dumps(world.CONFIG))
        config["gateway"]["acl"] = [
            {"user": f"unix:{NOBODY}", "allow": ["send:echo", "req:echo", "sub:open/*"]},
            {"user": f"unix:{NOBODY}", "deny": ["*"]},
            {"user": "*", "allow": ["*"]}]
        daemon, clients = self.own(config=config, ipc=True)
        os.chmod(daemon.folder, 0o755)
        os.chmod(daemon.run, 0o755)
        os.chmod(daemon.endpoints["cmd"].removeprefix("ipc://"), 0o666)
        stranger = subprocess.Popen(
            [sys.executable, "-c", STRANGER, daemon.endpoints["cmd"], str(NOBODY),
             "REQ echo id=1", "REQ counter id=2", "SUB open/x id=3", "SUB closed/x id=4",
             "PUB open/x id=5", "SEND echo id=6", "GET open/x id=7"],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(world.end, stranger)
        flood = clients.dealer()
        for number in range(3000):
            flood.send("SEND echo", b"load")
        said = [line.split(" ")[:3] for line in stranger.communicate(timeout=30 * SLOW)[0]
                .splitlines()]
        self.assertEqual(said, [["REP", "1"], ["ERR", "2", "403"], ["OK", "3", "sub=1"],
                                ["ERR", "4", "403"], ["ERR", "5", "403"], ["OK", "6"],
                                ["ERR", "7", "403"]])
        self.assertEqual(flood.ask("REQ counter id=1", b"1")[0], b"REP 1")
