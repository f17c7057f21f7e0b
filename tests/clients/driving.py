"""What both Python drivers share: the lines of DRIVER.md, and a client's values as JSON."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "clients" / "python"))
import backstage  # noqa: E402

if "--lacks" in sys.argv:
    sys.exit()  # Nothing.


def write(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def failed(tag, error):
    write(failed=tag, code=error.code, token=error.token, text=error.text, next=error.next,
          retryable=error.retryable)


def body(command):
    return bytes.fromhex(command.get("hex") or "")


def seconds(command, key="timeout_ms"):
    given = command.get(key)
    return None if given is None else given / 1000


def options(command):
    """Arguments of the client's constructor for a `connect`."""
    given = {key: command[key] for key in ("name", "ttl", "batch")
             if command.get(key) is not None}
    for key, ours in (("timeout_ms", "timeout"), ("ping_ms", "ping")):
        if command.get(key) is not None:
            given[ours] = command[key] / 1000
    if command.get("curve"):
        given["curve"] = backstage.Curve(**command["curve"])
    if command.get("retry"):
        given["retry"] = backstage.Retry(**command["retry"])
    return {"endpoint": command.get("endpoint"), **given, "on_gap": on_gap,
            "on_session": lambda event: write(event="session", kind=event.kind,
                                              reason=event.reason),
            "on_refused": lambda error: write(event="refused", code=error.code, token=error.token)}


def on_gap(gap):
    write(event="gap", **gap._asdict())


def on_down(down):
    write(event="down", **down._asdict())


def write_message(pattern, message):
    write(event="message", pattern=pattern, address=message.address, seq=message.seq,
          sender=message.sender, type=message.type, hex=message.payload.hex(), snap=message.snap,
          redelivered=message.redelivered)


def serve(message):
    """The handler of `serve`."""
    write(event="mail", sender=message.sender, type=message.type, hex=message.payload.hex(),
          asked=bool(message.rid))
    if message.type == "refuse":
        raise backstage.BackstageError(404, "no_value")
    if message.type == "fail":
        raise RuntimeError("this handler fails")
    if message.type == "mute":
        return backstage.LATER
    reply = backstage.Reply(message.payload)
    reply.type = "served"
    return reply


def write_native(frames):
    header, payload = frames
    if not header.startswith(b"$sys/sync/"):
        write(event="native", header=header.decode(), hex=payload.hex())


def receiver(command):
    return next(command[key] for key in ("actor", "address", "pattern") if key in command)


def arguments(command):
    """Name of the verb, its positional arguments and its keys, for those that need no more."""
    verb = command["do"]
    keys = {key: command[key] for key in ("type", "retain", "confirm")
            if command.get(key) is not None}
    if verb != "batch" and seconds(command) is not None:
        keys["timeout"] = seconds(command)
    if verb in ("send", "request", "publish"):
        return verb, [receiver(command), body(command)], keys
    if verb in ("watch", "unwatch", "get", "unsubscribe"):
        to = receiver(command)
        return verb, [to, on_down] if verb == "watch" else [to], keys
    raise ValueError(f"no such command: {verb}")


def told(verb, value):
    """The keys of `done` for the value of a verb."""
    if verb == "request":
        return {"hex": value.hex(), "type": value.type}
    if verb == "publish":
        return value._asdict()
    if verb == "get":
        return {"address": value.address, "seq": value.seq, "sender": value.sender,
                "type": value.type, "hex": value.payload.hex()}
    return {}


def outcome(value):
    """One entry of `outcomes`."""
    if isinstance(value, backstage.BackstageError):
        return {"code": value.code, "token": value.token}
    return {} if value is None else value._asdict()
