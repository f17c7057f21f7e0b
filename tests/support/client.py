"""Plain pyzmq sockets for tests: every wait has a deadline, every answer is frames as they came."""
import json
import struct

import zmq

from daemon import Deadline

ANSWER_SECONDS = 10
# Ids that no test uses of itself.
DRAIN_SUB, DRAIN_UNSUB = 10**15, 10**15 + 1


class Peer:
    """One socket of a client. `take` fails the test when nothing comes in time."""

    def __init__(self, context, kind, endpoint, **options):
        self.socket = context.socket(kind)
        self.socket.linger = 0
        # Without a connection libzmq would have a send wait for ever.
        self.socket.sndtimeo = Deadline(ANSWER_SECONDS).left_ms()
        for option, value in options.items():
            self.socket.setsockopt(getattr(zmq, option), value)
        self.socket.connect(endpoint)

    def close(self):
        self.socket.close()

    def send(self, *frames):
        """One message; strings are sent as UTF-8."""
        self.socket.send_multipart([f.encode() if isinstance(f, str) else f for f in frames])

    def try_send(self, *frames):
        """The same, if there is a connection: libzmq drops that of a key that is refused."""
        try:
            self.socket.send_multipart([f.encode() if isinstance(f, str) else f for f in frames],
                                       zmq.DONTWAIT)
        except zmq.Again:
            pass

    def take(self, seconds=ANSWER_SECONDS):
        """The next message, as a list of frames."""
        if not self.socket.poll(Deadline(seconds).left_ms()):
            raise AssertionError(f"nothing came within {seconds} s")
        return self.socket.recv_multipart()

    def take_or_none(self, milliseconds):
        """The next message, or None if there is none within that time."""
        return self.socket.recv_multipart() if self.socket.poll(milliseconds) else None

    def ask(self, *frames, seconds=ANSWER_SECONDS):
        self.send(*frames)
        return self.take(seconds)

    def take_until(self, is_last, seconds=ANSWER_SECONDS):
        """Messages up to and with the first for which `is_last(frames)` holds."""
        deadline = Deadline(seconds)
        taken = []
        while not (taken and is_last(taken[-1])):
            if not self.socket.poll(deadline.left_ms()) or deadline.is_over():
                raise AssertionError(f"did not come within {seconds} s, but this: {taken[-20:]}")
            taken.append(self.socket.recv_multipart())
        return taken

    def take_answer(self, number, seconds=ANSWER_SECONDS):
        """The answer to command `number`, and what came before it."""
        word = str(number).encode()
        taken = self.take_until(
            lambda f: f[0].split(b" ")[0] in (b"OK", b"ERR", b"REP", b"VAL")
            and f[0].split(b" ")[1] == word, seconds)
        return taken[-1], taken[:-1]

    def drain(self, token, seconds=ANSWER_SECONDS):
        """What was on its way to this peer when this was asked: an UNSUB's OK comes behind it all.

        A PONG would not do: it may overtake what still waits in the session's mailbox.
        """
        self.send(f"SUB drain/{token} id={DRAIN_SUB}")
        self.send(f"UNSUB drain/{token} id={DRAIN_UNSUB}")
        taken = self.take_until(lambda f: f[0].startswith(f"OK {DRAIN_UNSUB}".encode()), seconds)
        return [f for f in taken[:-1] if not f[0].startswith(f"OK {DRAIN_SUB} ".encode())]


def pack(*messages):
    """The payload of a BATCH."""
    messages = [m.encode() if isinstance(m, str) else m for m in messages]
    return b"".join(struct.pack("<I", len(m)) + m for m in messages)


def unpack(frames):
    """What a message brings: of a BATCH its entries, else itself. Control line and payload are
    split at the first line feed; a line without payload is alone."""
    whole = b"\n".join(frames)
    if not whole.startswith(b"BATCH "):
        return [whole.split(b"\n", 1)]
    line, rest = whole.split(b"\n", 1)
    entries = []
    while rest:
        size, = struct.unpack_from("<I", rest)
        entries.append(rest[4:4 + size].split(b"\n", 1))
        rest = rest[4 + size:]
    assert len(entries) == int(line.split(b" ")[1]), (line, len(entries))
    return entries


class Clients:
    """The clients of one test, closed together."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.context = zmq.Context()
        self.peers = []

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def close(self):
        for peer in self.peers:
            peer.close()
        self.context.term()

    def connect(self, kind, name, **options):
        """A socket of that kind at the daemon's first endpoint of that name."""
        peer = Peer(self.context, kind, self.daemon.endpoint(name), **options)
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

    def named(self, name):
        """A DEALER that has opened the session `name`."""
        peer = self.dealer()
        welcome = peer.ask(f"HELLO v=1 name={name}")[0]
        assert welcome.startswith(b"WELCOME v=1 name=" + name.encode()), welcome
        return peer


def keys(line):
    """The key=value words of a control line."""
    return dict(word.split("=", 1) for word in line.decode().split(" ") if "=" in word)


def sync(dealer, subscriber, token="here"):
    """The slow-joiner barrier: returns when the filters of `subscriber` are in place."""
    mark = f"$sys/sync/{token}|".encode()
    subscriber.socket.subscribe(mark)
    deadline = Deadline(ANSWER_SECONDS)
    while not deadline.is_over():
        dealer.send(f"SYNC {token}")
        if subscriber.socket.poll(20):
            frames = subscriber.socket.recv_multipart()
            if frames[0].startswith(mark):
                subscriber.socket.unsubscribe(mark)
                return
    raise AssertionError("the filters did not arrive")


class Admin:
    """The daemon's admin door, as JSON."""

    def __init__(self, dealer):
        self.dealer = dealer
        self.id = 1_000_000_000

    def ask_raw(self, payload, seconds=ANSWER_SECONDS):
        self.id += 1
        self.dealer.send(f"REQ $backstage id={self.id}", payload)
        return self.dealer.take_answer(self.id, seconds)[0]

    def ask(self, op, **arguments):
        """The JSON answer; an AssertionError if it is an ERR."""
        frames = self.ask_raw(json.dumps({"op": op, **arguments}))
        assert frames[0].startswith(b"REP "), frames
        return json.loads(frames[1])

    def spawn(self, type_name, name, config=None):
        arguments = {} if config is None else {"config": config}
        return self.ask("spawn", type=type_name, name=name, **arguments)
