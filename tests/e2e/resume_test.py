"""Sessions that outlive their connection, over real sockets and a network that is cut."""
import random
import signal
import unittest

import zmq

from case import DaemonCase
from client import Clients, Peer, keys
from daemon import Daemon
from proxy import Proxy

# Never reconnects by itself: each life of a client is one connection.
ONCE = {"RECONNECT_IVL": -1}


class Worker:
    """A client that acknowledges, resends and resumes as PROTOCOL.md says."""

    def __init__(self, context, endpoint, wishes):
        self.context = context
        self.endpoint = endpoint
        self.wishes = wishes
        self.token = None
        self.peer = None
        self.unanswered = {}
        self.dups = 0
        self.seen = set()
        self.delivered = []  # since the last ACK
        self.redelivered = 0
        self.covered = 0  # by GAPs of a resume

    def connect(self):
        self.peer = Peer(self.context, zmq.DEALER, self.endpoint, **ONCE)
        resume = f" resume={self.token}" if self.token else ""
        welcome = self.peer.ask(f"HELLO v=1{resume} {self.wishes}")[0]
        assert welcome.startswith(b"WELCOME "), welcome
        self.token = keys(welcome)["session"]
        for number in sorted(self.unanswered):
            self.peer.send(f"SEND counter id={number}", b"1")
        return keys(welcome)

    def send(self, number):
        self.unanswered[number] = True
        self.peer.send(f"SEND counter id={number}", b"1")

    def read(self, case, frames):
        words = frames[0].split(b" ")
        if words[0] == b"OK":
            self.unanswered.pop(int(words[1]), None)
            self.dups += b"dup=1" in words
        elif words[0] == b"MSG":
            seq = int(words[3])
            if b"redelivered=1" in words:
                self.redelivered += 1
            else:
                case.assertNotIn(seq, self.seen, "a first delivery comes once")
                case.assertGreater(seq, max(self.seen, default=0), "in order")
                case.assertGreater(seq, self.covered, "no GAP has covered it")
            self.seen.add(seq)
            self.delivered.append(seq)
        elif words[0] == b"GAP":
            case.assertEqual(words[1:4] + words[5:], [b"1", b"feed/x", b"0", b"resume"], frames)
            self.covered = int(words[4])
        else:
            case.fail(f"not expected: {frames}")

    def ack(self, count):
        """Acknowledges the first `count` of what was delivered."""
        if count:
            self.peer.send(f"ACK 1 {self.delivered[count - 1]}")
            del self.delivered[:count]


class ResumeTest(DaemonCase):
    config = {"actors": {"counter": "counter", "echo": "echo"}}
    plugins = ["counter", "echo"]
    rounds = 25
    per_round = 30

    def setUp(self):
        super().setUp()
        self.proxy = self.enterContext(Proxy(self.daemon.endpoint("cmd")))

    def total(self, dealer, number):
        return int(dealer.ask(f"REQ counter id={number}", b"0")[1])

    def through_cuts(self, sub, seed):
        """A worker whose connection is cut again and again; publisher, worker, and what it sent."""
        dice = random.Random(seed)
        feed = self.clients.dealer()
        worker = Worker(self.clients.context, self.proxy.endpoint, "ttl=60")
        worker.connect()
        worker.peer.ask(sub)
        sent = 0
        for _ in range(self.rounds):
            for _ in range(self.per_round):
                feed.ask("PUB feed/x id=1", b"x")
                sent += 1
                worker.send(sent + 1)
            # Who sends on and on and never reads is ended, and rightly so.
            while len(worker.unanswered) > 2 * self.per_round:
                worker.read(self, worker.peer.take())
            for _ in range(dice.randrange(2 * self.per_round)):
                worker.read(self, worker.peer.take())
            if "ack=1" in sub or "window" in sub:
                worker.ack(dice.randrange(len(worker.delivered) + 1))
            self.proxy.cut()
            worker.peer.close()
            worker.delivered.clear()
            welcome = worker.connect()
            self.assertLessEqual(int(welcome["last_id"]), sent + 1)
        return feed, worker, sent

    def test_with_ttl_ack_and_ids_cuts_lose_nothing_and_do_nothing_twice(self):
        before = self.total(self.clients.dealer(), 1)
        feed, worker, sent = self.through_cuts("SUB feed/x id=1 ack=1 window=2000 over=kick", 21)
        feed.ask("PUB feed/x id=1", b"last")
        while sent + 1 not in worker.seen or worker.unanswered:
            worker.read(self, worker.peer.take())
        self.assertEqual(worker.seen, set(range(1, sent + 2)))
        self.assertEqual(worker.covered, 0)
        self.assertGreater(worker.redelivered, 0)
        self.assertEqual(self.total(self.clients.dealer(), 2), before + sent)
        worker.peer.send("BYE")
        worker.peer.take_until(lambda f: f[0] == b"BYE 200 ok")
        worker.peer.close()

    def test_without_ack_a_resume_covers_what_the_cut_may_have_taken(self):
        feed = self.clients.dealer()
        begin = int(keys(feed.ask("SUB feed/x id=1")[0])["seq"])
        feed.ask("UNSUB feed/x id=2")
        feed, worker, sent = self.through_cuts("SUB feed/x id=1", 22)
        feed.ask("PUB feed/x id=1", b"last")
        last = begin + sent + 1
        while last not in worker.seen or worker.unanswered:
            worker.read(self, worker.peer.take())
        missing = set(range(begin + 1, last + 1)) - worker.seen
        self.assertLessEqual(max(missing, default=0), worker.covered)
        worker.peer.close()

    def test_no_more_than_the_window_is_ever_unacknowledged(self):
        feed, reader = self.clients.dealer(), self.clients.dealer()
        reader.ask("SUB windowed/x id=1 window=8")
        for number in range(1, 501):
            feed.ask(f"PUB windowed/x id={number}", b"x")
        acked = 0
        for number in range(1, 501):
            message = reader.take()[0].split(b" ")
            self.assertEqual(message[:4], [b"MSG", b"1", b"windowed/x", str(number).encode()])
            self.assertLessEqual(number - acked, 8)
            if number - acked == 8 or number == 500:
                # Nothing more comes: an answer to what is asked now is next.
                self.assertEqual(reader.ask(f"PING {number}")[0].split(b" ")[0], b"PONG")
                acked = number - number % 3
                reader.send(f"ACK 1 {acked}")

    def test_a_wrong_token_is_410_and_the_session_goes_on(self):
        victim = self.clients.dealer()
        token = keys(victim.ask("HELLO v=1 name=victim ttl=30")[0])["session"]
        victim.ask("SUB quiet/x id=1")
        thief = self.clients.dealer()
        for wrong in ("0" * 32, token[:-1] + ("0" if token[-1] != "0" else "1"), token[:31]):
            answer = thief.ask(f"HELLO v=1 id=7 resume={wrong}")[0]
            self.assertEqual(answer, b"ERR 7 410 no_session")
        self.assertEqual(thief.ask("HELLO v=1 id=8 name=victim")[0], b"ERR 8 409 name_in_use")
        self.assertEqual(thief.ask("PUB quiet/x id=9", b"x")[0], b"OK 9 n=1 full=0")
        self.assertEqual(victim.take()[0].split(b" ")[:4], [b"MSG", b"1", b"quiet/x", b"1"])
        self.assertEqual(keys(victim.ask("PING")[0])["subs"], "1")

    def test_a_reply_finds_its_client_on_the_next_connection(self):
        first = Peer(self.clients.context, zmq.DEALER, self.proxy.endpoint, **ONCE)
        token = keys(first.ask("HELLO v=1 name=asker ttl=30")[0])["session"]
        answerer = self.clients.named("answerer")
        first.send("REQ answerer id=5 ttl=60000", b"what")
        rid = keys(answerer.take()[0])["rid"]
        self.proxy.cut()
        first.close()
        # A reply that is on its way as the connection is lost is not repeated, so the daemon has to
        # know of the loss: then mail stays in the mailbox.
        admin, number = self.admin(), 10
        while not admin.ask("explain", what="asker", **{"as": "name"})["mailbox"]["messages"]:
            number += 1
            self.assertEqual(answerer.ask(f"SEND asker id={number}", b"mail")[0],
                             f"OK {number}".encode())
        answerer.send(f"REP {rid}", b"that")
        self.assertTrue(answerer.ask("PING")[0].startswith(b"PONG"))
        second = self.clients.dealer()
        self.assertIn(b"name=asker", second.ask(f"HELLO v=1 resume={token} ttl=30")[0])
        self.assertEqual(second.take_answer(5)[0], [b"REP 5", b"that"])

    def test_a_silent_client_is_asked_and_given_up(self):
        silent = self.clients.dealer()
        token = keys(silent.ask("HELLO v=1 name=silent ttl=30 hb=150")[0])["session"]
        heard = silent.take_until(lambda f: f[0].startswith(b"BYE"))
        self.assertEqual([f[0] for f in heard], [b"PING", b"PING", b"BYE 504 timeout"])
        self.assertEqual(silent.ask("SEND echo id=1")[0], b"ERR 1 440 hello_required")
        self.assertTrue(silent.ask(f"HELLO v=1 resume={token}")[0].startswith(b"WELCOME "))

    def test_a_connection_that_is_taken_over_is_told(self):
        first = self.clients.dealer()
        token = keys(first.ask("HELLO v=1 name=taken ttl=30")[0])["session"]
        second = self.clients.dealer()
        self.assertTrue(second.ask(f"HELLO v=1 resume={token}")[0].startswith(b"WELCOME "))
        self.assertEqual(first.take(), [b"BYE 409 superseded"])


class RestartTest(unittest.TestCase):
    def test_a_restart_is_seen_by_its_epoch_and_the_old_token_is_410(self):
        ipc = {"/gateway/cmd/bind": ["ipc://{runtime_dir}/cmd.sock"]}
        with Daemon(plugins=["echo"], settings=ipc) as daemon, Clients(daemon) as clients:
            first = keys(clients.dealer().ask("HELLO v=1 name=desk ttl=60")[0])
            daemon.signal(signal.SIGKILL)
            daemon.wait()
            daemon.restart()
            dealer = clients.dealer()
            self.assertNotEqual(keys(dealer.ask("PING")[0])["epoch"], first["epoch"])
            self.assertEqual(dealer.ask(f"HELLO v=1 id=1 resume={first['session']}")[0],
                             b"ERR 1 410 no_session")
            self.assertTrue(dealer.ask("HELLO v=1 name=desk")[0].startswith(b"WELCOME "))
            self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
