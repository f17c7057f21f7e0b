"""One session as a client sees it, without sockets: fed with messages and time, it says what to do.

`Verbs` gives it commands; `Client` and `AsyncClient` move its bytes and call its handlers.
"""
from __future__ import annotations

import functools
import itertools
import logging
import random
import struct
from collections import deque
from typing import Any, Callable, Optional, Sequence
from urllib.parse import unquote

from .calls import Call, Subscription, T
from .values import (BackstageError, Curve, Down, Gap, Message, Published, Reply, Retry,
                     SessionEvent, make_error, word)

log = logging.getLogger("backstage")
WAITING_MAX = 100_000  # Messages kept for a handler or iterator; more become a Gap, reason client.
REDIAL_SECONDS_MAX = 5.0
ONCE = ("SEND", "PUB", "REQ", "BATCH")  # Not to be done twice; all else may be asked again.


class Session:
    """Options, state and the protocol of one client."""

    def __init__(self, endpoint: Optional[str] = None, *, name: str = "", ttl: int = 0,
                 batch: bool = True, timeout: float = 5.0, ping: float = 5.0,
                 curve: Optional[Curve] = None, retry: Retry = Retry(),
                 on_gap: Callable[[Gap], object] = log.warning,
                 on_session: Callable[[SessionEvent], object] = log.warning,
                 on_refused: Callable[[BackstageError], object] = log.warning) -> None:
        self.endpoint, self.curve, self.retry, self.timeout = endpoint, curve, retry, timeout
        self.name = self._own_name = word(name, "bad_name") if name else ""
        self.ttl, self.batching, self._ping_every = ttl, batch, ping
        self.on_gap, self.on_session, self.on_refused = on_gap, on_session, on_refused
        self.epoch = self.pub = self.ingest = self._token = ""
        self.max_payload, self.is_connected = 1 << 20, False
        self._link: Any = None
        self._over: Optional[BackstageError] = None
        self._trouble = make_error(0, "unreachable", "not connected yet")
        self._ids, self._hello_id, self._sessions, self._tries = itertools.count(1), 0, 0, 0
        self._now = self._due = 0.0  # When a step has something to do though nothing comes.
        self._pending: dict[int, Call[Any]] = {}
        self._backlog: deque[tuple[list[bytes], Sequence[Call[Any]], int]] = deque()
        self._mail = Subscription(self, self.name)  # type: ignore[arg-type]
        self._subs: dict[str, Subscription] = {}
        self._by_number = {0: self._mail}
        self._watches: dict[str, Callable[[Down], object]] = {}
        self._events: deque[tuple[Any, Any, Optional[Subscription]]] = deque()
        self._beat: Call[str] = Call("PING")
        self._last: Call[None] = Call("BYE")
        self._packs = True
        self._begin()

    @property
    def is_closed(self) -> bool:
        """Over for good: by close(), or because another connection took the session over."""
        return self._over is not None

    def _begin(self) -> None:
        raise NotImplementedError

    def _make_link(self) -> Any:
        raise NotImplementedError

    # --- The connection: made, kept alive, made again.

    def _step(self, now: float) -> None:
        self._now, link = now, self._link
        if self._over is not None or (link is None and now < self._due):
            return
        if link is None:
            return self._dial()
        messages, broken = link.take()
        for frames in messages:
            try:
                self._feed(frames)
            except (ValueError, IndexError, KeyError, struct.error) as error:
                broken = f"that is not the protocol: {frames[0][:80]!r}: {error}"
            if self._link is not link:
                return
        if not broken and now >= self._due and not messages:
            if not self.is_connected:
                broken = f"nobody answered HELLO at {link.endpoint}"
            elif self._beat.sent and not self._beat.done:
                broken = "the daemon did not answer PING"
            else:
                self._beat = self._ask(Call("PING", subject=self._standing()))
                self._due = now + self._ping_every
        if broken:
            self._drop(broken)
        self._flush()

    def _dial(self) -> None:
        self._due = self._now + max(self.timeout, 1.0)
        try:
            self._link = self._make_link()
            self._hello()
        except BackstageError as error:
            self._trouble = error
            self._redial()

    def _redial(self) -> None:
        wait = min(REDIAL_SECONDS_MAX, 0.05 * 2 ** self._tries) * random.uniform(0.5, 1.0)
        self._due, self._tries = self._now + wait, min(self._tries + 1, 10)

    def _hello(self) -> None:
        self._hello_id = next(self._ids)
        keys = {"id": self._hello_id, "name": self._own_name, "resume": self._token,
                "ttl": self.ttl, "batch": int(self.batching)}
        line = "HELLO v=1" + "".join(f" {key}={value}" for key, value in keys.items() if value)
        self._link.send([line.encode()])

    def _drop(self, reason: str) -> None:
        self._link.close()
        was, self._link, self.is_connected = self.is_connected, None, False
        if was or not self._trouble.code:  # A refused HELLO says more than what follows it.
            self._trouble = make_error(0, "unreachable", f"no session with the daemon: {reason}")
        self._redial()
        if was:
            self._tell(self.on_session, SessionEvent("disconnected", reason))

    def _end(self, error: BackstageError) -> None:
        if self._link is not None:
            self._link.close()
        self._over, self._link, self.is_connected = error, None, False
        for call in self._pending.values():
            token = "lost" if call.sent else "unreachable"
            call.finish(error=make_error(0, token, f"{call}: {error.text}"))
        self._pending.clear()
        if unsent := sum(not calls and session == 0 for _, calls, session in self._backlog):
            log.warning("%d unconfirmed messages were never sent: %s", unsent, error.text)

    def _welcome(self, keys: dict[str, str]) -> None:
        resumed, first = keys["session"] == self._token, not self.epoch
        restarted, self.epoch, self.name = self.epoch != keys["epoch"], keys["epoch"], keys["name"]
        self.pub, self.ingest = unquote(keys.get("pub", "")), unquote(keys.get("ingest", ""))
        self.max_payload = int(keys["max_payload"])
        self._token = keys["session"] if self.ttl else ""
        self.is_connected, self._beat, self._due = True, Call("PING"), self._now + self._ping_every
        self._trouble, why = make_error(0, "unreachable", "connection lost"), self._trouble.text
        again = [] if resumed else self._restore(restarted)
        if not first:
            event = SessionEvent("resumed" if resumed else "renewed",
                                 f"epoch {self.epoch}" if restarted else why)
            if again:  # Told when all stands again.
                again[-1].wake = functools.partial(self._restored, again[-1], event)
            else:
                self._tell(self.on_session, event)
        for number, call in list(self._pending.items()):
            if call.sent and call.verb not in ONCE:
                again.append(self._number(self._pending.pop(number)))
            elif call.sent and not resumed:
                lost = f"{call}: the session ended before the answer"
                self._pending.pop(number).finish(error=make_error(0, "lost", lost))
            elif call.sent and call.verb == "BATCH":
                self._pending.pop(number).finish()  # Its entries are sent again one by one.
            elif call.sent and call.verb != "REQ":
                again.append(call)
        self._backlog.extendleft((call.frames(), (call,), 0) for call in reversed(again))

    def _restore(self, restarted: bool) -> list[Call[Any]]:
        """What a new session has to be told again."""
        self._sessions += 1
        standing = [sub for sub in self._subs.values() if sub.number]
        for sub in standing:
            del self._by_number[sub.number]
            sub.number = 0
            if restarted:  # Sequence numbers begin again.
                sub.seen.clear()
        calls = [sub.call() for sub in standing] + [Call("WATCH", who) for who in self._watches]
        for call in calls:
            call.wake = functools.partial(self._restored, call)
            self._number(call)
        return calls

    def _restored(self, call: Call[Any], event: Optional[SessionEvent] = None) -> None:
        if call.error is not None:
            self._tell(self.on_refused, call.error)
        if event is not None:
            self._tell(self.on_session, event)

    # --- Out. Lines of a session (ACK, REP) are for that one alone.

    def _put(self, frames: list[bytes], calls: Sequence[Call[Any]] = (), session: int = 0) -> None:
        """Sends it now, or once there is a connection."""
        if self._over is not None:
            raise self._over
        self._backlog.append((frames, calls, session))
        self._flush()

    def _flush(self) -> None:
        while self._backlog and self.is_connected:
            frames, calls, session = self._backlog[0]
            given_up = calls and all(call.done for call in calls)
            if not given_up and session in (0, self._sessions):
                if not self._link.send(frames):
                    return
                for call in calls:
                    call.sent = True
            self._backlog.popleft()

    def _number(self, call: Call[T]) -> Call[T]:
        call.number = next(self._ids)
        self._pending[call.number] = call
        return call

    def _ask(self, call: Call[T]) -> Call[T]:
        if self._over is not None:
            raise self._over
        self._put(self._number(call).frames(), (call,))
        return call

    def _pack(self, group: list[Call[Any]]) -> None:
        if len(group) < 2 or not self._packs:
            for call in group:
                self._ask(call)
            return
        batch = self._number(Call[None]("BATCH", str(len(group)), subject=group))
        entries = [b"\n".join(self._number(call).frames()) for call in group]
        batch.body = b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)
        self._put(batch.frames(), (batch, *group))

    def _forget(self, call: Call[Any]) -> None:
        """Nobody waits for it any more."""
        self._pending.pop(call.number, None)
        call.done = True
        if call.verb == "SUB" and not call.subject.number:
            self._subs.pop(call.to, None)

    def _give_up(self, sub: Subscription, why: BackstageError) -> None:
        """Nothing of it is handled any more, and no new session has it."""
        sub.error = why
        self._subs.pop(sub.pattern, None)
        if sub.number:
            self._by_number.pop(sub.number, None)

    def _standing(self) -> int:
        """Subscriptions that the daemon has for certain."""
        leaving = sum(call.verb == "UNSUB" for call in self._pending.values())
        return len(self._by_number) - 1 - leaving

    # --- In.

    def _feed(self, frames: list[bytes]) -> None:
        verb, *words = frames[0].decode("ascii").split(" ")
        body = frames[1] if len(frames) > 1 else b""
        args = [each for each in words if "=" not in each]
        keys = dict(each.split("=", 1) for each in words if "=" in each)
        if verb == "MSG":
            self._message(self._by_number.get(int(args[0])), Message(
                args[1], body, int(args[2]), args[3], keys.get("type", ""), "snap" in keys,
                "redelivered" in keys, int(keys.get("rid", 0)), self._sessions))
        elif verb in ("OK", "REP", "VAL"):
            if (call := self._pending.pop(int(args[0]), None)) is not None:
                call.finish(self._value(call, verb, args, keys, body))
        elif verb == "ERR":
            self._refused(int(args[0]), int(args[1]), args[2], keys, body.decode(errors="replace"))
        elif verb == "BATCH":
            at = 0
            while at < len(body):
                size = struct.unpack_from("<I", body, at)[0]
                self._feed(body[at + 4:at + 4 + size].split(b"\n", 1))
                at += 4 + size
        elif verb == "GAP":
            self._gap(self._by_number.get(int(args[0])), args[1], int(args[2]), int(args[3]),
                      args[4])
        elif verb == "DOWN" and args[0] in self._watches:
            self._tell(self._watches.pop(args[0]), Down(args[0], args[1]))
        elif verb == "PONG":
            self._pong(keys, int(args[0]) if args else 0)
        elif verb == "PING":
            self._link.send([b"PING"])
        elif verb == "WELCOME":
            self._welcome(keys)
        elif verb == "DRAINING":
            self._tell(self.on_session, SessionEvent("draining", f"{args[0]} ms"))
        elif verb == "BYE":
            self._bye(int(args[0]), args[1])

    def _bye(self, code: int, token: str) -> None:
        self._token = ""
        if self._last.sent:
            self._last.finish()
        elif token == "superseded":
            self._tell(self.on_session, SessionEvent("closed", token))
            self._end(make_error(code, token, "the session is over"))
        else:
            self._drop(f"{code} {token}")

    def _pong(self, keys: dict[str, str], number: int) -> None:
        call = self._pending.pop(number, None)
        stands = min(self._standing(), call.subject if call else 0)
        if keys["epoch"] != self.epoch or int(keys["subs"]) < stands:
            self._drop("the daemon has forgotten this session")
        elif call is not None:
            self._tries = 0
            call.finish(keys["epoch"])

    def _value(self, call: Call[Any], verb: str, args: list[str], keys: dict[str, str],
               body: bytes) -> Any:
        if verb == "REP":
            reply = Reply(body)
            reply.type = keys.get("type", "")
            return reply
        if verb == "VAL":
            return Message(args[1], body, int(args[2]), args[3], keys.get("type", ""))
        if call.verb == "PUB":
            return Published(int(keys.get("n", 0)), int(keys.get("full", 0)))
        if call.verb == "UNSUB" and (left := self._subs.get(call.to)) is not None:
            self._give_up(left, make_error(404, "no_sub", f"{left.pattern} is unsubscribed"))
        if call.verb == "SUB":
            sub, is_new = call.subject, not call.subject.number
            sub.number, sub.seq = int(keys["sub"]), int(keys["seq"]) if "seq" in keys else None
            self._by_number[sub.number] = sub
            if is_new and sub.seq is not None:
                if sub.pattern in sub.seen:
                    self._gap(sub, sub.pattern, 0, sub.seq, "reconnect")
                sub.seen[sub.pattern] = sub.seq
            return sub
        return None

    def _refused(self, number: int, code: int, token: str, keys: dict[str, str],
                 text: str) -> None:
        call = self._pending.pop(number, None)
        text = f"{call}{': ' * bool(text)}{text}" if call else text
        error = make_error(code, token, text, int(keys.get("retry", 0)))
        if not self.is_connected:
            self._hello_refused(error)
        elif call is None:
            if number == 0:
                ended = self._by_number.get(int(keys["sub"])) if "sub" in keys else None
                if ended is not None:
                    error = make_error(code, token, f"the subscription of {ended.pattern} is over")
                    self._give_up(ended, error)
                self._tell(self.on_refused, error)
        elif code == 501 and call.verb == "SUB" and (call.subject.window or call.subject.ack):
            call.subject.window, call.subject.ack = 0, False  # Do without.
            call.keys = call.subject.call().keys
            self._ask(call)
        elif call.verb == "BATCH":
            self._packs = code != 501
            for entry in call.subject:
                if self._packs:
                    self._pending.pop(entry.number, None)
                    entry.finish(error=error)
                else:
                    self._put(entry.frames(), (entry,))
        else:
            if call.verb == "SUB" and not call.subject.number:
                self._give_up(call.subject, error)
            elif call.verb == "WATCH":
                self._watches.pop(call.to, None)
            call.finish(error=error)

    def _hello_refused(self, error: BackstageError) -> None:
        if error.code == 501 and (self.batching or self.ttl):  # Do without, one after the other.
            self.batching, self.ttl = False, self.ttl if self.batching else 0
        elif error.token != "no_session" or not self._token:
            self._trouble = error
            return self._drop(str(error))
        if error.code != 501 or not self.ttl:
            self._token = ""
        self._hello()

    def _message(self, sub: Optional[Subscription], message: Message) -> None:
        if sub is None:
            return  # Of a subscription that was given up.
        if sub is not self._mail and not message.snap:
            had = sub.seen.get(message.address, message.seq)
            if message.seq > had + 1:  # Only a new session leaves such a hole.
                self._gap(sub, message.address, had + 1, message.seq - 1, "reconnect")
            sub.seen[message.address] = max(had, message.seq)
        self._deliver(sub, sub.handler, message)

    def _gap(self, sub: Optional[Subscription], address: str, first: int, last: int,
             reason: str) -> None:
        if sub is not None and last > (had := sub.seen.get(address, 0)):
            sub.seen[address] = last  # After a resume the daemon does not know what came.
            self._deliver(sub, self.on_gap,
                          Gap(sub.pattern, address, max(first, had + 1), last, reason))

    def _deliver(self, sub: Subscription, handler: Any, item: Any) -> None:
        waiting = self._events if sub.handler else sub.waiting
        if len(waiting) >= WAITING_MAX and isinstance(item, Message):
            handler = self.on_gap
            item = Gap(sub.pattern, item.address, item.seq, item.seq, "client")
            before = waiting[-1][1]
            if isinstance(before, Gap) and before[:2] == item[:2] and before.reason == "client":
                waiting.pop()
                item = item._replace(first=before.first)
        waiting.append((handler, item, sub))

    # --- To the handlers.

    def _tell(self, handler: Callable[[Any], object], item: object) -> None:
        self._events.append((handler, item, None))
