"""ZMTP 3.1 by hand over a plain socket: what no ZeroMQ library can be made to say."""
import select
import socket
import struct
import threading
from urllib.parse import urlsplit

from peer import SLOW, Deadline

MORE, LONG, COMMAND = 1, 2, 4


def greeting(major=3, minor=1, mechanism=b"NULL", as_server=0):
    return (b"\xff" + b"\0" * 7 + b"\x01\x7f" + bytes((major, minor)) +
            mechanism.ljust(20, b"\0") + bytes((as_server,)) + b"\0" * 31)


def properties(**pairs):
    return b"".join(bytes((len(name),)) + name.encode() + struct.pack(">I", len(value)) + value
                    for name, value in pairs.items())


def command(name, body):
    content = bytes((len(name),)) + name + body
    return frame(content, COMMAND)


def frame(body, flags=0, announce=None):
    """One frame; `announce` is the length it claims to have, if not its own."""
    length = len(body) if announce is None else announce
    if length > 255:
        return bytes((flags | LONG,)) + struct.pack(">Q", length) + body
    return bytes((flags, length)) + body


def ready(kind, **more):
    return command(b"READY", properties(**{"Socket-Type": kind.encode()}, **more))


def connect(endpoint):
    """A plain socket at a tcp or ipc endpoint."""
    if endpoint.startswith("ipc://"):
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(10 * SLOW)
        made.connect(endpoint.removeprefix("ipc://"))
        return made
    url = urlsplit(endpoint)
    return socket.create_connection((url.hostname, url.port), timeout=10 * SLOW)


class Raw:
    """One connection. `closed_within` sees the other side's end of it."""

    def __init__(self, endpoint):
        self.socket = connect(endpoint)
        self.read = b""

    @classmethod
    def at(cls, endpoint, kind):
        """After a good handshake as a socket of that kind."""
        raw = cls(endpoint)
        raw.push(greeting())
        raw.take_bytes(64)
        raw.push(ready(kind, Identity=b""))
        raw.take_frame()
        return raw

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.socket.close()

    def push(self, data):
        self.socket.sendall(data)

    def send(self, *frames):
        self.push(b"".join(frame(body, MORE if at < len(frames) - 1 else 0)
                           for at, body in enumerate(frames)))

    def take_bytes(self, count):
        while len(self.read) < count:
            try:
                more = self.socket.recv(65536)
            except TimeoutError:
                raise AssertionError("nothing came in time") from None
            if not more:
                raise AssertionError("the daemon closed the connection")
            self.read += more
        taken, self.read = self.read[:count], self.read[count:]
        return taken

    def take_frame(self):
        """(flags, body)."""
        flags = self.take_bytes(1)[0]
        length = struct.unpack(">Q", self.take_bytes(8))[0] if flags & LONG \
            else self.take_bytes(1)[0]
        return flags, self.take_bytes(length)

    def take(self):
        """The next message; commands, such as heartbeats, are answered and passed over."""
        frames = []
        while True:
            flags, body = self.take_frame()
            if flags & COMMAND:
                if body.startswith(b"\x04PING"):
                    self.push(command(b"PONG", body[7:]))
                continue
            frames.append(body)
            if not flags & MORE:
                return frames

    def take_or_none(self, seconds):
        if self.read or select.select([self.socket], [], [], seconds)[0]:
            return self.take()
        return None

    def closed_within(self, seconds):
        """Whether the daemon ends this connection in that time, whatever it says before."""
        deadline = Deadline(seconds)
        while not deadline.is_over():
            if not select.select([self.socket], [], [], deadline.left_ms() / 1000)[0]:
                return False
            try:
                if not self.socket.recv(65536):
                    return True
            except ConnectionError:
                return True
        return False


class Recorder:
    """A TCP relay for one connection; `said` is what its client has said. A context manager."""

    def __init__(self, endpoint):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.far = connect(endpoint)
        self.said = b""
        self.thread = threading.Thread(target=self.relay)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *ignored):
        self.far.shutdown(socket.SHUT_RDWR)
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.far.close()
        self.listener.close()

    def relay(self):
        try:
            near, _ = self.listener.accept()
        except OSError:
            return
        with near:
            while True:
                for source in select.select([near, self.far], [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if source is near:
                        self.said += data
                    (self.far if source is near else near).sendall(data)
