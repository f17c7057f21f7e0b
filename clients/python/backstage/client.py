"""Client: blocks until a verb is answered. One thread uses it; stop() may come from any."""
from __future__ import annotations

import math
import os
import time
import weakref
from typing import Any, Callable, Iterator, Optional

import zmq

from .calls import Call, Subscription
from .values import Message
from .verbs import Verbs, blocking


class Iterated(Subscription):
    """A subscription whose messages are taken one by one."""

    owner: Client

    def next(self, timeout: Optional[float] = None) -> Optional[Message]:
        """The next message, or None after the time."""
        return blocking(Verbs._next)(self.owner, self, timeout)

    def __iter__(self) -> Iterator[Message]:
        while (message := blocking(Verbs._next_or_end)(self.owner, self)) is not None:
            yield message


class Client(Verbs):
    """A session with the daemon, opened at once. Without an endpoint it finds the user's own.

    Handlers are called in run(), poll() and next() only, in the order in which things came. What
    they raise goes through to the caller; only a request is answered 500 actor_failed instead.
    """

    _raises = True
    _subscription = Iterated

    def _begin(self) -> None:
        self._stopping = self._dispatching = False
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._wake)  # Not by close(): stop() may come after it.
        blocking(Verbs._open)(self)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *ignored: object) -> None:
        self.close()

    async def _turn(self, deadline: float, call: Optional[Call[Any]] = None) -> bool:
        awaited = [(self._wake, zmq.POLLIN)]
        if self._link is not None:
            wants_out = zmq.POLLOUT if self._backlog and self.is_connected else 0
            awaited += [(self._link.monitor, zmq.POLLIN),
                        (self._link.socket, zmq.POLLIN | wants_out)]
        left = max(0.0, min(self._due, deadline) - time.monotonic())
        if (self._wake, zmq.POLLIN) in zmq.zmq_poll(awaited, math.ceil(left * 1000)):
            os.eventfd_read(self._wake)
        now = time.monotonic()
        self._step(now)
        return now < deadline

    def run(self, seconds: Optional[float] = None) -> bool:
        """Calls handlers until stop() or the end of the session (True), or for so long (False)."""
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        while True:
            self._idle()
            if self._stopping or self._over is not None:
                self._stopping = False
                return True
            if not blocking(Client._turn)(self, deadline) and not self._events:
                return False

    def poll(self) -> None:
        """Calls handlers for what is here, and does not wait."""
        self.run(0)

    def stop(self) -> None:
        """Ends run(), this one or the next. For any thread, handler or signal; takes no lock."""
        self._stopping = True
        os.eventfd_write(self._wake, 1)

    def _idle(self) -> None:
        if self._dispatching:
            return  # A handler waits for something; the others wait for it.
        self._dispatching = True
        try:
            while self._events and not self._stopping:
                blocking(Verbs._handle)(self, *self._events.popleft())
        finally:
            self._dispatching = False

    # The verbs, as Verbs describes them.
    send = blocking(Verbs._send)
    request = blocking(Verbs._request)
    publish = blocking(Verbs._publish)
    get = blocking(Verbs._get)
    unsubscribe = blocking(Verbs._unsubscribe)
    watch = blocking(Verbs._watch)
    unwatch = blocking(Verbs._unwatch)
    ping = blocking(Verbs._ping)
    sync = blocking(Verbs._sync)
    close = blocking(Verbs._close)
    subscribe: Callable[..., Iterated] = blocking(Verbs._subscribe)
