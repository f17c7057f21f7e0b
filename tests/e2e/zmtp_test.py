"""The daemon's own ZMTP, asked of the real daemon: each test is a bug that a review once found."""
import select
import socket
import struct
import threading
import time
import unittest
from urllib.parse import urlsplit

import zmq
from zmq.utils.monitor import recv_monitor_message

from case import DaemonCase
from client import ANSWER_SECONDS, Admin, Peer, sync
from daemon import SANITIZED, SLOW, Deadline
from guard import KeyCase

MORE, LONG, COMMAND = 1, 2, 4
OWN = {"/gateway/plain_zmtp": "own"}
# The daemon's: so long after one line about a connection it has cut it says nothing of others.
TICK_SECONDS = 0.5


def greeting(mechanism=b"NULL"):
    return (b"\xff" + b"\0" * 8 + b"\x7f\x03\x01" + mechanism.ljust(20, b"\0") + b"\0" * 32)


def frame(body, flags=0):
    if len(body) > 255:
        return bytes((flags | LONG,)) + struct.pack(">Q", len(body)) + body
    return bytes((flags, len(body))) + body


def command(name, data):
    return frame(bytes((len(name),)) + name + data, COMMAND)


def ready(kind, routing_id=b""):
    pairs = ((b"Socket-Type", kind), (b"Identity", routing_id))
    return command(b"READY", b"".join(
        bytes((len(name),)) + name + struct.pack(">I", len(value)) + value
        for name, value in pairs))


def message(*frames):
    return b"".join(frame(body, MORE if at < len(frames) else 0)
                    for at, body in enumerate(frames, 1))


class Raw:
    """One connection, whose bytes are ours to choose. A context manager; no wait is for ever."""

    def __init__(self, endpoint):
        url = urlsplit(endpoint)
        self.socket = socket.create_connection((url.hostname, url.port), ANSWER_SECONDS * SLOW)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.read = b""

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.socket.close()

    def shake_hands(self, kind, routing_id=b"", piece=64):
        """As a socket of that kind; what the daemon says to it."""
        self.push(greeting(), piece)
        self.take_bytes(64)
        self.push(ready(kind, routing_id), piece)
        return self.take_frame()

    def push(self, data, piece=2**20):
        for at in range(0, len(data), piece):
            self.socket.sendall(data[at:at + piece])

    def take_bytes(self, count):
        while len(self.read) < count:
            more = self.socket.recv(65536)
            assert more, f"the daemon closed the connection after {self.read}"
            self.read += more
        taken, self.read = self.read[:count], self.read[count:]
        return taken

    def take_frame(self):
        """(flags, body)."""
        flags, length = self.take_bytes(2)
        if flags & LONG:
            length, = struct.unpack(">Q", bytes((length,)) + self.take_bytes(7))
        return flags, self.take_bytes(length)

    def take(self):
        """The next message; nothing else may come before it."""
        frames = [self.take_frame()]
        while frames[-1][0] & MORE:
            frames.append(self.take_frame())
        assert not any(flags & COMMAND for flags, _ in frames), frames
        return [body for _, body in frames]

    def is_ended(self):
        """Whether the daemon ends this connection, whatever it says before."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True


class Watched(Peer):
    """A Peer whose connection's beginning and end are heard of, from the first one on."""

    def __init__(self, context, kind, endpoint, **options):
        # All as a Peer does, but for the monitor: it has to be there before the connection is.
        self.socket = context.socket(kind)
        self.socket.linger = 0
        self.socket.sndtimeo = Deadline(ANSWER_SECONDS).left_ms()
        self.monitor = self.socket.get_monitor_socket(
            zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED |
            zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_CONNECT_RETRIED)
        for option, value in options.items():
            self.socket.setsockopt(getattr(zmq, option), value)
        self.socket.connect(endpoint)

    def close(self):
        self.socket.disable_monitor()
        self.monitor.close()
        super().close()

    def wait_for(self, wanted, seconds=ANSWER_SECONDS):
        """What the event's value is, when it comes."""
        deadline = Deadline(seconds)
        while self.monitor.poll(deadline.left_ms()) and not deadline.is_over():
            event = recv_monitor_message(self.monitor)
            if event["event"] == wanted:
                return event["value"]
        raise AssertionError(f"no {wanted.name} within {seconds} s")

    def events_within(self, seconds):
        """What happens to the connection, in just that time."""
        end = time.monotonic() + seconds
        came = []
        while self.monitor.poll(max(0, int((end - time.monotonic()) * 1000))):
            came.append(recv_monitor_message(self.monitor)["event"].name)
        return came


class ZmtpCase(DaemonCase):
    settings = OWN

    def raw(self, door):
        return self.enterContext(Raw(self.daemon.endpoint(door)))

    def watched(self, kind, door, **options):
        peer = Watched(self.clients.context, kind, self.daemon.endpoint(door), **options)
        self.clients.peers.append(peer)
        return peer

    def assert_serves(self, dealer):
        self.assertEqual(dealer.ask("REQ echo id=1", b"still here"), [b"REP 1", b"still here"])


class FirstTicksTest(ZmtpCase):
    """With a daemon to itself: the first that was ever published spoilt what came after it."""
    plugins = []

    def test_a_second_tick_is_as_whole_as_the_first(self):
        sub = self.clients.sub(b"$sys/tick|")
        ticks = [sub.take() for _ in range(2)]
        self.assertEqual([len(tick) for tick in ticks], [2, 2])
        words = [tick[0].split(b"|") for tick in ticks]
        self.assertEqual(int(words[1][1]), int(words[0][1]) + 1)
        self.assertEqual([words[0][0], *words[0][2:]], [words[1][0], *words[1][2:]])


class OneWay(threading.Thread):
    """A client that says something every second and is answered nothing, until it gets a PING."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.endpoint = endpoint
        self.came = None  # The first that the daemon said.
        self.said_at = []

    def run(self):
        deadline = Deadline(20)
        with Raw(self.endpoint) as raw:
            raw.shake_hands(b"DEALER")
            while not deadline.is_over():
                raw.push(message(b"SEND echo", b"x"))
                self.said_at.append(time.monotonic())
                if select.select([raw.socket], [], [], 1)[0]:
                    self.came = raw.take_frame()
                    return


class ZmtpTest(ZmtpCase):
    config = {"actors": {"echo": "echo"}}
    plugins = ["echo"]
    flood_bytes = 40_000_000
    flood_kib_max = 8 * 1024

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Its 10 seconds pass beside the other tests.
        cls.one_way = OneWay(cls.daemon.endpoint("cmd"))
        cls.one_way.start()
        cls.addClassCleanup(cls.one_way.join)

    def test_pings_of_a_peer_that_reads_nothing_take_no_memory(self):
        pings = command(b"PING", b"\0\0" + b"x" * 16) * 20_000
        dealer, flooder = self.clients.dealer(), self.raw("cmd")
        self.assert_serves(dealer)
        flooder.shake_hands(b"DEALER")
        before_kib = most_kib = self.daemon.rss_kib()
        for _ in range(self.flood_bytes // len(pings)):
            flooder.push(pings)
            self.assert_serves(dealer)
            most_kib = max(most_kib, self.daemon.rss_kib())
        if not SANITIZED:
            self.assertLess(most_kib - before_kib, self.flood_kib_max)

    def test_a_heartbeat_ttl_shorter_than_the_daemons_tick_cuts_nobody(self):
        # That the daemon is late with a PONG is not what is asked here.
        patience_ms = int(ANSWER_SECONDS * 1000 * SLOW)
        peer = self.watched(zmq.DEALER, "cmd", HEARTBEAT_IVL=50, HEARTBEAT_TTL=400,
                            HEARTBEAT_TIMEOUT=patience_ms)
        peer.wait_for(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.assertEqual(peer.events_within(2), [])
        self.assert_serves(peer)

    def test_a_filter_too_long_for_a_short_command_costs_a_sub_socket_nothing_else(self):
        sub = self.watched(zmq.SUB, "pub", SUBSCRIBE=b"x" * 250)
        sub.socket.subscribe(b"$sys/tick|")
        sub.wait_for(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        for length in range(246, 256):
            sub.socket.subscribe(b"y" * length)
        # A filter that comes after those is understood, and the one from before them still holds.
        sync(self.clients.dealer(), sub)
        sub.take_until(lambda frames: frames[0].startswith(b"$sys/tick|"))
        sub.take_until(lambda frames: frames[0].startswith(b"$sys/tick|"))
        self.assertEqual(sub.events_within(0), [])

    def test_a_routing_id_is_told_not_to_be_one_and_is_not_served(self):
        peer = self.raw("cmd")
        flags, said = peer.shake_hands(b"DEALER", routing_id=b"mine")
        self.assertEqual((flags, said[:6]), (COMMAND, b"\x05READY"))
        for _ in range(2):
            peer.push(message(b"REQ echo id=7", b"x"))
            line, text = peer.take()
            self.assertEqual(line, b"ERR 7 400 bad_arg")
            self.assertIn(b"ROUTING_ID", text)
        self.daemon.wait_for_log("connection not served.*ROUTING_ID", ANSWER_SECONDS * SLOW)
        self.assert_serves(self.clients.dealer())

    def cuts(self):
        return [line["why"] for line in self.daemon.log_lines() if line["msg"] == "connection cut"]

    def test_who_cannot_be_served_is_cut_and_the_log_says_why_at_most_once_a_tick(self):
        older = greeting()[:10] + b"\x01\x05\0\0"  # Of ZMTP 2.0: a DEALER without identity.
        wrong = [("cmd", greeting() + ready(b"PUSH"), "it is no DEALER and no REQ socket"),
                 ("pub", greeting() + ready(b"DEALER"), "it is no SUB socket"),
                 ("cmd", greeting(b"CURVE"), "speaks NULL only"),
                 ("cmd", older, "older than 3.0")]
        dealer = self.clients.dealer()
        begin, before = time.monotonic(), len(self.cuts())
        for door, said, why in wrong:
            with self.subTest(why):
                deadline = Deadline(ANSWER_SECONDS)
                while not any(why in cut for cut in self.cuts()[before:]):
                    self.assertFalse(deadline.is_over(), self.daemon.log())
                    with Raw(self.daemon.endpoint(door)) as raw:
                        raw.push(said)
                        self.assertTrue(raw.is_ended())
                    self.assert_serves(dealer)
        told = len(self.cuts()) - before
        self.assertLessEqual(told, (time.monotonic() - begin) / TICK_SECONDS + 2)

    def test_a_message_in_single_bytes_is_answered(self):
        peer = self.raw("cmd")
        peer.shake_hands(b"DEALER", piece=1)
        for number, payload in enumerate((b"", b"x", b"y" * 300), 1):
            peer.push(message(b"REQ echo id=%d" % number, payload), piece=1)
            self.assertEqual(peer.take(), [b"REP %d" % number, payload])

    def test_a_large_message_in_small_pieces_is_answered(self):
        peer = self.raw("cmd")
        peer.shake_hands(b"DEALER")
        payload = bytes(range(250)) * 1200
        peer.push(message(b"REQ echo id=1", payload), piece=1000)
        # To show where two of that size differ takes minutes.
        self.assertTrue(peer.take() == [b"REP 1", payload])

    def test_who_is_never_silent_and_never_answered_is_pinged_by_the_clock(self):
        self.one_way.join()
        self.assertIsNotNone(self.one_way.came, "nothing came")
        flags, said = self.one_way.came
        self.assertEqual((flags, said[:5]), (COMMAND, b"\x04PING"))
        said_at = self.one_way.said_at
        pauses = [after - before for before, after in zip(said_at, said_at[1:])]
        self.assertLess(max(pauses), 5 * SLOW, "it was silent itself")


class WaitingIngestTest(ZmtpCase):
    config = {"actors": {"stuck": "probe"}, "types": {"probe": {"mailbox": {"messages": 100}}}}
    plugins = ["probe"]
    silence_seconds = 3  # More than a handshake may take.

    def ingest_waits(self):
        # The target takes its first message at any moment: there may be room for one more once.
        said = [line["msg"] for line in self.daemon.log_lines() if "ingest" in line["msg"]]
        return said[-1].startswith("ingest waits")

    def test_hands_are_shaken_while_ingest_waits(self):
        dealer, first = self.clients.dealer(), self.clients.push()
        stuck_ms = str(int(1000 * (self.silence_seconds + 2 * SLOW)))
        self.assertEqual(dealer.ask("SEND stuck id=1 type=sleep", stuck_ms)[0], b"OK 1")
        for _ in range(200):
            first.send("SEND stuck type=name", b"")
        self.daemon.wait_for_log("ingest waits for a full mailbox", ANSWER_SECONDS * SLOW)

        late = self.watched(zmq.PUSH, "ingest")
        late.wait_for(zmq.EVENT_HANDSHAKE_SUCCEEDED, seconds=1)
        late.send("SEND stuck", b"pushed meanwhile")
        self.assertEqual(late.events_within(self.silence_seconds), [])
        self.assertTrue(self.ingest_waits(), "the test was slower than what it waits for")

        deadline = Deadline(ANSWER_SECONDS)
        number, recorded = 1, b""
        while b"pushed meanwhile" not in recorded:
            self.assertFalse(deadline.is_over(), "what was pushed did not arrive")
            number += 1
            dealer.send(f"REQ stuck id={number} type=got")
            recorded = dealer.take_answer(number)[0][-1]
        self.assertEqual(late.events_within(0), [])


class RefusedTest(ZmtpCase):
    config = {"gateway": {"acl": [{"user": "tcp:local", "deny": ["sub"]}]}}
    plugins = []
    retries_seconds = 1  # Ten times what libzmq waits before it tries again.

    def test_who_is_refused_is_told_so_by_error_400(self):
        peer = self.raw("pub")
        self.assertEqual(peer.shake_hands(b"SUB"), (COMMAND, b"\x05ERROR\x03400"))
        self.assertTrue(peer.is_ended())

    def test_who_is_refused_does_not_try_again(self):
        before = self.daemon.log().count("connection refused")
        sub = self.watched(zmq.SUB, "pub", SUBSCRIBE=b"")
        self.assertEqual(sub.wait_for(zmq.EVENT_HANDSHAKE_FAILED_AUTH), 400)
        self.assertLessEqual(set(sub.events_within(self.retries_seconds)), {"DISCONNECTED"})
        self.assertEqual(self.daemon.log().count("connection refused") - before, 1)
        pong = self.clients.dealer().ask("PING here")[0]
        self.assertTrue(pong.startswith(b"PONG "), pong)


class TwoTransportsTest(KeyCase):
    """The descriptor of a connection that libzmq has closed may be one of ours already."""
    held = 200

    def wait_for_count(self, admin, wanted):
        deadline = Deadline(ANSWER_SECONDS)
        while (count := admin.ask("stats")["gateway"]["connections"]) != wanted:
            self.assertFalse(deadline.is_over(), f"the daemon counts {count}, not {wanted}")

    def test_connections_are_counted_right_whose_descriptors_libzmq_had_before(self):
        daemon, clients = self.serve(settings=OWN)
        curve, plain = daemon.endpoints()["cmd"]
        admin = Admin(self.local(daemon, clients))
        self.wait_for_count(admin, 1)
        raws = []
        for _ in range(self.held):
            Raw(curve).socket.close()
            raws.append(self.enterContext(Raw(plain)))
            raws[-1].shake_hands(b"DEALER")
        self.wait_for_count(admin, 1 + self.held)
        for raw in raws:
            raw.socket.close()
        self.wait_for_count(admin, 1)
        self.end(daemon)


if __name__ == "__main__":
    unittest.main()
