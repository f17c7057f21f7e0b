"""Finds a running backstaged and speaks with its cmd socket; what feed.py and board.py share.

Needs python3-zmq and nothing else. Every failure is a Trouble that says what happened, where, why
and what to do next.
"""
import json
import os
import sys
import time
from pathlib import Path

try:
    import zmq
except ImportError:
    sys.exit("error: cannot import zmq\n"
             f"  where: {sys.executable}\n"
             "  why:   the Python binding of ZeroMQ is not installed for this interpreter\n"
             "  next:  sudo apt-get install python3-zmq, and run this with /usr/bin/python3")

DEFAULT_CMD = "tcp://127.0.0.1:7770"


class Trouble(Exception):
    """What a person needs to know: what, where, why, next. `code` is the exit status."""

    def __init__(self, what, where, why, next_step, code=1):
        super().__init__(what)
        self.code = code
        self.text = f"error: {what}\n  where: {where}\n  why:   {why}\n  next:  {next_step}"


def runtime_dir():
    """Where a daemon started without a runtime_dir of its own keeps endpoints.json."""
    if os.environ.get("RUNTIME_DIRECTORY"):
        return Path(os.environ["RUNTIME_DIRECTORY"].split(":")[0])
    if os.environ.get("XDG_RUNTIME_DIR"):
        return Path(os.environ["XDG_RUNTIME_DIR"]) / "backstaged"
    return Path(f"/tmp/backstaged-{os.getuid()}")


def read_cmd_endpoint(path):
    """The first cmd endpoint in endpoints.json."""
    try:
        endpoints = json.loads(Path(path).read_text(encoding="utf-8"))
        bound = endpoints["cmd"]
        return bound if isinstance(bound, str) else bound[0]
    except OSError as error:
        raise Trouble("cannot read the daemon's endpoints", path, error.strerror,
                      "start the daemon, or name its cmd socket with --cmd tcp://127.0.0.1:7770",
                      69) from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Trouble("the endpoints file is not what the daemon writes", path,
                      f"{type(error).__name__}: {error}",
                      "give the endpoints.json of a running daemon, or use --cmd") from error


def add_endpoint_options(parser):
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--endpoints", metavar="FILE", type=Path,
                       help="endpoints.json of the daemon (default: that of the runtime "
                            f"directory if it is there, else {DEFAULT_CMD})")
    where.add_argument("--cmd", metavar="ENDPOINT", help="the daemon's cmd socket")
    parser.add_argument("--wait", metavar="SECONDS", type=float, default=10.0,
                        help="how long to wait for an answer (default: %(default)s)")


def cmd_endpoint(arguments):
    if arguments.cmd:
        return arguments.cmd
    if arguments.endpoints:
        return read_cmd_endpoint(arguments.endpoints)
    found = runtime_dir() / "endpoints.json"
    return read_cmd_endpoint(found) if found.exists() else DEFAULT_CMD


class Answer:
    """One message of the daemon: `verb`, positional `words`, `keys` and the payload."""

    def __init__(self, frames):
        self.line = frames[0].decode("ascii", "replace")
        self.payload = frames[1] if len(frames) > 1 else b""
        self.verb, *rest = self.line.split(" ")
        self.words = [word for word in rest if "=" not in word]
        self.keys = dict(word.split("=", 1) for word in rest if "=" in word)

    def number(self, at):
        return int(self.words[at])


class CmdClient:
    """One session on the daemon's cmd socket. Use as a context manager; one thread only."""

    def __init__(self, endpoint, wait_seconds):
        self.endpoint = endpoint
        self.wait_seconds = wait_seconds
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        # A connection that breaks is the end of its session (PROTOCOL.md): what was in flight has
        # an unknown fate, so the caller must hear of it; a silent reconnect would hide it.
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.socket.linger = 0  # goodbye() waits until everything sent has been read.
        try:
            self.socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise Trouble("cannot connect", endpoint, str(error),
                          "write the endpoint as tcp://127.0.0.1:7770 or ipc:///path",
                          64) from error

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def close(self):
        self.socket.disable_monitor()
        self.monitor.close()
        self.socket.close()
        self.context.term()

    def send(self, line, payload=b""):
        self.socket.send_multipart([line.encode("ascii"), payload])

    def receive(self, timeout_seconds):
        """The next answer, or None after the time. Raises Trouble when the daemon went away."""
        deadline = time.monotonic() + timeout_seconds
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)
        while True:
            left_ms = max(0, round((deadline - time.monotonic()) * 1000))
            ready = dict(poller.poll(left_ms))
            if self.socket in ready:
                return Answer(self.socket.recv_multipart())
            if self.monitor in ready:
                raise self.gone()
            if not ready and time.monotonic() >= deadline:
                return None

    def gone(self):
        return Trouble("the daemon closed the connection", self.endpoint,
                       "it was stopped or killed; the session ended with the connection",
                       "look at the daemon's log, start it, and start this again", 69)

    def silent(self, what="no answer from the daemon"):
        return Trouble(what, self.endpoint,
                       f"nothing came for {self.wait_seconds:g} s: it is not running, or another "
                       "program listens there",
                       "start it with scripts/run.sh, or name another endpoint with --endpoints "
                       "or --cmd", 69)

    def hello(self, name=None):
        """Opens the session; the WELCOME."""
        self.send("HELLO v=1" + (f" name={name}" if name else ""))
        answer = self.receive(self.wait_seconds)
        if answer is None:
            raise self.silent()
        if answer.verb == "WELCOME":
            return answer
        raise self.refused(f"the daemon refused the session {name or ''}".rstrip(), answer)

    def refused(self, what, answer):
        """A Trouble for an ERR or BYE that cannot be mended by trying again."""
        text = answer.payload.decode("utf-8", "replace")
        return Trouble(what, self.endpoint, answer.line + (f": {text}" if text else ""),
                       NEXT_STEPS.get(answer.words[-1], "see PROTOCOL.md for this answer"))

    def goodbye(self):
        """Ends the session and waits until the daemon has freed its name."""
        self.send("BYE")
        deadline = time.monotonic() + self.wait_seconds
        while (left := deadline - time.monotonic()) > 0:
            answer = self.receive(left)
            if answer is None or answer.verb == "BYE":
                return


NEXT_STEPS = {
    "name_in_use": "stop the other client of that name, or wait until its connection is closed",
    "stopping": "the daemon is stopping; start it and start this again",
    "forbidden": "stop whoever holds that name",
    "version": "use the scripts that came with this daemon",
}


def run(main):
    """Runs `main`, which returns the exit status, and says a Trouble in words."""
    try:
        return main()
    except Trouble as trouble:
        print(trouble.text, file=sys.stderr)
        return trouble.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
