"""AsyncClient: the verbs for asyncio. It belongs to the loop in which it was opened."""
from __future__ import annotations

import asyncio
import math
import time
from typing import Any, AsyncIterator, Callable, Coroutine, Optional

from .calls import Call, Subscription
from .values import Message, make_error
from .verbs import Verbs


class Iterated(Subscription):
    """A subscription whose messages are taken one by one."""

    owner: AsyncClient

    async def next(self, timeout: Optional[float] = None) -> Optional[Message]:
        """The next message, or None after the time."""
        return await self.owner._next(self, timeout)

    async def __aiter__(self) -> AsyncIterator[Message]:
        while (message := await self.owner._next_or_end(self)) is not None:
            yield message


class AsyncClient(Verbs):
    """A session with the daemon, opened by `async with` or connect().

    Handlers may be coroutines. One after the other is run, in the order in which things came; only
    those of requests run side by side. What they raise is logged.
    """

    _subscription = Iterated

    def _begin(self) -> None:
        self._loop: Any = None
        self._timer: Optional[asyncio.TimerHandle] = None
        self._readers: list[int] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiters: list[asyncio.Future[None]] = []
        self._is_due = False

    async def connect(self) -> AsyncClient:
        self._loop = asyncio.get_running_loop()
        self._do_turn()
        await self._open()
        self._start(self._dispatch())
        return self

    __aenter__ = connect

    async def __aexit__(self, *ignored: object) -> None:
        await self.close()

    def _do_turn(self) -> None:
        link, self._is_due = self._link, False
        self._step(time.monotonic())
        if self._link is not link:
            for reader in self._readers:
                self._loop.remove_reader(reader)
            self._readers = [self._link.socket.fd, self._link.monitor.fd] if self._link else []
            for reader in self._readers:
                self._loop.add_reader(reader, self._do_turn)
            self._turn_soon()  # What is there already makes no edge.
        if self._timer is not None:
            self._timer.cancel()
        if self._over is None:
            self._timer = self._loop.call_later(self._due - time.monotonic(), self._do_turn)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            self._wake(waiter)

    def _turn_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._do_turn)

    def _put(self, *args: Any, **kwargs: Any) -> None:
        if self._loop is None:
            raise make_error(0, "closed", "this client is not open: use async with, or connect()")
        super()._put(*args, **kwargs)
        self._turn_soon()  # To send may swallow the edge of what has come.

    def _end(self, *args: Any) -> None:
        super()._end(*args)
        self._turn_soon()

    @staticmethod
    def _wake(waiter: asyncio.Future[None]) -> None:
        if not waiter.done():
            waiter.set_result(None)

    async def _turn(self, deadline: float, call: Optional[Call[Any]] = None) -> bool:
        waiter = self._loop.create_future()
        if call is None:
            self._waiters.append(waiter)
        else:
            call.wake = lambda: self._wake(waiter)
        left = deadline - time.monotonic()
        if left > 0:
            await asyncio.wait([waiter], timeout=None if left == math.inf else left)
        return time.monotonic() < deadline

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _dispatch(self) -> None:
        while self._over is None or self._events:
            while self._events:
                handler, item, sub = self._events.popleft()
                if getattr(item, "rid", 0):
                    self._start(self._handle(handler, item, sub))
                else:
                    await self._handle(handler, item, sub)
            if self._over is None:
                await self._turn(math.inf)

    # The verbs, as Verbs describes them.
    send = Verbs._send
    request = Verbs._request
    publish = Verbs._publish
    get = Verbs._get
    subscribe: Callable[..., Coroutine[Any, Any, Iterated]] = Verbs._subscribe
    unsubscribe = Verbs._unsubscribe
    watch = Verbs._watch
    unwatch = Verbs._unwatch
    ping = Verbs._ping
    sync = Verbs._sync
    close = Verbs._close
