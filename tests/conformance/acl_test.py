"""What each may: rules by uid and by address, under load, and when they change."""
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import zmq

from case import ConformanceCase, world
from peer import SLOW, Clients

STRANGER = """
import os, sys, zmq
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
s = zmq.Context().socket(zmq.DEALER)
s.linger = 0
s.connect(sys.argv[1])
for line in sys.argv[3:]:
    if line != "...": s.send(line.encode())
    while s.poll(30000 if line == "..." else 5000):
        frames = s.recv_multipart()
        print(frames[0].decode(), flush=True)
        if line != "..." or frames[-1] == b"end": break
    else: print("nothing", flush=True)
"""
NOBODY = 65534


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
        self.open_to_all(daemon)
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

    def test_when_the_rules_of_a_uid_change_under_load_nothing_forbidden_is_delivered(self):
        """7.rules-change 6.forbidden; T29 F45"""
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to be somebody else")
        config = json.loads(json.dumps(world.CONFIG))
        rules = [{"user": f"unix:{NOBODY}", "allow": ["sub:open/*", "sub:other/*"]},
                 {"user": f"unix:{NOBODY}", "deny": ["*"]}, {"user": "*", "allow": ["*"]}]
        config["gateway"]["acl"] = rules
        daemon, clients = self.own(config=config, ipc=True)
        self.open_to_all(daemon)
        stranger = subprocess.Popen(
            [sys.executable, "-c", STRANGER, daemon.endpoints["cmd"], str(NOBODY),
             "SUB open/x id=1", "SUB other/end id=2", "..."], stdout=subprocess.PIPE, text=True)
        self.addCleanup(world.end, stranger)
        for number in (1, 2):
            self.assertEqual(stranger.stdout.readline(), f"OK {number} sub={number} seq=0\n")
        writer, published = clients.dealer(), itertools.count(1)
        with self.load(clients.endpoints):
            answer = writer.ask(f"PUB open/x id={next(published)}", b"allowed")
            self.assertTrue(answer[0].endswith(b" n=1 full=0"), answer)
            rules[0]["allow"].remove("sub:open/*")
            path = daemon.folder / "config.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {
                "gateway": json.loads(path.read_text())["gateway"] | {"acl": rules}}))
            daemon.process.send_signal(signal.SIGHUP)
            self.assertTrue(world.eventually(lambda: writer.ask(
                f"PUB open/x id={next(published)}", b"")[0].endswith(b" n=0 full=0")))
            for _ in range(100):
                writer.ask(f"PUB open/x id={next(published)}", b"forbidden")
            writer.ask(f"PUB other/end id={next(published)}", b"end")
        said = [" ".join(line.split()[:3]) for line in stranger.communicate(
            timeout=60 * SLOW)[0].splitlines()]
        self.assertEqual(said.count("MSG 1 open/x"), len(said) - 2, said)
        self.assertEqual(said[-2:], ["ERR 0 403", "MSG 2 other/end"])

    @staticmethod
    def open_to_all(daemon):
        """Where others may connect at all is the file's mode; then the kernel says who they are."""
        os.chmod(daemon.folder, 0o755)
        os.chmod(daemon.run, 0o755)
        os.chmod(daemon.endpoints["cmd"].removeprefix("ipc://"), 0o666)

    @contextlib.contextmanager
    def load(self, endpoints):
        """Somebody else sends as fast as it goes."""
        over = threading.Event()

        def send():
            other = Clients(endpoints)
            socket = other.dealer().socket
            while not over.is_set():
                if socket.poll(10, zmq.POLLOUT):
                    socket.send(b"SEND echo\nload")
            other.close()
        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
