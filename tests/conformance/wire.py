"""The protocol's words, as a client sees them: every line from the daemon is held to them."""
import re

NAME = r"(?:[A-Za-z0-9._:\-$]|%[0-9A-Fa-f]{2})+"
ADDRESS = rf"{NAME}(?:/{NAME})?"
TYPE = rf"(?: type={NAME})?"
# Number and token of every refusal there is (section 6).
ERRORS = {
    400: "bad_frame bad_verb bad_addr bad_name bad_arg bad_batch", 401: "unauthenticated",
    403: "forbidden reserved_name", 404: "no_actor no_type no_value no_sub no_request no_timer",
    405: "needs_dealer not_here",
    409: "name_in_use type_mismatch call_cycle superseded dup_unknown", 410: "no_session",
    413: "too_large",
    429: "mailbox_full slow_consumer rate retained_full topics_full subs_full timers_full "
         "requests_full",
    440: "hello_required", 500: "actor_failed", 501: "unsupported",
    503: "stopping parked activation_limit actors_full no_memory threads_full sessions_full",
    504: "timeout", 505: "version",
}
TOKENS = {token: number for number, tokens in ERRORS.items() for token in tokens.split()}

# first word: (the rest of the line, whether a payload comes with it). None: some bring one.
LINES = {
    "WELCOME": (rf" v=\d+ name={NAME} session=[0-9a-f]{{32}} epoch=[0-9a-f]{{8}} last_id=\d+"
                r" max_payload=\d+ window=\d+ pub=\S* ingest=\S*( \S+=\S*)*", False),
    "OK": (r" \d+( sub=\d+)?( seq=\d+)?( n=\d+)?( full=\d+)?( dup=1)?", False),
    "ERR": (r" \d+ \d{3} [a-z_]+( retry=\d+)?( supported=\d+)?( sub=\d+)?( dup=1)?", None),
    "REP": (r" \d+" + TYPE, True),
    "VAL": (rf" \d+ {ADDRESS} \d+ {NAME}" + TYPE, True),
    "MSG": (rf" \d+ {ADDRESS} \d+ {NAME}" + TYPE +
            r"( rid=[1-9]\d*)?( snap=1)?( redelivered=1)?", True),
    "GAP": (rf" [1-9]\d* {NAME}/{NAME} \d+ \d+ (slow|resume|shed|conflate)", False),
    "PONG": (r" epoch=[0-9a-f]{8} subs=\d+( \S{1,64})?", False),
    "PING": ("", False),
    "DRAINING": (r" \d+", False),
    "BYE": (r" \d{3} [a-z_]+", False),
    "DOWN": (rf" {NAME} [a-z_]+", False),
    "BATCH": (r" [1-9]\d*", True),
}
PATTERNS = {verb: re.compile((verb + rest).encode()) for verb, (rest, _) in LINES.items()}


class Broken(AssertionError):
    """The daemon said something that the protocol does not have."""


def check_error(words):
    """Number and token of `... code token` belong together, be it in ERR or BYE."""
    number, token = int(words[0]), words[1].decode()
    if (number, token) != (200, "ok") and TOKENS.get(token) != number:
        raise Broken(f"{number} {token} is not in the table of errors")


def check(frames):
    """Raises Broken unless these frames, without a delimiter, are a message of the daemon."""
    line, payload = frames[0], frames[1:]
    verb = line.split(b" ")[0].decode(errors="replace")
    if verb not in PATTERNS or not PATTERNS[verb].fullmatch(line) or len(line) > 1024:
        raise Broken(f"not a line of the daemon: {line[:200]!r}")
    has_payload = LINES[verb][1]
    if len(payload) > 1 or (has_payload is not None and has_payload != bool(payload)):
        raise Broken(f"{len(frames)} frames for {line!r}")
    words = line.split(b" ")
    if verb == "ERR":
        check_error(words[2:4])
        if words[2] in (b"400", b"501") and (not payload or len(payload[0]) < 10):
            raise Broken(f"a line that is wrong in itself is told why: {frames!r}")
    elif verb == "BYE":
        check_error(words[1:3])


def keys(line):
    """The key=value words of a control line."""
    return dict(word.split("=", 1) for word in line.decode().split(" ") if "=" in word)


def is_answer(line, number):
    """Whether this line answers command `number`."""
    words = line.split(b" ")
    return words[0] in (b"OK", b"ERR", b"REP", b"VAL") and words[1] == str(number).encode()


def batch(*entries):
    """The payload of a BATCH: entries are one-frame messages, as bytes or text."""
    raw = [entry.encode() if isinstance(entry, str) else entry for entry in entries]
    return b"".join(len(entry).to_bytes(4, "little") + entry for entry in raw)


def unbatch(frames):
    """The messages in a delivered BATCH, each as its frames; Broken if they do not add up."""
    count, body, messages = int(frames[0].split(b" ")[1]), frames[1], []
    while body:
        length = int.from_bytes(body[:4], "little")
        if len(body) < 4 + length or not length:
            raise Broken(f"an entry of {length} bytes does not fit in {len(body)}")
        messages.append(body[4:4 + length].split(b"\n", 1))
        body = body[4 + length:]
    if len(messages) != count or count < 2 or count > 1024:
        raise Broken(f"BATCH {count} holds {len(messages)} messages")
    return messages
