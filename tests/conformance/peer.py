"""Plain pyzmq sockets for tests: every wait has a deadline, every line is checked as it comes."""
import os
import time

import zmq

import wire

# Factor by which sanitizers and other work stretch time.
SLOW = float(os.environ.get("BACKSTAGED_SLOW", "1")) * min(
    max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0))), 6.0)
ANSWER_SECONDS = float(os.environ.get("CONFORMANCE_PATIENCE", "10"))
SECONDS_MAX = ANSWER_SECONDS if "CONFORMANCE_PATIENCE" in os.environ else 3600.0
# Ids that no test uses of itself; they only rise.
DRAIN_FROM = 10**15


class Deadline:
    """A point in time, stretched on a slow machine."""

    def __init__(self, seconds=None):
        seconds = ANSWER_SECONDS if seconds is None else min(seconds, SECONDS_MAX)
        self.at = time.monotonic() + seconds * SLOW

    def left_ms(self):
        return int(max(0.0, self.at - time.monotonic()) * 1000) + 1

    def is_over(self):
        return time.monotonic() >= self.at


class Peer:
    """One socket of a client. `take` fails the test when nothing comes in time.

    Strings are sent as UTF-8. What comes is checked against wire.py unless `checked` is off, and
    delivered BATCHes are taken apart.
    """

    def __init__(self, context, kind, endpoint, **options):
        self.socket = context.socket(kind)
        self.socket.linger = 0
        self.socket.sndtimeo = 30_000  # Without a connection libzmq would wait for ever.
        self.checked = kind in (zmq.DEALER, zmq.REQ)
        self.waiting = []
        self.batches = 0
        self.drains = DRAIN_FROM
        for option, value in options.items():
            self.socket.setsockopt(getattr(zmq, option), value)
        self.socket.connect(endpoint)

    def close(self):
        self.socket.close()

    def send(self, *frames):
        self.socket.send_multipart([f.encode() if isinstance(f, str) else f for f in frames])

    def receive(self, milliseconds):
        """The next message as frames, or None."""
        if not self.waiting:
            if not self.socket.poll(milliseconds):
                return None
            frames = self.socket.recv_multipart()
            if not self.checked:
                return frames
            body = frames[1:] if frames[0] == b"" and len(frames) > 1 else frames
            wire.check(body)
            if not body[0].startswith(b"BATCH "):
                return frames
            self.batches += 1
            self.waiting = wire.unbatch(body)
            for message in self.waiting:
                wire.check(message)
        return self.waiting.pop(0)

    def take(self, seconds=None):
        frames = self.receive(Deadline(seconds).left_ms())
        if frames is None:
            raise AssertionError("nothing came in time")
        return frames

    def take_or_none(self, milliseconds):
        return self.receive(milliseconds)

    def ask(self, *frames, seconds=None):
        self.send(*frames)
        return self.take(seconds)

    def take_until(self, is_last, seconds=None):
        """Messages up to and with the first for which `is_last(frames)` holds."""
        deadline, taken = Deadline(seconds), []
        while not (taken and is_last(taken[-1])):
            frames = self.receive(deadline.left_ms())
            if frames is None or (deadline.is_over() and not is_last(frames)):
                raise AssertionError(f"did not come in time, but this: {taken[-20:]}")
            taken.append(frames)
        return taken

    def take_answer(self, number, seconds=None):
        """The answer to command `number`, and what came before it."""
        taken = self.take_until(lambda f: wire.is_answer(f[0], number), seconds)
        return taken[-1], taken[:-1]

    def drain(self, seconds=None):
        """What was on its way to this peer: the OK of an UNSUB comes behind it all."""
        first, self.drains = self.drains, self.drains + 2
        self.send(f"SUB drain/{first} id={first}")
        self.send(f"UNSUB drain/{first} id={first + 1}")
        _, taken = self.take_answer(first + 1, seconds)
        return [f for f in taken if not wire.is_answer(f[0], first)]


class Clients:
    """The clients of one test, closed together."""

    def __init__(self, endpoints):
        self.endpoints = endpoints
        self.context = zmq.Context()
        self.peers = []

    def close(self):
        for peer in self.peers:
            peer.close()
        self.context.term()

    def connect(self, kind, name, **options):
        """A socket of that kind at the endpoint of that name: cmd, pub or ingest."""
        peer = Peer(self.context, kind, self.endpoints[name], **options)
        self.peers.append(peer)
        return peer

    def dealer(self, **options):
        return self.connect(zmq.DEALER, "cmd", **options)

    def req(self, **options):
        return self.connect(zmq.REQ, "cmd", **options)

    def push(self, **options):
        return self.connect(zmq.PUSH, "ingest", **options)

    def sub(self, *filters):
        peer = self.connect(zmq.SUB, "pub")
        for one in filters:
            peer.socket.subscribe(one)
        return peer

    def hello(self, rest="", **options):
        """A DEALER that has said HELLO, and the keys of its WELCOME."""
        peer = self.dealer(**options)
        line = peer.ask(f"HELLO v=1 id=1 {rest}".rstrip())[0]
        if not line.startswith(b"WELCOME "):
            raise AssertionError(f"HELLO v=1 {rest} was answered {line!r}")
        return peer, wire.keys(line)

    def named(self, name):
        return self.hello(f"name={name}")[0]


def sync(dealer, subscriber, token):
    """The slow-joiner barrier of section 9: returns when the filters of `subscriber` stand."""
    mark = f"$sys/sync/{token}|".encode()
    subscriber.socket.subscribe(mark)
    deadline = Deadline()
    while not deadline.is_over():
        dealer.send(f"SYNC {token}")
        if subscriber.socket.poll(20):
            frames = subscriber.socket.recv_multipart()
            if frames[0].startswith(mark):
                subscriber.socket.unsubscribe(mark)
                return
    raise AssertionError("the filters did not arrive")
