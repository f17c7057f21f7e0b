"""What a session keeps of each command that waits for its answer, and of each subscription."""
from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Callable, Generic, Optional, TypeVar

from .values import BackstageError, Gap, Message

if TYPE_CHECKING:
    from .verbs import Verbs

T = TypeVar("T")


class Call(Generic[T]):
    """One command that is answered: `value` or `error` once `done`; then `wake` is called."""

    def __init__(self, verb: str, to: str = "", keys: str = "", body: bytes = b"",
                 subject: Any = None) -> None:
        self.verb, self.to, self.keys, self.body, self.subject = verb, to, keys, body, subject
        self.number, self.timeout, self.sent, self.done = 0, 0.0, False, False
        self.value: Any = None
        self.error: Optional[BackstageError] = None
        self.wake: Callable[[], object] = lambda: None

    def frames(self) -> list[bytes]:
        number = f" {'' if self.verb == 'PING' else 'id='}{self.number}" if self.number else ""
        line = f"{self.verb}{' ' * bool(self.to)}{self.to}{number}{self.keys}".encode()
        return [line, self.body] if self.body else [line]

    def finish(self, value: Any = None, error: Optional[BackstageError] = None) -> None:
        if not self.done:
            self.value, self.error, self.done = value, error, True
            self.wake()

    def result(self) -> T:
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[no-any-return]

    def __str__(self) -> str:
        return f"{self.verb} {self.to}{self.keys} ({len(self.body)} bytes)"


class Subscription:
    """One pattern. `window` and `ack` say what is in effect; without a handler it is iterated.

    A message is handled, and acknowledged, when its handler has returned or the next is asked for.
    """

    def __init__(self, owner: Verbs, pattern: str) -> None:
        self.owner, self.pattern, self.number = owner, pattern, 0
        self.window, self.ack, self.options = 0, False, ""
        self.handler: Optional[Callable[[Message], object]] = None
        self.seq: Optional[int] = None  #: The last one before it, if it has a single address.
        self.error: Optional[BackstageError] = None
        self.seen: dict[str, int] = {}
        self.waiting: deque[tuple[Any, Any, Optional[Subscription]]] = deque()
        self._current: Optional[Message] = None

    def call(self) -> Call[Subscription]:
        window = f" window={self.window}" if self.window else ""
        return Call("SUB", self.pattern, self.options + window + " ack=1" * self.ack, subject=self)

    def take(self) -> Optional[Message]:
        """The next message if one waits; with that, the one before is handled."""
        if self._current is not None:
            self.owner._settle(self, self._current)
        self._current = None
        while self.waiting and self._current is None:
            tell, item, _ = self.waiting.popleft()
            if isinstance(item, Gap):
                tell(item)
            else:
                self._current = item
        over = self.error or self.owner._over
        if self._current is None and over is not None:
            raise over
        return self._current
