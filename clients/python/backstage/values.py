"""What a client of backstaged gives and gets: messages, gaps, and errors with what to do next."""
from __future__ import annotations

import random
import re
from pathlib import Path
from typing import NamedTuple, Optional, Union

Payload = Union[bytes, bytearray, memoryview, str]
RETRYABLE = (429, 503)  # Not 504: it may have had effects.
# What to do about an error, by its token or else by its number; 0 is of this side.
ADVICE = dict(line.split(": ", 1) for line in """\
400: correct the call; other bytes of a name are written %XX, see backstage.quote
401: give the keys as curve=Curve(server, secret), see backstagectl keygen
403: use a name of your own, or ask for a rule that allows it
404: check the name; spawn the actor, or publish with retain=True first
405: use the cmd endpoint of the daemon
409: choose another name, or end the other holder first
410: make a new client
413: split it, up to max_payload bytes each
429: take messages faster, send slower, or use less; retry=Retry(5) does that for a send
440: make a new client; this one lost its session
500: look into the daemon's dead letters; it may have had effects
501: do without, or run a newer daemon
503: try again later
504: find out whether it was done before asking again; look whether the actor is busy or mute
505: use the client that came with this daemon
bad_endpoint: give one such as tcp://127.0.0.1:7770, or the daemon's runtime directory
call_cycle: answer before asking, or send instead
closed: make a new client
dup_unknown: find out whether it was done before doing it again
lost: find out whether it was done before doing it again
no_answer: look at the daemon and its log; it may have had effects
no_request: nothing, the requester has its answer
superseded: another connection took the session over; use one client a session
unreachable: start backstaged, or name its endpoint; nothing was done
""".splitlines())


class BackstageError(Exception):
    """What was refused, why, and what to do `next`; `code` and `token` are those of PROTOCOL.md.

    Code 0 is of this side: `unreachable` (certainly not done), `no_answer` and `lost` (may have had
    effects), `closed`, `bad_endpoint`. A handler of requests raises it to refuse one.
    """

    def __init__(self, code: int, token: str, text: str = "", retry_ms: int = 0) -> None:
        self.code, self.token, self.text, self.retry_ms = code, token, text or token, retry_ms
        self.next = ADVICE.get(token) or ADVICE.get(str(code), "see PROTOCOL.md, section 6")
        self.retryable = code in RETRYABLE or token == "unreachable"
        number = f"{code} {token}" if code else token
        super().__init__(f"{self.text} ({number}). Next: {self.next}")


class Timeout(BackstageError, TimeoutError):
    """504 timeout and no_answer."""


class Lost(BackstageError, ConnectionError):
    """unreachable, lost and closed."""


def make_error(code: int, token: str, text: str = "", retry_ms: int = 0) -> BackstageError:
    kind = {"timeout": Timeout, "no_answer": Timeout, "bad_endpoint": BackstageError}.get(
        token, BackstageError if code else Lost)
    return kind(code, token, text, retry_ms)


class Retry(NamedTuple):
    """Tries up to `attempts` times what was refused with 429 or 503, and nothing else."""
    attempts: int = 1
    base_ms: int = 50
    cap_ms: int = 2000

    def pause(self, attempt: int, error: BackstageError) -> Optional[float]:
        """Seconds until the next try, at least the daemon's own hint; None: give up."""
        if attempt >= self.attempts or error.code not in RETRYABLE:
            return None
        backoff = min(self.cap_ms, self.base_ms * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0)
        return float(max(error.retry_ms, backoff)) / 1000


class Curve(NamedTuple):
    """Keys in Z85: the daemon's public one, and this client's, whose public one follows."""
    server: str
    secret: str
    public: str = ""

    @classmethod
    def from_files(cls, server: str, secret: str) -> Curve:
        """From files as `backstagectl keygen` writes them: server.key and NAME.key_secret."""
        return cls(*(Path(path).read_text("ascii").split()[-1] for path in (server, secret)))


class Reply(bytes):
    """The payload of an actor's answer, with its message type."""
    type: str = ""


class Published(NamedTuple):
    """To how many matching subscriptions it was offered, and how many of these had no room."""
    n: int = 0
    full: int = 0


class Message(NamedTuple):
    """A delivery or retained value. With a `rid` its sender waits for an answer; `session` says
    which of this client's sessions brought it."""
    address: str
    payload: bytes
    seq: int = 0
    sender: str = ""
    type: str = ""
    snap: bool = False
    redelivered: bool = False
    rid: int = 0
    session: int = 0


class Gap(NamedTuple):
    """Sequence numbers of an address that will not come; nothing else is ever left out."""
    pattern: str
    address: str
    first: int
    last: int
    reason: str


class Down(NamedTuple):
    """A watched actor has ended."""
    actor: str
    reason: str


class SessionEvent(NamedTuple):
    """`kind`: disconnected, resumed, renewed (see PROTOCOL.md, 7), draining, closed."""
    kind: str
    reason: str


def quote(name: str) -> str:
    """A name of any text as the protocol writes it: São -> S%C3%A3o."""
    return re.sub(rb"[^A-Za-z0-9._:-]", lambda m: b"%%%02X" % m[0][0], name.encode()).decode()


def word(text: str, token: str = "bad_addr") -> str:
    """`text` if it cannot break a line; the daemon judges the rest."""
    if not re.fullmatch(r"[!-<>-~]{1,200}", text):
        raise make_error(400, token, f"{text!r} is no word of the protocol")
    return text


def to_bytes(payload: Payload) -> bytes:
    return payload.encode() if isinstance(payload, str) else bytes(payload)
