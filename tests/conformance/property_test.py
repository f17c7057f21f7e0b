"""Random commands of one to three clients, held to the model; what differs is made minimal.

CONFORMANCE_SEED chooses the first seed. A failure prints the seed, the shortest sequence of wire
lines that still fails, and what was expected and came.
"""
import os
import random
import re

import wire
from case import ConformanceCase, world
from model import ANSWERS, DOWN, MAIL, PONG, Model, Step, acknowledged
from peer import Clients

TOPICS = ("x", "a.b", "a.c")
PATTERNS = ("~f/x", "~f/a.*", "~f/>", "~0/x", "~1/>", "*/a.b")
# Those whose subscriptions are at least once; a repeated SUB says the same again.
ACKNOWLEDGED = {"~f/>": " ack=1 window=3", "~0/x": " ack=1"}
STEPS = 40


class Mismatch(Exception):
    """What came is not what the model allows."""


def draw(dice, clients):
    """One random sequence. `~` in a line is the run's own prefix of names."""
    ids, sent = [1] * clients, [[] for _ in range(clients)]

    def command(at):
        ids[at] += 1
        number, who = ids[at], f"~{dice.randrange(clients)}"
        payload = dice.choice((b"", b"v", b"two\nlines", b"\0\n", b"p" * 300))
        address = dice.choice((f"~f/{dice.choice(TOPICS)}", f"/{dice.choice(TOPICS)}",
                               f"{who}/x", "echo/x"))
        pattern = dice.choice(PATTERNS)
        lines = [
            (f"PUB {address} id={number}" + dice.choice(("", " retain=1")), payload),
            (f"PUB {address} id={number}", payload),
            (f"SEND {dice.choice(('echo', who, '~nobody'))} id={number}"
             + dice.choice(("", " type=t")), payload),
            (f"REQ {dice.choice(('echo', who, '~nobody'))} id={number} ttl=60000", payload),
            (f"SUB {pattern} id={number}" + ACKNOWLEDGED.get(pattern, ""), b""),
            (f"SUB ~f/x id={number}" + dice.choice(("", " snap=1")), b""),
            (f"UNSUB {pattern} id={number}", b""),
            (f"GET {dice.choice(('~f/x', '~f/a.b', '~0/x'))} id={number}", b""),
            (f"{dice.choice(('WATCH', 'UNWATCH'))} {who} id={number}", b""),
            (f"PING p{number}", b"")]
        line, payload = dice.choice(lines)
        if line.startswith(("SEND", "PUB")):
            sent[at].append((line, payload))
        return line, payload

    steps = []
    for _ in range(STEPS):
        at, kind = dice.randrange(clients), dice.random()
        if kind < 0.06 and sent[at]:
            steps.append(Step(at, *dice.choice(sent[at][-20:])))
        elif kind < 0.12:
            steps.append(Step(at, "!reply", b"an answer"))
        elif kind < 0.20:
            pattern = dice.choice(list(ACKNOWLEDGED))
            one = f" ~f/{dice.choice(TOPICS)}" if pattern.endswith(">") else " ~0/x"
            steps.append(Step(at, f"!ack {pattern}{dice.choice(('', one))}"))
        elif kind < 0.22:
            steps.append(Step(at, "!again"))
        elif kind < 0.25:
            steps.append(Step(at, "!resume"))
        elif kind < 0.32:
            entries = [command(at) for _ in range(dice.randrange(1, 5))]
            ids[at] += 1
            steps.append(Step(at, f"BATCH {len(entries)} id={ids[at]}", b"", entries,
                              dice.random() < 0.2))
        else:
            steps.append(Step(at, *command(at)))
    return steps


class Run:
    """One sequence at the daemon, step by step beside the model."""

    def __init__(self, clients, prefix, count):
        self.clients, self.prefix = clients, prefix
        self.model = Model([f"{prefix}{at}" for at in range(count)])
        self.peers, self.tokens = [], []
        for client in self.model.clients:
            peer, told = clients.hello(f"name={client.name} ttl=60")
            self.peers.append(peer)
            self.tokens.append(told["session"])

    def text(self, line):
        return line.replace("~", self.prefix)

    def do(self, step):
        """Does it, and raises Mismatch if anything else follows than the model says."""
        step = Step(step.client, self.text(step.line), step.payload,
                    [(self.text(line), payload) for line, payload in step.entries],
                    step.is_broken)
        self.send(step)
        expected = self.model.do(step)
        for at in range(len(self.peers)):
            self.compare(at, [event[1:] for event in expected if event[0] == at])

    def send(self, step):
        """Says it on the wire. Before the model moves: what it knows now is what it takes."""
        peer, me = self.peers[step.client], self.model.clients[step.client]
        if step.line == "!reply":
            peer.send(f"REP {me.asked[0][0] if me.asked else 10**12}", step.payload)
        elif step.line.startswith("!ack"):
            _, *args = step.line.split(" ")
            sub = me.subs.get(args[0])
            done = acknowledged(args, sub) if sub else ()
            if done:
                peer.send(" ".join(["ACK", str(sub.number), str(done[-1][1]), *args[1:]]))
        elif step.line == "!again":
            peer.send("BYE")
            peer.send(f"HELLO v=1 name={me.name} ttl=60")
        elif step.line == "!resume":
            peer.close()
            self.peers[step.client] = peer = self.clients.dealer()
            peer.send(f"HELLO v=1 resume={self.tokens[step.client]} ttl=60")
        elif step.entries:
            body = wire.batch(*(line.encode() + b"\n" + payload for line, payload in step.entries))
            peer.send(step.line, body[:-1] if step.is_broken else body)
        else:
            peer.send(step.line, step.payload)

    def compare(self, at, expected):
        """What this client gets now, in each stream, in its order."""
        peer, came = self.peers[at], []
        try:
            while len(came) < len(expected):
                came.append(peer.take())
                if not any(self.is_allowed(event[1:], came[-1]) for event in expected):
                    raise AssertionError("this was not to come")
            came += peer.drain()
        except AssertionError as error:
            raise Mismatch(f"client {at}: {error}\n  expected {expected}\n  came {came}") from None
        self.learn(at, came)
        streams = {}
        for stream, line, payload in expected:
            streams.setdefault(stream, ([], []))[0].append((line, payload))
        for frames in came:
            stream = self.stream(at, frames[0])
            late = "late", frames[0].decode().split(" ")[1] if stream == ANSWERS else ""
            stream = late if late in streams else stream
            streams.setdefault(stream, ([], []))[1].append(frames)
        for stream, (wanted, got) in streams.items():
            if len(wanted) != len(got) or not all(map(self.is_allowed, wanted, got)):
                raise Mismatch(f"client {at}, {' '.join(stream)}\n  expected {wanted}\n"
                               f"  came     {got}")

    @staticmethod
    def is_allowed(wanted, frames):
        line, payload = wanted
        return re.fullmatch(line, frames[0].decode()) is not None and (
            payload is None or frames[1:] == [payload])

    def stream(self, at, line):
        """Which order this line belongs to."""
        words = line.decode().split(" ")
        if words[0] in ("MSG", "GAP"):
            me = self.model.clients[at]
            numbers = me.gone | {sub.number: pattern for pattern, sub in me.subs.items()}
            pattern = numbers.get(int(words[1]))
            return ("sub", pattern, words[2]) if pattern else MAIL
        return {"PONG": PONG, "DOWN": DOWN}.get(words[0], ANSWERS)

    def learn(self, at, came):
        """Numbers that only the daemon knows: of subscriptions, of requests, and the token."""
        me, unasked = self.model.clients[at], iter([a for a in self.model.clients[at].asked
                                                    if not a[0]])
        for frames in came:
            line = frames[0].decode()
            told = wire.keys(frames[0])
            if line.startswith("OK ") and "sub" in told:
                pattern, sub = me.said.get(int(line.split(" ")[1]), (None, None))
                if sub is None:
                    continue
                sub.number = int(told["sub"])
                if me.subs.get(pattern) is not sub:
                    # Begun and ended in one BATCH.
                    me.gone[sub.number] = pattern
            elif line.startswith("MSG 0 ") and "rid" in told:
                asked = next(unasked, None)
                if asked:
                    asked[0] = int(told["rid"])
            elif line.startswith("WELCOME "):
                self.tokens[at] = told["session"]


class PropertyTest(ConformanceCase):
    def failure(self, steps, count):
        """Why this sequence fails at a fresh set of names, or None."""
        clients = Clients(world.Shared.get())
        try:
            run = Run(clients, self.fresh("p") + ".", count)
            for number, step in enumerate(steps, 1):
                try:
                    run.do(step)
                except Mismatch as mismatch:
                    return f"step {number}, {step}\n  {mismatch}"
            return None
        finally:
            self.leave(clients)

    @staticmethod
    def leave(clients):
        """Ends the sessions, so that the next sequence is alone, and the connections: thousands of
        sequences would hold thousands."""
        open_peers = [peer for peer in clients.peers if not peer.socket.closed]
        for peer in open_peers:
            peer.send("BYE")
        for peer in open_peers:
            try:
                peer.take_until(lambda frames: frames[0].startswith(b"BYE "))
            except AssertionError:
                pass  # It is why this sequence has failed.
        clients.close()

    def shrink(self, steps, count):
        """A sequence that fails and of which nothing can be left out."""
        size = len(steps) // 2
        while size:
            at = 0
            while at < len(steps):
                fewer = steps[:at] + steps[at + size:]
                if fewer and self.failure(fewer, count):
                    steps = fewer
                else:
                    at += size
            size //= 2
        return steps

    def test_what_the_daemon_says_is_what_the_model_allows(self):
        """8.each-seq 8.commands-in-order 8.ok-before-msg 4.send 4.pub 4.sub 4.batch 7.repeat
        7.resume-gap 7.redelivered 4.watch-once 4.pub-retain"""
        first = int(os.environ.get("CONFORMANCE_SEED", "1"))
        for seed in range(first, first + world.scaled(12, 2000)):
            dice = random.Random(seed)
            count = dice.randrange(1, 4)
            steps = draw(dice, count)
            if self.failure(steps, count):
                steps = self.shrink(steps, count)
                lines = "\n".join(f"  {step}" for step in steps)
                self.fail(f"seed {seed}, {count} clients, shortest sequence:\n{lines}\n"
                          f"{self.failure(steps, count)}")
