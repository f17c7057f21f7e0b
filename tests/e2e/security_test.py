#!/usr/bin/env python3
"""Who gets in and as whom: keys, key files, strangers, names, secrets."""
import json
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

import zmq

from client import Admin
from ctl import ctl
from daemon import SLOW, Daemon, Deadline
from guard import ACTORS, PLUGINS, KeyCase, plain_dealer


def dumpable_memory(pid):
    """What a core dump of the process would hold: all that is its own and not advised away."""
    written, spans, parts = False, [], []
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            written = "w" in words[1]
            begin, end = (int(at, 16) for at in words[0].split("-"))
        elif words[0] == "VmFlags:" and written and "dd" not in words:
            spans.append((begin, end - begin))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for begin, size in spans:
            file.seek(begin)
            parts.append(file.read(size) or b"")
    return b"".join(parts)


class KeygenTest(unittest.TestCase):
    def test_keygen_writes_a_pair_and_never_overwrites_one(self):
        with tempfile.TemporaryDirectory() as folder:
            done = ctl("keygen", "--name", "desk", "--dir", folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            secret, public = Path(folder, "desk.key_secret"), Path(folder, "desk.key")
            self.assertEqual(secret.stat().st_mode & 0o777, 0o600)
            text = secret.read_text()
            self.assertNotIn(text.splitlines()[1], done.stdout + done.stderr)
            self.assertIn(public.read_text().splitlines()[1], done.stdout)
            self.assertIn("authorized_keys_dir", done.stdout)
            again = ctl("keygen", "--name", "desk", "--dir", folder)
            self.assertEqual(again.returncode, 73)
            self.assertIn("CTL-502", again.stderr)
            public_only = ctl("keygen", "--name", "half", "--dir", folder, "-o", "json")
            self.assertEqual(json.loads(public_only.stdout)["name"], "half")
            Path(folder, "half.key_secret").unlink()
            refused = ctl("keygen", "--name", "half", "--dir", folder)
            self.assertEqual(refused.returncode, 73)
            self.assertFalse(Path(folder, "half.key_secret").exists())
            self.assertEqual(secret.read_text(), text)

    def test_keygen_says_what_is_wrong_with_a_name_or_a_place(self):
        for name in ("../x", ".hidden", "a b", "a" * 65, "a/b"):
            with self.subTest(name):
                done = ctl("keygen", "--name", name)
                self.assertEqual(done.returncode, 64)
                self.assertIn("CTL-501", done.stderr)
        done = ctl("keygen", "--dir", "/nowhere/at/all")
        self.assertEqual(done.returncode, 73)
        self.assertIn("CTL-503", done.stderr)


class KeyFileTest(KeyCase):
    """F47: what is no safe key is refused before anything is bound."""

    def refused(self, code, change, check=True):
        change()
        config = self.keys.config()
        runs = [Daemon(config=config, plugins=PLUGINS, free_ports=False, expect_ready=False)]
        if check:
            runs.append(Daemon(config=config, plugins=PLUGINS, free_ports=False,
                               expect_ready=False, arguments=["--check"]))
        for run in runs:
            with run as daemon:
                self.assertEqual(daemon.wait(), 78, daemon.log())
                said = daemon.log() + daemon.output()
                self.assertIn(code, said)
                self.assertIn("help:", said)
                self.assertFalse((daemon.runtime_dir / "endpoints.json").exists())
                self.assertNotIn(self.secret, said.encode())

    def setUp(self):
        super().setUp()
        self.secret = self.keys.text("server", "key_secret")
        self.file = self.keys.folder / "server.key_secret"

    def test_a_secret_that_others_may_read_is_refused(self):
        for mode in (0o644, 0o640, 0o604):
            self.refused("KEY-104", lambda mode=mode: self.file.chmod(mode), check=mode == 0o644)

    def test_a_secret_that_is_none_is_refused(self):
        self.refused("KEY-105", lambda: self.file.write_text("too short\n"))

    def test_a_secret_that_is_not_there_is_refused(self):
        self.refused("KEY-101", self.file.unlink)

    def test_a_key_directory_that_others_may_write_is_refused(self):
        self.refused("KEY-106", lambda: self.keys.authorized.chmod(0o777))

    def test_plaintext_beyond_loopback_needs_the_switch_and_is_said_each_time(self):
        bind = {"/gateway/cmd/bind": ["tcp://0.0.0.0:*"]}
        with Daemon(plugins=PLUGINS, settings=bind, expect_ready=False) as daemon:
            self.assertEqual(daemon.wait(), 78)
            self.assertIn("CFG-301", daemon.log())
        with Daemon(plugins=PLUGINS, expect_ready=False,
                    settings={"/gateway/cmd/bind": [{"endpoint": "tcp://127.0.0.1:*",
                                                     "curve": True}]}) as daemon:
            self.assertEqual(daemon.wait(), 78)
            self.assertIn("CFG-308", daemon.log())
        meant = {**bind, "/gateway/allow_remote_plaintext": True}
        with Daemon(plugins=PLUGINS, settings=meant) as daemon:
            for _ in range(2):
                self.assertIn("allow_remote_plaintext is on", daemon.log())
                self.assertEqual(daemon.stop(), 0)
                daemon.restart()
                (daemon.folder / "log").write_text("")
                self.assertEqual(daemon.stop(), 0)
                daemon.restart()
            self.assertIn("allow_remote_plaintext is on", daemon.log())


class CtlTest(KeyCase):
    """backstagectl at an endpoint that wants keys: --server-key and --key."""

    def setUp(self):
        super().setUp()
        self.daemon, _ = self.serve([{"user": "curve:*", "allow": ["*"]}])

    def files(self, name, server="server"):
        return ["--server-key", self.keys.folder / f"{server}.key",
                "--key", self.keys.folder / f"{name}.key_secret"]

    def run_ctl(self, *words, at=0, **options):
        return ctl(*words, "--endpoint", self.daemon.endpoints()["cmd"][at], **options)

    def test_every_command_that_asks_a_daemon_takes_keys(self):
        keys = self.files("desk")
        asked = self.run_ctl("req", "counter", "5", *keys)
        self.assertEqual((asked.returncode, asked.stdout, asked.stderr), (0, "5\n", ""))
        for words in (["send", "counter", "1"], ["pub", "desk/x", "1"], ["stats"], ["actors"],
                      ["plugin", "ls"], ["sub", "counter", "--snap", "--for", "50ms"],
                      ["bench", "pub", "desk/x", "--rate", "100", "--for", "100ms"]):
            done = self.run_ctl(*words, *keys)
            self.assertEqual(done.returncode, 0, (words, done.stderr))
        done = self.run_ctl("req", "counter", "0", environment={
            "BACKSTAGED_SERVER_KEY": str(keys[1]), "BACKSTAGED_KEY": str(keys[3])})
        self.assertEqual((done.returncode, done.stdout), (0, "6\n"), done.stderr)
        self.assertIn("curve:desk", self.daemon.log())
        self.end(self.daemon)

    def test_each_way_of_not_being_let_in_says_what_to_do(self):
        self.keys.make("stranger")
        rows = [([], 0, "CTL-509", "--server-key FILE --key FILE", 77),
                (self.files("desk", "stranger"), 0, "CTL-510", "compare that file", 77),
                (self.files("stranger"), 0, "CTL-511", "authorized_keys_dir", 77),
                (self.files("desk"), 1, "CTL-512", "curve", 64),
                (self.files("desk")[:2], 0, "CTL-505", "name both", 64)]
        for keys, at, code, words, status in rows:
            for command in (["req", "counter", "5"], ["stats"]):
                done = self.run_ctl(*command, *keys, at=at)
                self.assertEqual(done.returncode, status, (code, done.stderr))
                self.assertIn(f"error[{code}]", done.stderr)
                self.assertIn(words, done.stderr)
                self.assertNotIn(self.keys.text("desk", "key_secret").decode(), done.stderr)
        self.keys.revoke("desk")
        # One question may be under way as the key goes: it waits for its answer, for half a minute.
        deadline = Deadline(60)
        while "error[CTL-511]" not in (done := self.run_ctl("stats", *self.files("desk"))).stderr:
            self.assertFalse(deadline.is_over(), done)
        self.end(self.daemon)


def own_address():
    """One of this machine's that is not loopback; None if it has no other. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1 of RFC 5737: it only asks for the route.
        except OSError:
            return None
        return probe.getsockname()[0]


class LoopbackTest(unittest.TestCase):
    """libzmq does not ask who comes to `cmd` by loopback: each message's own address says it."""

    def asked(self, endpoint, line):
        with zmq.Context() as context, plain_dealer(endpoint)(context) as dealer:
            dealer.send(line)
            self.assertTrue(dealer.poll(5000 * SLOW), line)
            return dealer.recv_multipart()[0]

    def test_who_comes_from_another_address_is_nobody(self):
        if (source := own_address()) is None:
            self.skipTest("this machine has no address but loopback")
        with Daemon(plugins=PLUGINS, config=ACTORS) as daemon:
            cmd = daemon.endpoint("cmd")
            outside = cmd.replace("tcp://", f"tcp://{source}:0;")
            self.assertEqual(self.asked(cmd, b"REQ echo id=1"), b"REP 1")
            for line in (b"REQ echo id=1", b"HELLO v=1 id=1 name=desk", b"SUB a/b id=1"):
                self.assertEqual(self.asked(outside, line), b"ERR 1 401 unauthenticated")
            self.assertEqual(self.asked(cmd, b"REQ echo id=2"), b"REP 2")
            self.assertEqual(daemon.stop(), 0)


class StrangerTest(KeyCase):
    """F41, F40, T28, T31."""

    def test_only_authorised_keys_are_served(self):
        daemon, clients = self.serve([{"user": "curve:*", "allow": ["*"]}])
        self.keys.make("stranger")
        unknown = self.curve(clients, "stranger")
        null = clients.dealer()
        plain = clients.dealer(PLAIN_USERNAME=b"admin", PLAIN_PASSWORD=b"admin")
        wrong = clients.dealer(**{**self.keys.options("desk"),
                                  "CURVE_SERVERKEY": self.keys.text("stranger")})
        for peer in (unknown, null, plain, wrong):
            peer.send("REQ echo id=1", b"x")
        desk = self.curve(clients, "desk")
        self.assertEqual(desk.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])
        for peer in (unknown, null, plain, wrong):
            self.assertIsNone(peer.take_or_none(100))
        stats = Admin(desk).ask("stats")["gateway"]
        self.assertGreaterEqual(stats["auth_refused"], 1)
        self.assertIn("this public key is not authorised", daemon.log())
        self.assertIn(self.keys.text("stranger"), daemon.log().encode())
        self.end(daemon)

    def test_nobody_takes_anothers_name_routing_id_or_voice(self):
        daemon, clients = self.serve([{"user": "curve:*", "allow": ["*"]}])
        desk = self.curve(clients, "desk")
        self.assertTrue(desk.ask("HELLO v=1 name=alice")[0].startswith(b"WELCOME"))
        thief = self.curve(clients, "feed", ROUTING_ID=b"alice")
        self.assertTrue(thief.ask("HELLO v=1 id=1 name=alice")[0].startswith(b"ERR 1 400 bad_arg"))
        feed = self.curve(clients, "feed")
        self.assertEqual(feed.ask("HELLO v=1 id=1 name=alice")[0], b"ERR 1 409 name_in_use")
        self.assertEqual(feed.ask("PUB alice/x id=2", b"forged")[0], b"ERR 2 403 forbidden")
        # Keys of a line say nothing about who speaks.
        feed.send("SEND alice id=3 from=alice sender=alice user=curve:desk", b"hello")
        self.assertEqual(feed.take()[0], b"OK 3")
        heard = desk.take()
        self.assertRegex(heard[0], rb"^MSG 0 alice 0 client\.[0-9a-f]+$")
        self.assertEqual(desk.ask("REQ echo id=4", b"x"), [b"REP 4", b"x"])
        users = {line.get("user") for line in daemon.log_lines() if line["msg"] == "session opened"}
        self.assertEqual(users, {"curve:desk", "curve:feed"})
        self.end(daemon)

    def test_no_core_dump_would_hold_the_text_of_the_secret_key(self):
        daemon, clients = self.serve([{"user": "*", "allow": ["*"]}])
        desk = self.curve(clients, "desk")
        self.assertEqual(desk.ask("REQ echo id=1", b"said lately"), [b"REP 1", b"said lately"])
        dumped = dumpable_memory(daemon.process.pid)
        self.assertIn(str(daemon.runtime_dir).encode(), dumped, "something that is no secret")
        self.assertNotIn(self.keys.text("server", "key_secret").strip(), dumped)
        self.end(daemon)

    def test_secrets_are_nowhere_to_be_seen(self):
        daemon, clients = self.serve([{"user": "*", "allow": ["*"]}])
        desk = self.curve(clients, "desk")
        admin = Admin(desk)
        shown = json.dumps([admin.ask(op) for op in ("stats", "actors", "plugins")])
        proc = Path(f"/proc/{daemon.process.pid}")
        seen = {"the log": daemon.log().encode(), "the output": daemon.output().encode(),
                "argv": (proc / "cmdline").read_bytes(),
                "the environment": (proc / "environ").read_bytes(),
                "the admin door": shown.encode(),
                "endpoints.json": (daemon.runtime_dir / "endpoints.json").read_bytes()}
        printed = subprocess.run(daemon.command + ["--print-config"], capture_output=True,
                                 check=False)
        seen["--print-config"] = printed.stdout + printed.stderr
        for where, text in seen.items():
            for name in ("server", "desk", "feed"):
                self.assertNotIn(self.keys.text(name, "key_secret"), text, where)
        self.end(daemon)


if __name__ == "__main__":
    unittest.main(verbosity=2)
