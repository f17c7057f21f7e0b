"""A plain model of the protocol: what answers and deliveries a sequence of commands may bring.

No sockets, no time: a few clients, the addresses they publish on, and rules in the order of
PROTOCOL.md. `do` takes one step and returns the events that must follow, no more and no less:
(client, stream, line, payload), where a stream is what has an order of its own (section 8): the
answers of a client, and each address of each of its subscriptions. A line is a pattern to match.
"""
import re
from dataclasses import dataclass, field

ANSWERS = ("answers",)
PONG = ("pong",)
DOWN = ("down",)
MAIL = ("mail",)


@dataclass
class Step:
    """One command of one client. Lines that begin with `!` stand for what only the run knows:
    !reply, !ack PATTERN [ADDRESS], !again (BYE and HELLO), !resume (a new connection)."""
    client: int
    line: str
    payload: bytes = b""
    entries: list = field(default_factory=list)
    is_broken: bool = False

    def __str__(self):
        text = f"client {self.client}: {self.line}"
        if self.entries:
            inner = "; ".join(f"{line} {payload!r}" for line, payload in self.entries)
            return f"{text} [{inner}]{' cut short' if self.is_broken else ''}"
        return f"{text} {self.payload!r}" if self.payload else text


@dataclass
class Subscription:
    number: int = 0  # As the daemon said it; 0 until then.
    window: int = 0
    ack: bool = False
    delivered: dict = field(default_factory=dict)  # address: last seq
    pending: list = field(default_factory=list)    # handed over, not acknowledged
    waiting: list = field(default_factory=list)    # behind a shut window


@dataclass
class Client:
    name: str
    subs: dict = field(default_factory=dict)     # pattern: Subscription
    answers: dict = field(default_factory=dict)  # id: answer to a SEND or PUB
    asked: list = field(default_factory=list)    # [rid as the daemon said it, asker, id]
    watches: set = field(default_factory=set)
    said: dict = field(default_factory=dict)     # id of a SUB: (pattern, Subscription)
    gone: dict = field(default_factory=dict)     # numbers of ended subscriptions: pattern


def matches(pattern, address):
    actor, topic = pattern.split("/", 1)
    name, rest = address.split("/", 1)
    if actor not in ("*", name):
        return False
    wanted, tokens = topic.split("."), rest.split(".")
    if wanted[-1] == ">":
        wanted, tokens = wanted[:-1], tokens if len(tokens) >= len(wanted) else None
        tokens = tokens and tokens[:len(wanted)]
    return tokens is not None and len(wanted) == len(tokens) and all(
        w in ("*", t) for w, t in zip(wanted, tokens))


def acknowledged(args, sub):
    """Which of the pending ones !ACK PATTERN [ADDRESS] acknowledges: of one address the first half,
    of several all, for their numbers are not unique."""
    pattern, *address = args
    meant = [message for message in sub.pending if message[0] in (address or [message[0]])]
    has_one_address = address or ("*" not in pattern and ">" not in pattern)
    return meant[:(len(meant) + 1) // 2] if has_one_address else meant


class Model:
    def __init__(self, names):
        self.clients = [Client(name) for name in names]
        self.seqs, self.retained, self.events = {}, {}, []

    def do(self, step):
        """The events that this step must cause."""
        self.events = []
        verb, *words = step.line.split(" ")
        args = [word for word in words if "=" not in word]
        keys = dict(word.split("=", 1) for word in words if "=" in word)
        getattr(self, "do_" + verb.removeprefix("!").lower())(
            step.client, args, keys, step)
        return self.events

    def expect(self, client, stream, line, payload=None):
        self.events.append((client, stream, line, payload))

    def answer(self, client, number, rest, word="OK", payload=None, stream=ANSWERS):
        self.expect(client, stream, f"{word} {number}" + (f" {rest}" if rest else ""), payload)

    def holder(self, name):
        return next((at for at, c in enumerate(self.clients) if c.name == name), None)

    def is_repeated(self, client, keys):
        """Answers a repeated id; whether it was one."""
        answers, number = self.clients[client].answers, keys["id"]
        if number not in answers:
            return False
        word, rest = answers[number]
        self.answer(client, number, f"{rest} dup=1".strip(), word)
        return True

    def kept(self, client, keys, rest, word="OK"):
        self.clients[client].answers[keys["id"]] = (word, rest)
        self.answer(client, keys["id"], rest, word)

    # Section 4, verb by verb.

    def do_ping(self, client, args, keys, step):
        subs = len(self.clients[client].subs)
        self.expect(client, PONG, rf"PONG epoch=\w+ subs={subs} {args[0]}")

    def do_send(self, client, args, keys, step):
        if self.is_repeated(client, keys):
            return
        at, kind = self.holder(args[0]), f" type={keys['type']}" if "type" in keys else ""
        if at is None and args[0] != "echo":
            return self.kept(client, keys, "404 no_actor", "ERR")
        self.kept(client, keys, "")
        if at is not None:
            sender = re.escape(self.clients[client].name)
            self.expect(at, MAIL, f"MSG 0 {re.escape(args[0])} 0 {sender}{kind}", step.payload)

    def do_req(self, client, args, keys, step):
        at, number = self.holder(args[0]), keys["id"]
        if at == client:
            self.answer(client, number, "409 call_cycle", "ERR")
        elif at is not None:
            self.clients[at].asked.append([0, client, number])
            sender = re.escape(self.clients[client].name)
            self.expect(at, MAIL, rf"MSG 0 {re.escape(args[0])} 0 {sender} rid=\d+", step.payload)
        elif args[0] == "echo":
            self.answer(client, number, "", "REP", step.payload, ("late", number))
        else:
            self.answer(client, number, "404 no_actor", "ERR")

    def do_reply(self, client, args, keys, step):
        if not self.clients[client].asked:
            return self.expect(client, ANSWERS, "ERR 0 404 no_request")
        _, asker, number = self.clients[client].asked.pop(0)
        if asker is not None:
            self.answer(asker, number, "", "REP", step.payload)

    def do_pub(self, client, args, keys, step):
        if self.is_repeated(client, keys):
            return
        me = self.clients[client].name
        name, topic = args[0].split("/")
        name = name or me
        if name == "echo" or (name != me and self.holder(name) is not None):
            return self.kept(client, keys, "403 forbidden", "ERR")
        address = f"{name}/{topic}"
        seq = self.seqs[address] = self.seqs.get(address, 0) + 1
        message = (address, seq, me, step.payload)
        if keys.get("retain") == "1":
            self.retained[address] = message
        count = 0
        for at, other in enumerate(self.clients):
            for pattern, sub in other.subs.items():
                if matches(pattern, address):
                    count += 1
                    self.deliver(at, pattern, sub, message)
        self.kept(client, keys, f"n={count} full=0")

    def deliver(self, at, pattern, sub, message):
        if sub.window and len(sub.pending) >= sub.window:
            sub.waiting.append(message)
            return
        sub.delivered[message[0]] = message[1]
        if sub.ack:
            sub.pending.append(message)
        self.say(at, pattern, message)

    def say(self, at, pattern, message, mark=""):
        address, seq, sender, payload = message
        self.expect(at, ("sub", pattern, address), rf"MSG \d+ {re.escape(address)} {seq} "
                    rf"{re.escape(sender)}{mark}", payload)

    def do_sub(self, client, args, keys, step):
        pattern = args[0]
        sub = self.clients[client].subs.setdefault(pattern, Subscription())
        self.clients[client].said[int(keys["id"])] = pattern, sub
        sub.ack = keys.get("ack") == "1"
        sub.window = int(keys.get("window", 0))
        exact = "*" not in pattern and ">" not in pattern
        seq = f" seq={self.seqs.get(pattern, 0)}" if exact else ""
        self.answer(client, keys["id"], rf"sub=\d+{seq}")
        if keys.get("snap") == "1" and pattern in self.retained:
            self.say(client, pattern, self.retained[pattern], " snap=1")
            seen = sub.delivered.get(pattern, 0)
            sub.delivered[pattern] = max(seen, self.retained[pattern][1])

    def do_unsub(self, client, args, keys, step):
        found = self.clients[client].subs.pop(args[0], None)
        if found and found.number:
            self.clients[client].gone[found.number] = args[0]
        # What a shut window keeps back is given up, and said.
        kept = {}
        for address, seq, _, _ in found.waiting if found else ():
            kept.setdefault(address, []).append(seq)
        for address, seqs in kept.items():
            self.expect(client, ("sub", args[0], address),
                        rf"GAP \d+ {re.escape(address)} {seqs[0]} {seqs[-1]} \w+")
        # Behind the last MSG of it, so perhaps behind later answers.
        self.answer(client, keys["id"], *(("", "OK") if found else ("404 no_sub", "ERR")),
                    stream=("late", keys["id"]))

    def do_ack(self, client, args, keys, step):
        sub = self.clients[client].subs.get(args[0])
        if sub is None:
            return
        done = acknowledged(args, sub)
        sub.pending = [message for message in sub.pending if message not in done]
        while done and sub.waiting and len(sub.pending) < sub.window:
            self.deliver(client, args[0], sub, sub.waiting.pop(0))

    def do_get(self, client, args, keys, step):
        kept = self.retained.get(args[0])
        if kept is None:
            return self.answer(client, keys["id"], "404 no_value", "ERR")
        address, seq, sender, payload = kept
        self.answer(client, keys["id"], f"{re.escape(address)} {seq} {re.escape(sender)}", "VAL",
                    payload)

    def do_watch(self, client, args, keys, step):
        self.answer(client, keys["id"], "")
        if args[0] == "echo" or self.holder(args[0]) is not None:
            self.clients[client].watches.add(args[0])
        else:
            self.expect(client, DOWN, f"DOWN {re.escape(args[0])} no_actor")

    def do_unwatch(self, client, args, keys, step):
        if args[0] not in self.clients[client].watches:
            return self.answer(client, keys["id"], "404 no_sub", "ERR")
        self.clients[client].watches.discard(args[0])
        self.answer(client, keys["id"], "")

    def do_batch(self, client, args, keys, step):
        if step.is_broken:
            return self.answer(client, keys["id"], "400 bad_batch", "ERR")
        events = []
        for line, payload in step.entries:
            events += self.do(Step(client, line, payload))
        self.events = events
        self.answer(client, keys["id"], "")

    def do_again(self, client, args, keys, step):
        """BYE, then HELLO with the same name: nothing is left of the session."""
        me = self.clients[client]
        self.expect(client, ANSWERS, "BYE 200 ok")
        self.expect(client, ANSWERS, f"WELCOME v=1 name={re.escape(me.name)} .*last_id=0 .*")
        for _, asker, number in me.asked:
            if asker not in (None, client):
                self.answer(asker, number, "500 actor_failed", "ERR")
        for at, other in enumerate(self.clients):
            other.asked = [[rid, None if asker == client else asker, number]
                           for rid, asker, number in other.asked]
            if at != client and me.name in other.watches:
                other.watches.discard(me.name)
                self.expect(at, DOWN, rf"DOWN {re.escape(me.name)} \w+")
        self.clients[client] = Client(me.name)

    def do_resume(self, client, args, keys, step):
        """A new connection: gaps for what may be lost, again what was not acknowledged."""
        me = self.clients[client]
        self.expect(client, ANSWERS, f"WELCOME v=1 name={re.escape(me.name)} .*")
        for pattern, sub in me.subs.items():
            for address, seq in sub.delivered.items() if not sub.ack else ():
                self.expect(client, ("sub", pattern, address),
                            rf"GAP \d+ {re.escape(address)} 0 {seq} resume")
            for message in sub.pending:
                self.say(client, pattern, message, " redelivered=1")
