"""For tests of who may what: keys and a daemon that wants them, load, and a bystander."""
import json
import signal
import tempfile
import threading
import time
import unittest
from pathlib import Path

import zmq

from client import Clients, Peer
from ctl import ctl
from daemon import SLOW, Daemon, Deadline

PLUGINS = ["echo", "counter"]
ACTORS = {"actors": {"echo": "echo", "counter": "counter"}}


class Keys:
    """A folder with the daemon's key pair, and one for each client that is let in."""

    def __init__(self, names=("desk", "feed")):
        self.own = tempfile.TemporaryDirectory(prefix="backstaged-keys-")
        self.folder = Path(self.own.name)
        self.authorized = self.folder / "authorized"
        self.authorized.mkdir(mode=0o700)
        self.make("server")
        for name in names:
            self.make(name)
            self.authorize(name)

    def close(self):
        self.own.cleanup()

    def make(self, name):
        done = ctl("keygen", "--name", name, "--dir", self.folder)
        assert done.returncode == 0, done

    def authorize(self, name):
        draft = self.authorized / f".{name}"
        draft.write_bytes((self.folder / f"{name}.key").read_bytes())
        draft.chmod(0o644)
        draft.rename(self.authorized / f"{name}.key")

    def revoke(self, name):
        (self.authorized / f"{name}.key").unlink()

    def text(self, name, ending="key"):
        lines = (self.folder / f"{name}.{ending}").read_text().splitlines()
        return [line for line in lines if not line.startswith("#")][0].encode()

    def options(self, name, server="server"):
        """Socket options of a client with that key."""
        return {"CURVE_SERVERKEY": self.text(server), "CURVE_PUBLICKEY": self.text(name),
                "CURVE_SECRETKEY": self.text(name, "key_secret")}

    def config(self, acl=None, limits=None, **more):
        curve = [{"endpoint": "tcp://127.0.0.1:*", "curve": True}]
        gateway = {"cmd": {"bind": curve + ["tcp://127.0.0.1:*"]}, "pub": {"bind": curve},
                   "ingest": {"bind": curve},
                   "curve": {"secret_key_file": str(self.folder / "server.key_secret"),
                             "authorized_keys_dir": str(self.authorized)},
                   "acl": acl or [], "limits": limits or {}}
        return {"gateway": gateway, **ACTORS, **more}


def start(keys, acl=None, limits=None, **more):
    return Daemon(config=keys.config(acl, limits), plugins=PLUGINS, free_ports=False, **more)


def set_rules(daemon, config):
    """Rewrites the config and waits until SIGHUP's reload is done."""
    done = daemon.log().count('"reloaded"')
    path = daemon.folder / "config.json"
    path.with_suffix(".new").write_text(json.dumps(config))
    path.with_suffix(".new").rename(path)
    daemon.signal(signal.SIGHUP)
    deadline = Deadline(10)
    while daemon.log().count('"reloaded"') == done:
        assert not deadline.is_over(), daemon.log()
        time.sleep(0.01)


class KeyCase(unittest.TestCase):
    """Tests with keys of their own; the daemon's last word is a ledger that balances."""

    def setUp(self):
        self.keys = Keys()
        self.addCleanup(self.keys.close)

    def serve(self, acl=None, limits=None, **more):
        daemon = self.enterContext(start(self.keys, acl, limits, **more))
        clients = self.enterContext(Clients(daemon))
        return daemon, clients

    def end(self, daemon):
        self.assertEqual(daemon.stop(), 0, daemon.log())
        daemon.assert_ledger_balances()

    def curve(self, clients, name, kind=zmq.DEALER, door="cmd", **more):
        return clients.connect(kind, door, **self.keys.options(name), **more)

    def local(self, daemon, clients):
        peer = Peer(clients.context, zmq.DEALER, daemon.endpoints()["cmd"][1])
        clients.peers.append(peer)
        return peer


class Load(threading.Thread):
    """Keeps the daemon busy with requests on a connection of its own until stopped."""

    def __init__(self, connect):
        super().__init__(daemon=True)
        self.connect, self.count, self.wrong, self.stopping = connect, 0, [], False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *ignored):
        self.stopping = True
        self.join()

    def run(self):
        context = zmq.Context()
        socket_ = self.connect(context)
        while not self.stopping:
            self.count += 1
            for i in range(20):
                socket_.send_multipart([f"REQ echo id={self.count * 20 + i}".encode(), b"x"])
            for _ in range(20):
                if not socket_.poll(int(10_000 * SLOW)):
                    self.wrong.append("nothing came")
                    self.stopping = True
                    break
                answer = socket_.recv_multipart()[0]
                if not answer.startswith(b"REP "):
                    self.wrong.append(answer)
        socket_.close(0)
        context.term()


def plain_dealer(endpoint):
    def connect(context):
        made = context.socket(zmq.DEALER)
        made.linger = 0
        made.sndtimeo = int(10_000 * SLOW)
        made.connect(endpoint)
        return made
    return connect


class Bystander(threading.Thread):
    """100 questions a second, each of which must be answered."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.endpoint, self.times, self.stopping, self.lost = endpoint, [], threading.Event(), 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *ignored):
        self.stopping.set()
        self.join()

    def run(self):
        context = zmq.Context()
        dealer = plain_dealer(self.endpoint)(context)
        number = 0
        while not self.stopping.wait(0.01):
            number += 1
            begin = time.monotonic()
            dealer.send_multipart([f"REQ echo id={number}".encode(), b"x"])
            if dealer.poll(int(5000 * SLOW)):
                dealer.recv_multipart()
                self.times.append(time.monotonic() - begin)
            else:
                self.lost += 1
        dealer.close(0)
        context.term()

    def p99(self):
        return sorted(self.times)[int(len(self.times) * 0.99) - 1]
