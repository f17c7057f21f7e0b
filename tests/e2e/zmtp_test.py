"""The daemon's own ZMTP, asked of the real daemon: each test is a bug that a review once found."""
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
    """One connection whose bytes are of our choice. Every wait has a deadline. A context manager."""

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
        self.monitor = None
        super().__init__(self.Monitored(self, context), kind, endpoint, **options)

    class Monitored:
        """A context whose socket has a monitor before it connects."""

        def __init__(self, owner, context):
            self.owner, self.context = owner, context

        def socket(self, kind):
            made = self.context.socket(kind)
            self.owner.monitor = made.get_monitor_socket(
                zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED |
                zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_CONNECT_RETRIED)
            return made

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
