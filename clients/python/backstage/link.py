"""Where the daemon is, and one connection to it: the package's only sockets to `cmd`."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Optional

import zmq
from zmq.utils.monitor import recv_monitor_message

from .values import Curve, make_error

DEFAULT_ENDPOINT = "tcp://127.0.0.1:7770"
TAKE_MAX = 1000  # Messages of one turn; handlers and timers have theirs in between.
WRONG_KEY = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
ENDS = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | WRONG_KEY


def runtime_dir() -> Path:
    """Where a daemon of this user without a runtime_dir in its configuration has its files."""
    if os.environ.get("RUNTIME_DIRECTORY"):
        return Path(os.environ["RUNTIME_DIRECTORY"].split(":")[0])
    if os.environ.get("XDG_RUNTIME_DIR"):
        return Path(os.environ["XDG_RUNTIME_DIR"], "backstaged")
    return Path(f"/tmp/backstaged-{os.getuid()}")


def find_endpoint(where: Optional[str] = None) -> str:
    """The cmd endpoint: `where` itself, or as endpoints.json says, at that path or the default."""
    if where is not None and "://" in where:
        return where
    path = Path(where) if where else runtime_dir()
    path = path / "endpoints.json" if path.suffix != ".json" else path
    try:
        if path.stat().st_uid not in (0, os.getuid()) and not where:
            raise make_error(0, "bad_endpoint", f"{path} belongs to another user")
        return str(json.loads(path.read_text(encoding="utf-8"))["cmd"][0])
    except FileNotFoundError as error:
        if where is None:
            return DEFAULT_ENDPOINT
        raise make_error(0, "unreachable", f"{path} is not there: no daemon runs") from error
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise make_error(0, "bad_endpoint", f"{path}: {error}") from error


class Link:
    """A DEALER socket that never connects again by itself: what was lost has to be known."""

    def __init__(self, where: Optional[str], curve: Optional[Curve]) -> None:
        self.endpoint = find_endpoint(where)
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        # Within an hour there is another link. Never (-1) has libzmq 4.3.4 drop with the connection
        # what came by it and was not read yet.
        self.socket.linger, self.socket.reconnect_ivl = 0, 3_600_000
        self.monitor = self.socket.get_monitor_socket(ENDS)
        try:
            if curve is not None:
                self.socket.curve_serverkey = curve.server.encode()
                self.socket.curve_secretkey = secret = curve.secret.encode()
                self.socket.curve_publickey = curve.public.encode() or zmq.curve_public(secret)
            self.socket.connect(self.endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise make_error(0, "bad_endpoint", f"{self.endpoint}: {error}") from error

    def close(self) -> None:
        self.socket.disable_monitor()
        self.monitor.close()
        self.socket.close()

    def send(self, frames: list[bytes]) -> bool:
        """False: there is no room now."""
        try:
            self.socket.send_multipart(frames, zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def take(self) -> tuple[list[list[bytes]], str]:
        """What has come, and after the last of it why the connection is over, or an empty text."""
        messages: list[list[bytes]] = []
        is_over = self.monitor.poll(0)  # Before what came by it is read to its end.
        try:
            while len(messages) < TAKE_MAX:
                messages.append(self.socket.recv_multipart(zmq.DONTWAIT))
            is_over = False  # Not to its end.
        except zmq.Again:
            pass
        if not is_over:
            return messages, ""
        event = recv_monitor_message(self.monitor)["event"]
        if event & WRONG_KEY:
            return messages, f"{self.endpoint} refused the keys, or wants some"
        lost = "nobody listens at" if event == zmq.EVENT_CLOSED else "connection lost to"
        return messages, f"{lost} {self.endpoint}"
