#!/usr/bin/env python3
"""Rules by key and by uid, under load; reloads and revoked keys, while clients are connected."""
import os
import signal
import subprocess
import tempfile
import time
import unittest

import zmq

from client import Clients
from daemon import SLOW, Daemon
from guard import ACTORS, PLUGINS, KeyCase, Load, plain_dealer, set_rules


class RuleTest(KeyCase):
    """T29, F43, F45: by key and by uid, under load."""

    def test_rules_by_key_hold_under_load(self):
        rules = [{"user": "curve:desk", "allow": ["send:counter", "req:echo", "sub:counter/*"]},
                 {"user": "curve:*", "deny": ["*"]}]
        daemon, clients = self.serve(rules, {"msgs_per_s_per_principal": 0})
        rows = {"SEND counter": (b"OK", b"ERR"), "SEND echo": (b"ERR", b"ERR"),
                "REQ echo": (b"REP", b"ERR"), "REQ counter": (b"ERR", b"ERR"),
                "SUB counter/default": (b"OK", b"ERR"), "SUB counter/>": (b"OK", b"ERR"),
                "SUB */>": (b"ERR", b"ERR"), "SUB echo/default": (b"ERR", b"ERR"),
                "PUB counter/x": (b"ERR", b"ERR"), "GET counter": (b"ERR", b"ERR"),
                "SYNC t": (b"ERR", b"ERR"), "REQ $backstage": (b"ERR", b"ERR")}
        desk, feed = self.curve(clients, "desk"), self.curve(clients, "feed")
        with Load(plain_dealer(daemon.endpoints()["cmd"][1])) as load:
            number = 0
            for _ in range(20):
                for line, expected in rows.items():
                    for peer, word in zip((desk, feed), expected):
                        number += 1
                        peer.send(f"{line} id={number}", b"1")
                        answer, _ = peer.take_answer(number)
                        self.assertTrue(answer[0].startswith(word), (line, answer))
                        if word == b"ERR":
                            self.assertEqual(answer[0], f"ERR {number} 403 forbidden".encode())
        self.assertEqual(load.wrong, [])
        self.assertGreater(load.count, 0)
        self.end(daemon)

    def test_after_a_reload_nothing_forbidden_is_delivered(self):
        rules = [{"user": "curve:desk", "allow": ["sub", "send"]}]
        daemon, clients = self.serve(rules)
        desk, local = self.curve(clients, "desk"), self.local(daemon, clients)
        self.assertTrue(desk.ask("SUB counter/default id=1")[0].startswith(b"OK 1 sub=1"))
        self.assertTrue(desk.ask("SUB other/> id=2")[0].startswith(b"OK 2 sub=2"))
        local.ask("REQ counter id=1", b"1")
        self.assertTrue(desk.take()[0].startswith(b"MSG 1 counter/default 1"))
        with Load(plain_dealer(daemon.endpoints()["cmd"][1])) as load:
            rules = [{"user": "curve:desk", "allow": ["sub:other/*"]}]
            set_rules(daemon, self.keys.config(rules))
            local.ask("REQ counter id=2", b"1")
            local.ask("PUB other/x id=3", b"yes")
        self.assertEqual(load.wrong, [])
        self.assertEqual(desk.take()[0], b"ERR 0 403 forbidden sub=1")
        self.assertTrue(desk.take()[0].startswith(b"MSG 2 other/x 1"))
        self.assertEqual(desk.ask("SUB counter/default id=4")[0], b"ERR 4 403 forbidden")
        self.assertEqual(desk.ask("SEND counter id=5", b"1")[0], b"ERR 5 403 forbidden")
        # A bad config changes nothing.
        (daemon.folder / "config.json").write_text('{"gateway": {"acl": [{"user": "*"}]}}')
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log("CFG-309", 10 * SLOW)
        self.assertEqual(desk.ask("SUB counter/default id=6")[0], b"ERR 6 403 forbidden")
        self.assertTrue(desk.ask("SUB other/y id=7")[0].startswith(b"OK 7"))
        self.end(daemon)

    def test_a_removed_key_ends_its_sessions_within_a_second_under_load(self):
        daemon, clients = self.serve([{"user": "curve:*", "allow": ["*"]}])
        desk, feed = self.curve(clients, "desk"), self.curve(clients, "feed")
        self.assertTrue(desk.ask("HELLO v=1 name=desk")[0].startswith(b"WELCOME"))
        sub = self.curve(clients, "desk", zmq.SUB, "pub")
        sub.socket.subscribe(b"$sys/tick|")
        sub.take()
        feed.send("REQ desk id=1", b"are you there")
        desk.take()
        with Load(plain_dealer(daemon.endpoints()["cmd"][1])) as load:
            begin = time.monotonic()
            self.keys.revoke("desk")
            self.assertEqual(desk.take(), [b"BYE 401 unauthenticated"])
            took = time.monotonic() - begin
            self.assertEqual(feed.take()[0], b"ERR 1 500 actor_failed")
        self.assertEqual(load.wrong, [])
        # The machine may be busy with other things than this.
        self.assertLess(took, 1.0 * SLOW)
        while sub.take_or_none(1) is not None:
            pass
        self.assertIsNone(sub.take_or_none(1500))
        # A blocking send stood still for ever when libzmq had seen the refusal first.
        desk.try_send("SEND counter id=2", b"1")
        self.assertIsNone(desk.take_or_none(300))
        self.assertEqual(feed.ask("REQ echo id=3", b"x"), [b"REP 3", b"x"])
        self.assertIn("key revoked", daemon.log())
        # And let in again, without a restart.
        self.keys.authorize("desk")
        daemon.wait_for_log(r'keys read again.*"authorized":2', 10 * SLOW)
        again = self.curve(clients, "desk")
        self.assertEqual(again.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])
        self.end(daemon)

    def test_a_bad_key_file_lets_nobody_in_and_is_named(self):
        daemon, clients = self.serve([{"user": "curve:*", "allow": ["*"]}])
        (self.keys.authorized / "broken.key").write_text("no key\n")
        daemon.wait_for_log("KEY-105.*broken.key|broken.key.*KEY-105", 10 * SLOW)
        desk = self.curve(clients, "desk")
        self.assertEqual(desk.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])
        self.keys.authorized.chmod(0o777)
        self.assertEqual(desk.take(), [b"BYE 401 unauthenticated"])
        self.assertIn("KEY-106", daemon.log())
        self.end(daemon)


@unittest.skipUnless(os.geteuid() == 0, "only root can be two users")
class UidTest(unittest.TestCase):
    """T29 by uid, and T26: ipc tells who connects, and nobody takes its path."""

    ASK = ("import os, sys, zmq; os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))\n"
           "s = zmq.Context().socket(zmq.DEALER); s.linger = 0; s.connect(sys.argv[2])\n"
           "for line in sys.argv[3:]:\n"
           "    s.send_multipart([line.encode(), b'1'])\n"
           "    print(s.recv_multipart()[0].decode() if s.poll(int(3000)) else 'nothing')\n")

    def ask_as(self, uid, endpoint, *lines):
        done = subprocess.run(["/usr/bin/python3", "-c", self.ASK, str(uid), endpoint, *lines],
                              capture_output=True, text=True, check=True, timeout=60 * SLOW)
        return done.stdout.splitlines()

    def test_rules_by_uid_hold_under_load(self):
        with tempfile.TemporaryDirectory(prefix="backstaged-ipc-") as folder:
            os.chmod(folder, 0o755)
            path = f"ipc://{folder}/cmd.sock"
            config = {**ACTORS, "gateway": {
                "cmd": {"bind": [{"endpoint": path, "mode": "0666"}, "tcp://127.0.0.1:*"]},
                "acl": [{"user": "unix:4242", "allow": ["send:counter", "name:ours"]},
                        {"user": "unix:4243", "deny": ["*"]}]}}
            with Daemon(config=config, plugins=PLUGINS, free_ports=False) as daemon:
                lines = ("HELLO v=1 id=1 name=ours", "SEND counter id=2", "SEND echo id=3",
                         "REQ $backstage id=4")
                with Load(plain_dealer(daemon.endpoints()["cmd"][1])) as load:
                    theirs = self.ask_as(4242, path, *lines)
                    others = self.ask_as(4243, path, *lines)
                    nobodys = self.ask_as(4244, path, *lines)
                    mine = self.ask_as(0, path, "SEND echo id=3")
                self.assertEqual(load.wrong, [])
                self.assertTrue(theirs[0].startswith("WELCOME v=1 name=ours"), theirs)
                self.assertEqual(theirs[1:], ["OK 2", "ERR 3 403 forbidden", "ERR 4 403 forbidden"])
                for heard in (others, nobodys):
                    self.assertEqual(heard, [f"ERR {n} 403 forbidden" for n in (1, 2, 3, 4)])
                self.assertEqual(mine, ["OK 3"])
                self.assertEqual(daemon.stop(), 0)
                daemon.assert_ledger_balances()

    def test_an_ipc_path_is_its_owners_alone(self):
        with Daemon(plugins=PLUGINS, config=ACTORS,
                    settings={"/gateway/cmd/bind": ["ipc://{runtime_dir}/cmd.sock"]}) as daemon:
            path = daemon.runtime_dir / "cmd.sock"
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            with Daemon(plugins=PLUGINS, expect_ready=False,
                        settings={"/gateway/cmd/bind": [f"ipc://{path}"]}) as second:
                self.assertEqual(second.wait(), 69, second.log())
            with Clients(daemon) as clients:
                dealer = clients.dealer()
                self.assertEqual(dealer.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
