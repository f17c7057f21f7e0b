"""Who gets in, and as whom: files, endpoints, keys, and names that nobody can forge."""
import contextlib
import ctypes
import itertools
import json
import os
import stat
import subprocess
import sys
import time
import unittest
from pathlib import Path

import zmq

import rawzmtp
from case import ConformanceCase, world
from peer import SLOW

# Sends as fast as it can, and counts how often it was told that this is too much.
STORM = """
import sys, zmq
s = zmq.Context().socket(zmq.DEALER)
s.linger = 0
s.curve_serverkey, s.curve_publickey, s.curve_secretkey = (a.encode() for a in sys.argv[2:5])
s.connect(sys.argv[1])
told, number, poller = 0, 0, zmq.Poller()
poller.register(sys.stdin)
while not poller.poll(0):
    for _ in range(100):
        number += 1
        s.send(b"SEND echo id=%d\\nx" % number)
    while s.poll(0):
        told += b" 429 rate retry=" in s.recv_multipart()[0]
    if number == 100: print("begun", flush=True)
print(told)
"""
POLITE = 9
POLITE_SECONDS = 0.02


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

    def connect(self, daemon, server, keys, endpoint=None):
        clients = self.clients_of({"cmd": endpoint or daemon.endpoints["cmd"]})
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


    def test_recorded_bytes_on_a_new_connection_prove_nothing_and_do_nothing(self):
        """7.proves-nothing; F46"""
        daemon, server, alice = self.curve()
        with rawzmtp.Recorder(daemon.endpoints["cmd"]) as recorder:
            peer = self.connect(daemon, server, alice, recorder.endpoint)
            self.assertEqual(peer.ask("REQ counter id=1", b"5"), [b"REP 1", b"5"])
            with rawzmtp.Raw(daemon.endpoints["cmd"]) as again:
                again.push(recorder.said)
                self.assertTrue(again.closed_within(10))
            self.assertEqual(peer.ask("REQ counter id=2", b"0"), [b"REP 2", b"5"], "one effect")

    def test_while_nobody_can_say_who_comes_in_nobody_does(self):
        """7.proves-nothing; F42"""
        daemon, server, alice = self.curve()
        early = self.connect(daemon, server, alice)
        self.assertEqual(early.ask("PING x")[0][-2:], b" x")
        stranger = tuple(key.decode() for key in zmq.curve_keypair())
        with stopped_thread(daemon.process.pid, "gateway"):
            peers = [self.connect(daemon, server, keys) for keys in (alice, stranger)]
            doors = [peer.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
                     for peer in peers]
            for peer in peers:
                self.addCleanup(peer.socket.disable_monitor)
                peer.send("PING let-in")
            # Longer than a handshake may take.
            for door in doors:
                self.assertFalse(door.poll(1500))
        self.assertEqual(peers[0].take()[0][:5], b"PONG ")
        self.assertFalse(doors[1].poll(300))
        self.assertEqual(early.ask("PING y")[0][-2:], b" y")

    def test_the_polite_keep_their_pace_while_one_key_storms_and_is_told_so(self):
        """7.quotas 6.rate; F37"""
        daemon, server, alice = self.curve(msgs_per_s_per_principal=1000)
        clients = self.clients_of({"cmd": daemon.endpoints["local"]})
        polite, number = [clients.dealer() for _ in range(POLITE)], itertools.count(1)

        def asked(seconds):
            """How often all of them were answered, who ask at a pace that is easily kept."""
            rounds, stop_at = 0, time.monotonic() + seconds
            while (due := time.monotonic() + POLITE_SECONDS) < stop_at:
                line = f"REQ echo id={next(number)}"
                for peer in polite:
                    peer.send(line, b"x")
                for peer in polite:
                    self.assertEqual(peer.take()[1], b"x")
                rounds += 1
                time.sleep(max(0.0, due - time.monotonic()))
            return rounds
        alone = asked(world.scaled(1, 5))
        storm = subprocess.Popen(
            [sys.executable, "-c", STORM, daemon.endpoints["cmd"], server, *alice],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(world.end, storm)
        self.assertEqual(storm.stdout.readline(), "begun\n")
        beside = asked(world.scaled(1, 5))
        told = int(storm.communicate("enough\n", timeout=30 * SLOW)[0])
        self.assertGreater(told, 1000)
        # Less than a tenth, where the storm has a CPU of its own to come from.
        self.assertGreater(beside, alone * (0.9 if world.LONG else 0.5))


@contextlib.contextmanager
def stopped_thread(pid, name):
    """One thread of a process stands still; the test is skipped where that is not allowed."""
    seize, interrupt, detach, of_any_kind = 0x4206, 0x4207, 17, 0x40000000
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    thread = next(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()
                  if (task / "comm").read_text().strip() == name)
    if ptrace(seize, thread, None, None) != 0 or ptrace(interrupt, thread, None, None) != 0:
        raise unittest.SkipTest(f"may not trace: {os.strerror(ctypes.get_errno())}")
    os.waitpid(thread, of_any_kind)
    try:
        yield
    finally:
        ptrace(detach, thread, None, None)
