"""A conformance test: clients of its own at the daemon under test, and names nobody else uses."""
import functools
import itertools
import json
import os
import unittest

import wire
import world
from peer import Clients

NUMBERS = itertools.count(1)


class ConformanceCase(unittest.TestCase):
    """`self.clients` speak to the shared daemon; `self.fresh()` makes names that are free."""

    @functools.cached_property
    def clients(self):
        return self.clients_of(world.Shared.get())

    def clients_of(self, endpoints):
        clients = Clients(endpoints)
        self.addCleanup(clients.close)
        return clients

    def own(self, **arguments):
        """A daemon for this test alone, and clients of it."""
        daemon = world.own(**arguments)
        self.enterContext(daemon)
        return daemon, self.clients_of(daemon.endpoints)

    @staticmethod
    def fresh(stem="t"):
        """A name that no other test, run or client has used at this daemon."""
        return f"{stem}.{os.getpid():x}.{next(NUMBERS):x}.{os.urandom(3).hex()}"

    def assert_serves(self, clients=None):
        """Bystander: somebody new is served."""
        dealer = (clients or self.clients).dealer()
        self.assertEqual(dealer.ask("REQ echo id=1", b"still here"), [b"REP 1", b"still here"])
        dealer.close()

    def assert_error(self, frames, number, refusal):
        """An ERR of that number; when to try again is the daemon's to say."""
        self.assertRegex(frames[0].decode(), rf"^ERR {number} {refusal}( retry=\d+)?$")

    def assert_usable(self, peer, token="usable"):
        """The session answers, and to nothing else that was still open."""
        self.assertRegex(peer.ask(f"PING {token}")[0], rb"^PONG .* " + token.encode() + b"$")

    def admin(self, dealer, number, **question):
        """The answer of the admin door as JSON."""
        dealer.send(f"REQ $backstage id={number}", json.dumps(question))
        answer, _ = dealer.take_answer(number)
        self.assertTrue(answer[0].startswith(b"REP "), answer)
        return json.loads(answer[1])

    def messages(self, frames, sub=1):
        """(seq, payload) of the MSG of one subscription among these messages."""
        mine = f"MSG {sub} ".encode()
        return [(int(f[0].split(b" ")[3]), f[1]) for f in frames if f[0].startswith(mine)]

    def covered(self, frames, first, last, sub=1):
        """Asserts that MSG and GAP cover first..last, each once, rising; the seqs that came."""
        following, came = first, []
        for frame in frames:
            words = frame[0].decode().split(" ")
            if words[:2] == ["MSG", str(sub)]:
                begin = end = int(words[3])
                came.append(begin)
            elif words[:2] == ["GAP", str(sub)]:
                begin, end = int(words[3]), int(words[4])
            else:
                continue
            self.assertEqual(begin, following, f"after {following - 1} came {frame[0]!r}")
            self.assertGreaterEqual(end, begin)
            following = end + 1
        self.assertEqual(following, last + 1, "the last of them are missing")
        return came


__all__ = ["ConformanceCase", "wire", "world"]
