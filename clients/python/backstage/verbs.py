"""The verbs of both clients, written once as coroutines over one primitive: a turn of the client.

AsyncClient has them as they are; in Client a turn blocks, so they never wait for a loop.
"""
from __future__ import annotations

import functools
import inspect
import itertools
import math
import secrets
import time
from typing import Any, Callable, Concatenate, Coroutine, Optional, ParamSpec, TypeVar, Union

from .calls import Call, Subscription
from .link import Link
from .session import Session, log
from .values import (BackstageError, Down, Message, Payload, Published, Reply, Retry, make_error,
                     to_bytes, word)

P = ParamSpec("P")
T = TypeVar("T")
LATER = object()  # What a handler returns that answers later, with reply() or refuse().
GRACE_SECONDS = 1.0  # The daemon keeps the deadline of a request; its answer needs time to arrive.
# Commands without an answer, and lines that wait for the connection, before callers wait for room.
# The daemon ends a session that leaves 256 answers waiting, and keeps those of 1,024 ids.
IN_FLIGHT_MAX = 128
BATCH_ENTRIES_MAX, BATCH_BYTES_MAX = 128, 256 * 1024


def blocking(verb: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]
             ) -> Callable[Concatenate[Any, P], T]:
    """The same verb for a client whose turns block."""
    @functools.wraps(verb)
    def blocks(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            verb(self, *args, **kwargs).send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        raise RuntimeError("a coroutine cannot be a handler of Client; use AsyncClient")

    return blocks


def typed(type: str) -> str:
    return f" type={word(type, 'bad_name')}" if type else ""


def sending(actor: str, payload: Payload, type: str) -> Call[None]:
    return Call("SEND", word(actor), typed(type), to_bytes(payload))


def publishing(address: str, payload: Payload, type: str, retain: bool) -> Call[Published]:
    return Call("PUB", word(address), typed(type) + " retain=1" * retain, to_bytes(payload))


def full_pattern(pattern: Union[str, Subscription]) -> str:
    text = pattern.pattern if isinstance(pattern, Subscription) else pattern
    return word(text if "/" in text else f"{text}/default")


class Batch:
    """Collects sends and publishes; after the block `outcomes` has one each: None, Published, or
    the error."""

    def __init__(self, owner: Verbs) -> None:
        self._owner, self._calls = owner, []  # type: Verbs, list[Call[Any]]
        self.outcomes: list[Union[None, Published, BackstageError]] = []

    def send(self, actor: str, payload: Payload = b"", *, type: str = "") -> None:
        self._calls.append(self._owner._checked(sending(actor, payload, type)))

    def publish(self, address: str, payload: Payload = b"", *, type: str = "",
                retain: bool = False) -> None:
        self._calls.append(self._owner._checked(publishing(address, payload, type, retain)))

    async def __aenter__(self) -> Batch:
        return self

    async def __aexit__(self, kind: Any, *ignored: object) -> None:
        if kind is None:
            await self._owner._send_all(self._calls, self.outcomes)

    def __enter__(self) -> Batch:
        return self

    __exit__ = blocking(__aexit__)


class Verbs(Session):
    """Every verb checks its arguments, sends, and ends in its answer or a BackstageError."""

    def _make_link(self) -> Link:
        return Link(self.endpoint, self.curve)

    async def _turn(self, deadline: float, call: Optional[Call[Any]] = None) -> bool:
        """Waits until something happened (to `call`); False once the deadline is over."""
        raise NotImplementedError

    async def _send(self, actor: str, payload: Payload = b"", *, type: str = "",
                    confirm: bool = True, timeout: Optional[float] = None,
                    retry: Optional[Retry] = None) -> None:
        """Sends one message. Done means: it is in the actor's mailbox; with confirm=False: it is
        on its way, and a refusal is told to on_refused."""
        await self._do(lambda: sending(actor, payload, type), timeout, retry, confirm)

    async def _request(self, actor: str, payload: Payload = b"", *, type: str = "",
                       timeout: Optional[float] = None, retry: Optional[Retry] = None) -> Reply:
        """Asks an actor, and gives its reply; the daemon itself keeps the time."""
        seconds = self.timeout if timeout is None else timeout
        keys = f" ttl={max(1, round(seconds * 1000))}" + typed(type)
        return await self._do(lambda: Call[Reply]("REQ", word(actor), keys, to_bytes(payload)),
                              seconds + GRACE_SECONDS, retry)

    async def _publish(self, address: str, payload: Payload = b"", *, type: str = "",
                       retain: bool = False, confirm: bool = True, timeout: Optional[float] = None,
                       retry: Optional[Retry] = None) -> Published:
        """Publishes on actor/topic; "/topic" is under the own name."""
        return await self._do(lambda: publishing(address, payload, type, retain), timeout, retry,
                              confirm) or Published()

    async def _get(self, address: str, *, timeout: Optional[float] = None) -> Message:
        """The retained value of an address; 404 no_value if there is none."""
        return await self._do(lambda: Call[Message]("GET", word(address)), timeout)

    async def _subscribe(self, pattern: str, handler: Optional[Callable[[Message], object]] = None,
                         *, snap: bool = False, over: str = "", window: int = 0, ack: bool = False,
                         timeout: Optional[float] = None) -> Any:
        """Subscribes: every message published from now on comes, or is told as a Gap. Without a
        handler iterate over what this gives. `snap`: first the retained value. `over`: what a full
        session gives up. `window`: at most so many unhandled. `ack`: again after a resume, if
        unhandled."""
        pattern = full_pattern(pattern)
        sub = self._subs.get(pattern) or self._subscription(self, pattern)
        sub.handler, sub.window, sub.ack = handler, window, ack
        sub.options = " snap=1" * snap + (f" over={word(over, 'bad_arg')}" if over else "")
        self._subs[pattern] = sub
        return await self._do(sub.call, timeout)

    _subscription: Callable[..., Subscription] = Subscription

    async def _unsubscribe(self, pattern: Union[str, Subscription], *,
                           timeout: Optional[float] = None) -> None:
        """No message of it comes after this."""
        await self._do(lambda: Call[None]("UNSUB", full_pattern(pattern)), timeout)

    async def _watch(self, actor: str, handler: Callable[[Down], object], *,
                     timeout: Optional[float] = None) -> None:
        """Calls handler once, when the actor has ended; a restart is no end."""
        self._watches[word(actor)] = handler
        await self._do(lambda: Call[None]("WATCH", actor), timeout)

    async def _unwatch(self, actor: str, *, timeout: Optional[float] = None) -> None:
        """Undoes watch."""
        self._watches.pop(actor, None)
        await self._do(lambda: Call[None]("UNWATCH", word(actor)), timeout)

    async def _ping(self, *, timeout: Optional[float] = None) -> str:
        """Whether the daemon answers; its epoch, which changes when it is started anew."""
        return await self._do(lambda: Call[str]("PING", subject=self._standing()), timeout)

    def serve(self, handler: Callable[[Message], object]) -> None:
        """Messages to the own name go to handler. If one has a `rid`, what handler returns is the
        reply (bytes, str, Reply, None), what it raises the refusal; LATER: see reply()."""
        self._mail.handler = handler
        while self._mail.waiting:
            tell, item, sub = self._mail.waiting.popleft()
            self._events.append((tell or handler, item, sub))

    def batch(self) -> Batch:
        """Sends what the (async) with block collects in few messages, and waits for it all."""
        return Batch(self)

    async def _sync(self, socket: Any, *, timeout: Optional[float] = None) -> list[list[bytes]]:
        """Returns when the filters of a native SUB socket are in place, with what it has read."""
        token, early = secrets.token_hex(8), []  # type: str, list[list[bytes]]
        mark = f"$sys/sync/{token}|".encode()
        socket.subscribe(mark)
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while time.monotonic() < deadline:
            await self._do(lambda: Call[None]("SYNC", token), timeout)
            await self._sleep(0.03)
            while socket.poll(0):
                frames = socket.recv_multipart()
                if frames[0].startswith(mark):
                    socket.unsubscribe(mark)
                    return early
                early.append(frames)
        raise make_error(0, "no_answer", f"SYNC: the filters do not come into place at {self.pub}")

    async def _close(self) -> None:
        """Ends the session: what was sent before is executed, and the name is free again."""
        if self._over is None and self.is_connected:
            self._put([b"BYE"], (self._last,))
            await self._wait(self._last, 1.0)
        if self._over is None:
            self._end(make_error(0, "closed", "this client is closed"))

    # --- How a verb waits.

    async def _open(self) -> None:
        deadline = time.monotonic() + self.timeout
        while not self.is_connected:
            hopeless = self._trouble.code or self._trouble.token == "bad_endpoint"
            if hopeless or not await self._turn(deadline) and not self.is_connected:
                self._end(make_error(0, "closed", "this client is closed"))
                raise self._trouble

    async def _do(self, make: Callable[[], Call[T]], timeout: Optional[float] = None,
                  retry: Optional[Retry] = None, confirm: bool = True) -> T:
        for attempt in itertools.count(1):
            call = self._checked(make())
            call.timeout = self.timeout if timeout is None else timeout
            try:
                await self._room(call)
                if confirm:
                    return await self._answer(self._ask(call))
                self._put(call.frames())
                return call.result()
            except BackstageError as error:
                pause = (retry or self.retry).pause(attempt, error)
                if pause is None:
                    raise
                await self._sleep(pause)
        raise AssertionError("unreachable")

    def _checked(self, call: Call[T]) -> Call[T]:
        if len(call.body) > self.max_payload:  # Far over it the connection would be cut.
            raise make_error(413, "too_large", f"{call}: max_payload is {self.max_payload} bytes")
        return call

    async def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while await self._turn(end):
            pass

    async def _room(self, call: Call[Any]) -> None:
        deadline = time.monotonic() + call.timeout
        while max(len(self._backlog), len(self._pending)) >= IN_FLIGHT_MAX:
            if not await self._turn(deadline):
                raise make_error(0, "unreachable", f"{call} was not sent: {self._trouble.text}")

    async def _wait(self, call: Call[Any], seconds: float) -> bool:
        """Whether it is done within that time."""
        deadline = time.monotonic() + seconds
        while not call.done and await self._turn(deadline, call):
            pass
        return call.done

    async def _answer(self, call: Call[T]) -> T:
        try:
            if not await self._wait(call, call.timeout):
                raise await self._silence(call)
            return call.result()
        finally:
            self._forget(call)

    async def _silence(self, call: Call[Any]) -> BackstageError:
        """What to say of a call without an answer: is it the actor or the daemon?"""
        if not call.sent:
            return make_error(0, "unreachable", f"{call} was not sent: {self._trouble.text}")
        alive = "is not connected any more"
        if self.is_connected:
            ping = self._ask(Call[str]("PING", subject=self._standing()))
            await self._wait(ping, 1.0)
            alive = "answers PING" if ping.value else "does not answer PING either"
        return make_error(0, "no_answer", f"{call} had no answer within {call.timeout:g} s; the "
                                          f"daemon {alive}")

    async def _send_all(self, calls: list[Call[Any]], outcomes: list[Any]) -> None:
        group: list[Call[Any]] = []
        size = 0
        for call in calls:
            call.timeout = self.timeout
            if len(group) == BATCH_ENTRIES_MAX or size + len(call.body) > BATCH_BYTES_MAX:
                await self._room(call)
                self._pack(group)
                group, size = [], 0
            group.append(call)
            size += len(call.body) + 300
        if calls:
            await self._room(calls[-1])
        self._pack(group)
        for call in calls:
            try:
                outcomes.append(await self._answer(call))
            except BackstageError as error:
                outcomes.append(error)

    # --- How handlers are called.

    def _settle(self, sub: Optional[Subscription], item: Any, result: Any = None,
                error: Optional[Exception] = None) -> None:
        """The handler has returned or failed: answers a request, acknowledges a delivery."""
        if sub is None or not isinstance(item, Message) or sub.error or self._over is not None:
            return
        if item.rid and isinstance(error, BackstageError) and error.code:
            self.refuse(item, error.code, error.token)
        elif item.rid and error is not None:
            self.refuse(item, 500, "actor_failed")
        elif item.rid and result is not LATER:
            self.reply(item, result if isinstance(result, (bytes, str)) else b"")
        elif (sub.window and not sub.ack) or (sub.ack and error is None):
            # What failed comes again where that was asked for; a mere window is not to shrink.
            # With a wildcard several addresses may share a number; without one it is the address.
            address = "" if item.address == sub.pattern else f" {item.address}"
            self._put([f"ACK {sub.number} {item.seq}{address}".encode()], session=item.session)

    def reply(self, message: Message, payload: Payload = b"", type: str = "") -> None:
        """Answers a request later, if its handler has returned LATER. Not answered itself."""
        line = f"REP {message.rid}" + typed(type or getattr(payload, "type", ""))
        self._put([line.encode(), to_bytes(payload)], session=message.session)

    def refuse(self, message: Message, code: int, token: str) -> None:
        """Answers a request with an error; see reply()."""
        self._put([f"ERR {message.rid} {code} {word(token)}".encode()], session=message.session)

    _raises = False  # What a handler raises is logged.

    async def _handle(self, handler: Any, item: Any, sub: Optional[Subscription]) -> None:
        if sub is not None and sub.error is not None:
            return  # It is over: unsubscribed, or ended by the daemon.
        try:
            result = handler(item)
            if inspect.isawaitable(result):
                result = await result
        except Exception as error:
            self._settle(sub, item, error=error)
            asked = bool(getattr(item, "rid", 0))
            if self._raises and not asked:
                raise
            if not (asked and isinstance(error, BackstageError)):
                log.exception("a handler failed on %s", item)
        else:
            self._settle(sub, item, result)

    async def _next(self, sub: Subscription, timeout: Optional[float]) -> Optional[Message]:
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while (message := sub.take()) is None:
            self._idle()
            if not sub.waiting and not await self._turn(deadline):
                return sub.take()
        return message

    def _idle(self) -> None:
        """What a client does that has nothing for its caller."""

    async def _next_or_end(self, sub: Subscription) -> Optional[Message]:
        try:
            return await self._next(sub, None)
        except BackstageError as error:
            if error.token in ("closed", "no_sub"):
                return None
            raise
