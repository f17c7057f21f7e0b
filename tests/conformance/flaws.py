"""The planted bugs: what each does to the lines of a good daemon, and which tests must notice."""
import re
import time

import wire

HELD_SECONDS = 0.02


class Flaw:
    """Nothing wrong: the base of all, and the flaw `none`."""

    what = "changes nothing"
    holds = False
    loses_delimiter = False

    def up(self, link, frames):
        """What the daemon gets for this message of the client."""
        return [frames]

    def down(self, link, frames):
        """What the client gets for this message of the daemon."""
        return [frames]

    def idle(self, link, now):
        """What was held back and is due. Asked only of a flaw that `holds`."""
        return []


class Rewrite(Flaw):
    """Changes each n-th line that a pattern is found in."""

    def __init__(self, what, pattern, replacement, upward=False, every=1):
        self.what, self.pattern, self.replacement = what, re.compile(pattern), replacement
        self.upward, self.every, self.found = upward, every, 0

    def change(self, frames):
        line, lf, rest = frames[0].partition(b"\n")
        if self.pattern.search(line):
            self.found += 1
            if self.found % self.every == 0:
                return [self.pattern.sub(self.replacement, line) + lf + rest, *frames[1:]]
        return frames

    def up(self, link, frames):
        return [self.change(frames)] if self.upward else [frames]

    def down(self, link, frames):
        return [frames] if self.upward else [self.change(frames)]


class Times(Flaw):
    """Each n-th message that begins so comes this many times: not at all, or more than once."""

    def __init__(self, what, pattern, times, every=1, upward=False, kind=None):
        self.what, self.pattern, self.times = what, re.compile(pattern), times
        self.every, self.found, self.upward, self.kind = every, 0, upward, kind

    def count(self, link, frames):
        if self.pattern.match(frames[0]) and self.kind in (None, link.kind):
            self.found += 1
            if self.found % self.every == 0:
                return [frames] * self.times
        return [frames]

    def up(self, link, frames):
        return self.count(link, frames) if self.upward else [frames]

    def down(self, link, frames):
        return [frames] if self.upward else self.count(link, frames)


class CutPayload(Flaw):
    def __init__(self, what, mark):
        self.what, self.mark = what, mark

    def down(self, link, frames):
        return [[frames[0], *(f.split(self.mark)[0] for f in frames[1:])]]


class Held(Flaw):
    """Each n-th MSG waits for the message behind it, if that begins so, and comes after it."""

    holds = True

    def __init__(self, what, overtaker, every=1):
        self.what, self.overtaker, self.every, self.found = what, overtaker, every, 0

    def down(self, link, frames):
        held = link.memory.pop("held", None)
        if held:
            both = [frames, held[1]]
            return both if frames[0].startswith(self.overtaker) else both[::-1]
        if frames[0].startswith(b"MSG"):
            self.found += 1
            if self.found % self.every == 0:
                link.memory["held"] = time.monotonic() + HELD_SECONDS, frames
                return []
        return [frames]

    def idle(self, link, now):
        if "held" in link.memory and link.memory["held"][0] <= now:
            return [link.memory.pop("held")[1]]
        return []


class MsgAfterUnsub(Flaw):
    what = "one more MSG after the OK of UNSUB"

    def up(self, link, frames):
        if frames[0].startswith(b"UNSUB ") and b" id=" in frames[0]:
            link.memory["unsub"] = wire.keys(frames[0])["id"]
        return [frames]

    def down(self, link, frames):
        if frames[0].startswith(b"MSG"):
            link.memory["last"] = frames
        if frames[0] == f"OK {link.memory.get('unsub')}".encode() and "last" in link.memory:
            return [frames, link.memory["last"]]
        return [frames]


class OkForRefused(Flaw):
    what = "OK to a SEND that was refused"

    def up(self, link, frames):
        found = re.match(rb"SEND .*\bid=(\d+)", frames[0])
        if found:
            link.memory.setdefault("sent", set()).add(found[1])
        return [frames]

    def down(self, link, frames):
        words = frames[0].split(b" ")
        if words[0] == b"ERR" and words[1] in link.memory.get("sent", ()):
            return [[b"OK " + words[1]]]
        return [frames]


class ForgetDup(Flaw):
    what = "a repeated id is executed again"
    FRESH = 10**14

    def up(self, link, frames):
        seen, shifts = link.memory.setdefault("seen", set()), link.memory.setdefault("shift", {})
        found = re.match(rb"(?:SEND|PUB) [^\n]*\bid=(\d+)", frames[0])
        if not found:
            return [frames]
        number = int(found[1])
        if number not in seen:
            seen.add(number)
            return [frames]
        fresh = self.FRESH + len(shifts)
        shifts[str(fresh).encode()] = found[1]
        line = frames[0].replace(b"id=" + found[1], b"id=%d" % fresh, 1)
        return [[line, *frames[1:]]]

    def down(self, link, frames):
        words = frames[0].split(b" ")
        if len(words) > 1 and words[1] in link.memory.get("shift", {}):
            words[1] = link.memory["shift"][words[1]]
            return [[b" ".join(words), *frames[1:]]]
        return [frames]


class PrefixMatch(Flaw):
    what = "a subscription gets every address that begins like its own"

    def up(self, link, frames):
        found = re.match(rb"SUB ([^ /*]+)/([^ *>]+)(.*)", frames[0])
        if not found or found[1] == b"drain":
            return [frames]
        link.memory.setdefault("prefixes", []).append(found[1] + b"/" + found[2])
        return [[b"SUB " + found[1] + b"/>" + found[3]]]

    def down(self, link, frames):
        words = frames[0].split(b" ")
        if words[0] == b"OK" and b"sub=" in frames[0] and b"seq=" not in frames[0]:
            return [[frames[0] + b" seq=0"]]
        prefixes = tuple(link.memory.get("prefixes", ()))
        if words[0] == b"MSG" and words[1] != b"0" and not words[2].startswith(prefixes):
            return []
        return [frames]


class HalfOfBadBatch(Flaw):
    what = "the good entries of a bad BATCH run"

    def up(self, link, frames):
        line, _, rest = frames[0].partition(b"\n")
        if not line.startswith(b"BATCH "):
            return [frames]
        body, entries = frames[1] if len(frames) > 1 else rest, []
        while len(body) >= 4 and len(body) >= 4 + int.from_bytes(body[:4], "little"):
            length = int.from_bytes(body[:4], "little")
            entries.append([body[4:4 + length]])
            body = body[4 + length:]
        good = not body and str(len(entries)).encode() == line.split(b" ")[1]
        return [frames] if good else [*entries[:1], frames]


class ReversedBatch(Flaw):
    what = "deliveries in a BATCH come in reverse"

    def down(self, link, frames):
        if not frames[0].startswith(b"BATCH "):
            return [frames]
        entries = [b"\n".join(message) for message in wire.unbatch(frames)]
        return [[frames[0], wire.batch(*entries[::-1])]]


class LostDelimiter(Flaw):
    what = "the empty frame that a DEALER put in front does not come back"
    loses_delimiter = True


def more(by):
    """A replacement that adds to the last group of a match, a number."""
    return lambda found: found[1] + b"%d" % (int(found[2]) + by)


ORDER = "order.OrderTest."
CAUSAL = ORDER + "test_what_an_actor_published_before_it_replied_comes_before_the_reply"
MAIL = ORDER + "test_messages_from_one_client_to_another_arrive_in_the_order_sent"
EXACT = "topics.AddressTest.test_each_dealer_gets_its_own_address_and_no_longer_or_shorter_one"
GAPS = "ack.WindowTest.test_what_a_shut_window_drops_is_in_a_gap"
OLDEST = "loss.OverTest.test_over_oldest_keeps_the_newest_and_gaps_stand_where_the_messages_were"
KICK = "loss.OverTest.test_over_kick_ends_the_session_and_says_why"
WINDOW = "ack.WindowTest.test_never_more_than_the_window_is_unacknowledged"
ACK_ONE = "ack.WindowTest.test_an_ack_with_an_address_covers_that_address_alone"
PAYLOAD = "framing.FramingTest.test_a_payload_arrives_byte_for_byte"
KEYS = "framing.FramingTest.test_an_unknown_key_is_ignored_and_one_with_a_bang_is_501_and_not_done"
ONE_FRAME = "framing.FramingTest.test_hello_frames_1_puts_control_line_and_payload_into_one_frame"
SILENCE = ("framing.FramingTest."
           "test_a_command_without_id_is_answered_only_when_it_fails_or_verbose_is_on")
SEND = "verbs.SendTest.test_ok_of_send_means_that_it_is_in_the_mailbox_and_comes_once"
REQ = "verbs.ReqTest.test_a_request_ends_in_exactly_one_reply_or_error"
KEPT = "verbs.PubTest.test_a_retained_value_is_kept_until_another_and_outlives_plain_publishes"
COUNTS = "verbs.PubTest.test_ok_of_pub_counts_deliveries_and_a_full_subscriber_never_fails_it"
DOWN = "watch.WatchTest.test_down_comes_once_when_the_watched_one_ends"
PONG = "verbs.PingTest.test_pong_tells_epoch_and_subscriptions_and_returns_the_token"
BYE = "verbs.PingTest.test_bye_ends_subscriptions_and_frees_the_name"
TOKENS = "verbs.HelloTest.test_a_token_is_drawn_anew_for_each_session"
REPEAT = "sessions.RepeatTest.test_a_repeated_id_gets_its_old_answer_and_is_not_done_again"
RESTART = "sessions.EndTest.test_nothing_survives_a_restart_and_the_epoch_tells"
RESUME = "sessions.ResumeTest."
KEEPS = RESUME + "test_a_session_outlives_its_connection_for_its_ttl_and_keeps_what_it_had"
AGAIN = RESUME + "test_unacknowledged_messages_come_again_marked_and_nothing_twice_that_was"
WRONG = RESUME + "test_a_wrong_token_is_410_and_changes_nothing"
TAKEN = RESUME + "test_a_resume_takes_over_from_a_living_connection_which_is_told"
RAW_REQ = "req.ReqTest.test_not_a_byte_more_than_one_answer_goes_to_a_req_socket"
BAD_BATCH = ("batch.BatchInTest."
             "test_a_batch_that_does_not_add_up_is_refused_and_nothing_of_it_runs")
PACKED = "batch.BatchOutTest.test_deliveries_come_packed_to_who_asked_and_in_the_same_order"
BAD = "framing.FramingTest.test_each_malformed_message_is_refused_and_the_session_stays_usable"
DELIMITED = "framing.FramingTest.test_a_dealer_that_prepends_an_empty_frame_gets_delimited_answers"
UNSUB = ORDER + "test_no_message_of_a_subscription_comes_after_the_ok_of_unsub"
MODEL = "property.PropertyTest.test_what_the_daemon_says_is_what_the_model_allows"

# name: (the flaw, the tests of which at least one must fail). With none, all of these must pass.
FLAWS = {
    "swallow_gap": (Times("a GAP is not said", rb"GAP ", 0), [GAPS, KEEPS]),
    "wide_gap": (Rewrite("a GAP covers one more", rb"^(GAP \S+ \S+ \d+ )(\d+)", more(1)), [GAPS]),
    "lose_msg": (Times("the 1000th MSG is lost", rb"MSG ", 0, every=1000), [MAIL]),
    "repeat_msg": (Times("the 50th MSG comes twice", rb"MSG ", 2, every=50), [MAIL]),
    "swap_msgs": (Held("each 40th MSG is overtaken", b"MSG", every=40), [MAIL]),
    "reply_first": (Held("REP overtakes the MSG before it", b"REP"), [CAUSAL]),
    "msg_after_unsub": (MsgAfterUnsub(), [UNSUB]),
    "wrong_seq": (Rewrite("each 7th MSG counts one too many", rb"^(MSG \S+ \S+ )([1-9]\d*)",
                          more(1), every=7), [EXACT, GAPS]),
    "prefix_match": (PrefixMatch(), [EXACT]),
    "forged_sender": (Rewrite("MSG names another sender", rb"^(MSG \S+ \S+ \d+ )\S+",
                              rb"\1somebody"), [KEPT, COUNTS]),
    "lost_type": (Rewrite("the type is lost", rb" type=\S+", b""), [SEND, REQ]),
    "unmarked_snap": (Rewrite("a snapshot is not marked", rb" snap=1", b""), [KEPT]),
    "old_value": (Rewrite("VAL counts one less", rb"^(VAL \S+ \S+ )(\d+)", more(-1)), [KEPT]),
    "ok_for_refused": (OkForRefused(), [REPEAT, MODEL]),
    "lose_err": (Times("each 3rd ERR is lost", rb"ERR ", 0, every=3), [REQ, REPEAT]),
    "wrong_code": (Rewrite("no_actor has another number", rb"404 no_actor", b"500 no_actor"),
                   [REQ]),
    "no_text": (Rewrite("a refusal of the line has another token", rb"400 bad_addr",
                        b"400 bad_name"), [BAD]),
    "wrong_id": (Rewrite("each 5th answer has the next id", rb"^((?:OK|REP|ERR) )([1-9]\d*)",
                         more(1), every=5), [REQ, REPEAT]),
    "twice_to_dealer": (Times("REP comes twice", rb"REP ", 2), [REQ]),
    "twice_to_req": (Times("a REQ socket is answered twice", rb"", 2, kind="REQ"), [RAW_REQ]),
    "cut_at_lf": (CutPayload("payloads end at LF", b"\n"), [PAYLOAD]),
    "cut_at_nul": (CutPayload("payloads end at NUL", b"\0"), [PAYLOAD]),
    "forget_dup": (ForgetDup(), [REPEAT]),
    "unsaid_dup": (Rewrite("a repetition is not marked", rb" dup=1", b""), [REPEAT]),
    "miscount": (Rewrite("PUB counts one delivery more", rb"^(OK \d+ n=)(\d+)", more(1)),
                 [COUNTS]),
    "half_batch": (HalfOfBadBatch(), [BAD_BATCH]),
    "reversed_batch": (ReversedBatch(), [PACKED]),
    "same_epoch": (Rewrite("the epoch never changes", rb"epoch=\w+", b"epoch=00000001"),
                   [RESTART]),
    "same_token": (Rewrite("every session has one token", rb" session=\w+",
                           b" session=" + b"0" * 32), [TOKENS]),
    "any_token": (Rewrite("a wrong token opens a session", rb"^HELLO (.*) resume=\w+", rb"HELLO \1",
                          upward=True), [WRONG, KEEPS]),
    "wide_window": (Rewrite("windows are twice as wide", rb"^(SUB .* window=)(\d+)",
                            lambda found: found[1] + b"%d" % (2 * int(found[2])), upward=True),
                    [WINDOW]),
    "deaf_to_ack": (Times("ACK does nothing", rb"ACK ", 0, upward=True), [WINDOW, AGAIN]),
    "deaf_to_address": (Rewrite("ACK with an address covers all addresses", rb"^(ACK \d+ \d+) \S+",
                                rb"\1", upward=True), [ACK_ONE]),
    "unmarked_again": (Rewrite("what comes again is not marked", rb" redelivered=1", b""),
                       [AGAIN]),
    "unsaid_superseded": (Times("nobody says superseded", rb"BYE 409", 0), [TAKEN]),
    "unsaid_kick": (Times("nobody says slow_consumer", rb"BYE 429", 0), [KICK]),
    "unsaid_bye": (Times("BYE is not answered", rb"BYE 200", 0), [BYE]),
    "down_twice": (Times("DOWN comes twice", rb"DOWN ", 2), [DOWN]),
    "lost_token": (Rewrite("PONG has no token", rb"^(PONG \S+ \S+) .*", rb"\1"), [PONG]),
    "wrong_subs": (Rewrite("PONG counts no subscriptions", rb"subs=\d+", b"subs=0"), [PONG]),
    "deaf_to_bang": (Rewrite("key! is ignored", rb" \w+!=\S+", b"", upward=True), [KEYS]),
    "deaf_to_frames": (Rewrite("frames=1 is ignored", rb" frames=1", b"", upward=True),
                       [ONE_FRAME]),
    "deaf_to_verbose": (Rewrite("verbose=1 is ignored", rb" verbose=1", b"", upward=True),
                        [SILENCE]),
    "lost_delimiter": (LostDelimiter(), [DELIMITED]),
    "drop_newest": (Rewrite("over=oldest drops the newest", rb"over=oldest", b"over=newest",
                            upward=True), [OLDEST]),
    "none": (Flaw(), []),
}
