#!/usr/bin/python3
"""A relay in front of a daemon's `cmd` that does one thing wrong, to see whether the suite notices.

    flawed.py FLAW ENDPOINT     prints its own endpoint and relays until it is killed
    flawed.py --list            the flaws and what they do

Each client gets an upstream socket of its own kind. A client that reads slowly is read for slowly,
and one that leaves takes its upstream connection along. FLAW none changes nothing.
"""
import collections
import sys
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

from flaws import FLAWS

SOURCE_FD = 2  # ZMQ_SRCFD of a message: which connection it came by.
# What waits for a client that does not read, before its upstream is not read either.
SEND_MESSAGES_MAX = 20
BUFFER_BYTES = 16384  # The kernel's would hold some MiB, and a slow client would not be noticed.
RETRY_MS = 5
BURST = 200


class Link:
    """One client: its upstream socket, and what could not be handed on yet."""

    def __init__(self, context, upstream, rid, kind, fd):
        self.rid, self.kind, self.fd = rid, kind, fd
        self.socket = context.socket(zmq.REQ if kind == "REQ" else zmq.DEALER)
        self.socket.linger = 0
        if self.kind != "REQ":
            self.socket.sndhwm = 0
            self.socket.rcvhwm = SEND_MESSAGES_MAX
            self.socket.rcvbuf = BUFFER_BYTES
        self.socket.connect(upstream)
        self.to_daemon = collections.deque()
        self.to_client = collections.deque()
        self.waits_for_answer = False
        self.delimited = False
        self.memory = {}  # The flaw's own.

    def say(self):
        """Hands on what the daemon should get; a REQ socket only one at a time."""
        while self.to_daemon and not self.waits_for_answer:
            self.socket.send_multipart(self.to_daemon.popleft())
            self.waits_for_answer = self.kind == "REQ"


class Relay:
    def __init__(self, flaw, upstream):
        self.flaw, self.upstream = flaw, upstream
        self.context = zmq.Context()
        self.front = self.context.socket(zmq.ROUTER)
        self.front.router_mandatory = 1
        self.front.sndhwm = SEND_MESSAGES_MAX
        self.front.sndbuf = BUFFER_BYTES
        self.front.rcvhwm = 1000
        self.front.linger = 0
        self.monitor = self.front.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        port = self.front.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self.links = {}
        self.poller = zmq.Poller()
        self.poller.register(self.front, zmq.POLLIN)
        self.poller.register(self.monitor, zmq.POLLIN)

    def from_client(self):
        for _ in range(BURST):
            try:
                frames = self.front.recv_multipart(zmq.DONTWAIT, copy=False)
            except zmq.Again:
                return
            rid, last = frames[0].bytes, frames[-1]
            link = self.links.get(rid)
            if link is None:
                # Its descriptor may be that of one whose end has not been looked at yet.
                self.ended()
                kind = last.get("Socket-Type")
                link = self.links[rid] = Link(self.context, self.upstream, rid, kind,
                                              last.get(SOURCE_FD))
                self.poller.register(link.socket, zmq.POLLIN)
            body = [frame.bytes for frame in frames[1:]]
            link.delimited = len(body) > 1 and body[0] == b""
            messages = self.flaw.up(link, body[1:] if link.delimited else body)
            # A REQ socket puts its delimiter in front by itself.
            front = [b""] if link.delimited and link.kind != "REQ" else []
            link.to_daemon.extend(front + message for message in messages)
            link.say()

    def from_daemon(self, link):
        for _ in range(BURST):
            if link.to_client or (link.kind == "REQ" and not link.waits_for_answer):
                return
            try:
                frames = link.socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            link.waits_for_answer = False
            delimiter = [b""] if frames[0] == b"" and len(frames) > 1 else []
            body = frames[len(delimiter):]
            if link.kind == "REQ" or (delimiter and not self.flaw.loses_delimiter):
                delimiter = [b""]
            else:
                delimiter = []
            link.to_client.extend(delimiter + m for m in self.flaw.down(link, body))
            link.say()
            self.to_client(link)

    def to_client(self, link):
        """Hands on what waits; the socket says on the routing id whether there is room."""
        while link.to_client:
            try:
                self.front.send_multipart([link.rid, *link.to_client[0]], zmq.DONTWAIT)
            except zmq.Again:
                return
            except zmq.ZMQError:
                return self.end(link)
            link.to_client.popleft()

    def end(self, link):
        if self.links.pop(link.rid, None):
            if link.socket in self.poller:
                self.poller.unregister(link.socket)
            link.socket.close()

    def ended(self):
        """Ends the links whose connections did."""
        while self.monitor.poll(0):
            gone = recv_monitor_message(self.monitor)["value"]
            for link in [link for link in self.links.values() if link.fd == gone]:
                self.end(link)

    def turn(self):
        blocked = [link for link in self.links.values() if link.to_client]
        ready = dict(self.poller.poll(RETRY_MS if blocked or self.flaw.holds else 1000))
        if self.front in ready:
            self.from_client()
        for link in list(self.links.values()):
            if link.to_client:
                self.to_client(link)
            elif link.socket in ready:
                self.from_daemon(link)
            if self.flaw.holds:
                link.to_client.extend(self.flaw.idle(link, time.monotonic()))
        for link in blocked:
            # Not polled for while it cannot be handed on, else this would spin.
            if link.rid in self.links:
                self.poller.modify(link.socket, 0 if link.to_client else zmq.POLLIN)
        if self.monitor in ready:
            # What a client said last is in the front socket before its end is in the monitor.
            self.from_client()
            self.ended()


def main():
    if sys.argv[1:] == ["--list"]:
        for name, (flaw, _) in FLAWS.items():
            print(f"{name:22} {flaw.what}")
        return
    name, upstream = sys.argv[1:]
    relay = Relay(FLAWS[name][0], upstream)
    print(relay.endpoint, flush=True)
    while True:
        relay.turn()


if __name__ == "__main__":
    main()
