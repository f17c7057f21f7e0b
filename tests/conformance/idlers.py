#!/usr/bin/python3
"""Many idle sessions in a process of their own, or the bare ROUTER to weigh them against.

    idlers.py hold ENDPOINT COUNT SECONDS
                                     a word a line: `open` makes COUNT sessions, each with HELLO,
                                     within about SECONDS; `ask` has each ask `echo` once, `close`
                                     ends them all
    idlers.py router                 prints its endpoint; answers whatever comes with one line

Each word done is said again. Ends with its standard input.
"""
import resource
import sys
import time

import zmq

# Connections on their way at a time: more than a listener's backlog would come a second later.
WAVE = 200
PATIENCE_MS = 30_000
# What the daemon sets on its own: without a heartbeat a connection costs less.
LIKE_THE_DAEMONS = {"LINGER": 0, "MAXMSGSIZE": 2 * (1 << 20) + 4096, "HANDSHAKE_IVL": 2000,
                    "HEARTBEAT_IVL": 10_000, "HEARTBEAT_TIMEOUT": 5000, "HEARTBEAT_TTL": 20_000,
                    "TCP_KEEPALIVE": 1, "BACKLOG": 512, "ROUTER_MANDATORY": 1, "SNDHWM": 256,
                    "RCVHWM": 1000}


def take(socket):
    if not socket.poll(PATIENCE_MS):
        sys.exit("idlers: no answer")
    return socket.recv_multipart()


class Idlers:
    def __init__(self, endpoint, count, seconds):
        self.endpoint, self.count, self.seconds, self.sockets = endpoint, count, seconds, []
        self.context = zmq.Context()
        self.context.set(zmq.MAX_SOCKETS, count + 8)

    def open(self):
        # Heartbeats keep the pace at which the connections came.
        begin, wave_max = time.monotonic(), 10 if self.seconds else WAVE
        while len(self.sockets) < self.count:
            due = begin + self.seconds * len(self.sockets) / self.count
            time.sleep(max(0.0, due - time.monotonic()))
            wave = [self.context.socket(zmq.DEALER)
                    for _ in range(min(wave_max, self.count - len(self.sockets)))]
            self.sockets += wave
            for socket in wave:
                socket.linger = 0
                socket.connect(self.endpoint)
                socket.send(b"HELLO v=1 id=1")
            for socket in wave:
                if not (line := take(socket)[0]).startswith(b"WELCOME "):
                    sys.exit(f"idlers: {line!r}")

    def ask(self):
        for socket in self.sockets:
            socket.send(b"REQ echo id=2 ttl=60000\nall at once")
        for socket in self.sockets:
            if (said := take(socket)) != [b"REP 2", b"all at once"]:
                sys.exit(f"idlers: {said!r}")

    def close(self):
        while self.sockets:
            self.sockets.pop().close()


def hold(endpoint, count, seconds):
    idlers = Idlers(endpoint, int(count), float(seconds))
    for line in sys.stdin:
        word = line.strip()
        {"open": idlers.open, "ask": idlers.ask, "close": idlers.close}[word]()
        print(word, flush=True)


def router():
    socket = zmq.Context.instance().socket(zmq.ROUTER)
    for name, value in LIKE_THE_DAEMONS.items():
        socket.setsockopt(getattr(zmq, name), value)
    socket.bind("tcp://127.0.0.1:*")
    print(socket.last_endpoint.rstrip(b"\0").decode(), flush=True)
    poller = zmq.Poller()
    poller.register(socket)
    poller.register(sys.stdin)
    while True:
        ready = dict(poller.poll())
        if socket in ready:
            socket.send_multipart([socket.recv_multipart()[0], b"WELCOME v=1"])
        if sys.stdin.fileno() in ready and not sys.stdin.readline():
            return


if __name__ == "__main__":
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    sys.exit({"hold": hold, "router": router}[sys.argv[1]](*sys.argv[2:]))
