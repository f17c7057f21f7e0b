#!/usr/bin/python3
"""Replays a CSV of departures to the daemon as session `feed`, one message each, none lost.

    scripts/feed.py                         as fast as the daemon takes them
    scripts/feed.py --speed 3600            an hour of departures in a second
    scripts/feed.py --rate 500 --limit 2000

Each departure is published on `feed/flight.<ORIGIN>` with its CSV line as the payload; at most
WINDOW of them are unanswered. One that is refused for the moment (429) is sent again before any new
one; if departures of its airport behind it were taken meanwhile, it is counted as `overtaken`. One
that nobody received, or that a full mailbox refused, ends the feed with an error and exit status 1.
The last line tells what was done.
"""
import argparse
import collections
import re
import sys
import time
from datetime import datetime
from pathlib import Path

from cmd_client import CmdClient, Trouble, add_endpoint_options, cmd_endpoint, run

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "flights-20k.csv"
HEADER = "departure,origin,destination,delay_min,distance_miles"
STAMP = "%Y/%m/%d %H:%M"
# Departures read from the file and not yet answered. The daemon holds 1,000 messages of one peer,
# so the feed never fills the connection; more than that would only wait in buffers.
WINDOW = 256
BACKOFF_SECONDS = 0.05  # Of a 429 without `retry=`.
# Refusals of one departure: more of them mean that the daemon is ill, not busy.
RETRIES_MAX = 100

Departure = collections.namedtuple("Departure", "number line origin stamp")


def parse_departure(number, line, path):
    fields = line.split(",")
    try:
        if len(fields) != 5:
            raise ValueError(f"{len(fields)} fields instead of 5")
        if not re.fullmatch(r"[A-Za-z0-9_:-]{1,100}", fields[1]):
            raise ValueError(f"origin {fields[1]!r} is not one token of a topic")
        int(fields[3])
        int(fields[4])
        return Departure(number, line, fields[1], datetime.strptime(fields[0], STAMP))
    except ValueError as error:
        raise Trouble("cannot read a departure", f"{path}:{number}", str(error),
                      f"mend the line; the columns are {HEADER}", 65) from error


def read_departures(path, limit):
    """Yields the departures of the file in its order, at most `limit`."""
    try:
        with open(path, encoding="ascii") as lines:
            if lines.readline().strip() != HEADER:
                raise Trouble("not a file of departures", f"{path}:1",
                              f"the first line is not {HEADER}", "choose the file with --file", 65)
            for number, line in enumerate(lines, 2):
                if limit is not None and number - 2 >= limit:
                    return
                yield parse_departure(number, line.rstrip("\r\n"), path)
    except OSError as error:
        raise Trouble("cannot read the departures", path, error.strerror,
                      "choose the file with --file", 66) from error
    except UnicodeDecodeError as error:
        raise Trouble("not a file of departures", path, str(error), "choose the file with --file",
                      65) from error


class Pace:
    """When each departure is due: at once, at a rate, or by its time stamp."""

    def __init__(self, rate, speed):
        self.rate = rate
        self.speed = speed
        self.begin = time.monotonic()
        self.first = None
        self.count = 0

    def due(self, departure):
        self.first = self.first or departure.stamp
        self.count += 1
        if self.speed:
            return self.begin + (departure.stamp - self.first).total_seconds() / self.speed
        return self.begin + (self.count - 1) / self.rate if self.rate else self.begin


class Feed:
    """The window: departures in flight, and those to be sent again."""

    def __init__(self, client, last_id):
        self.client = client
        self.next_id = last_id + 1
        self.in_flight = {}  # id: (departure, times refused)
        self.refused = []  # (when to send again, departure, times refused), in the file's order
        self.taken = {}  # origin: line of its last departure that was acknowledged
        self.sent = self.acknowledged = self.retried = self.overtaken = 0
        self.heard_at = time.monotonic()

    def has_room(self):
        """Nothing new is sent while something waits to be sent again: order before speed."""
        return len(self.in_flight) < WINDOW and not self.refused

    def is_done(self):
        return not self.in_flight and not self.refused

    def take(self, departure):
        self.sent += 1
        self.publish(departure, 0)

    def publish(self, departure, refusals):
        if not self.in_flight:
            self.heard_at = time.monotonic()
        self.in_flight[self.next_id] = (departure, refusals)
        self.client.send(f"PUB /flight.{departure.origin} id={self.next_id}",
                         departure.line.encode("ascii"))
        self.next_id += 1

    def retry_due(self):
        """Sends again what is due, always under a new id: the daemon remembers the old answer."""
        now = time.monotonic()
        while self.refused and self.refused[0][0] <= now:
            _, departure, refusals = self.refused.pop(0)
            self.retried += 1
            self.publish(departure, refusals)

    def on_answer(self, answer):
        self.heard_at = time.monotonic()
        if answer.verb == "OK" and answer.number(0) in self.in_flight:
            self.on_ok(answer, self.in_flight.pop(answer.number(0))[0])
        elif answer.verb == "ERR":
            self.on_err(answer)
        elif answer.verb in ("BYE", "DRAINING"):
            raise Trouble("the daemon is stopping", self.client.endpoint, self.progress(),
                          "start it again, and play the file from its beginning")

    def on_ok(self, answer, departure):
        if int(answer.keys.get("full", "0")) > 0:
            raise Trouble(f"departure of line {departure.number} was refused by a full mailbox",
                          f"feed/flight.{departure.origin}", answer.line,
                          "raise types.airport.mailbox.messages in the daemon's configuration")
        if int(answer.keys.get("n", "0")) == 0:
            raise Trouble(f"departure of line {departure.number} reached nobody",
                          f"feed/flight.{departure.origin}",
                          "no actor and no client subscribes to that address",
                          "start the daemon with --config config/flightboard.json")
        self.acknowledged += 1
        before = self.taken.get(departure.origin, 0)
        self.overtaken += departure.number < before
        self.taken[departure.origin] = max(departure.number, before)

    def on_err(self, answer):
        departure, refusals = self.in_flight.pop(answer.number(0), (None, 0))
        if departure is None or answer.words[1] != "429" or refusals >= RETRIES_MAX:
            raise self.client.refused("the daemon refused a departure", answer)
        pause = int(answer.keys["retry"]) / 1000 if "retry" in answer.keys else BACKOFF_SECONDS
        self.refused.append((time.monotonic() + pause, departure, refusals + 1))
        self.refused.sort(key=lambda one: one[1].number)

    def next_wake(self, due):
        """Seconds until there is something to do without an answer."""
        wakes = [due] if due is not None and self.has_room() else []
        wakes += [when for when, _, _ in self.refused[:1]]
        if self.in_flight:
            wakes.append(self.heard_at + self.client.wait_seconds)
        return max(0.0, min(wakes, default=time.monotonic()) - time.monotonic())

    def check_silence(self):
        if self.in_flight and time.monotonic() - self.heard_at >= self.client.wait_seconds:
            raise self.client.silent(f"the daemon does not answer; {self.progress()}")

    def progress(self):
        return (f"{self.acknowledged} departures were acknowledged, "
                f"{len(self.in_flight)} are in doubt")


def play(feed, departures, pace):
    departure = next(departures, None)
    due = pace.due(departure) if departure else None
    while departure or not feed.is_done():
        while departure and feed.has_room() and due <= time.monotonic():
            feed.take(departure)
            departure = next(departures, None)
            due = pace.due(departure) if departure else None
        feed.retry_due()
        answer = feed.client.receive(feed.next_wake(due))
        while answer is not None:
            feed.on_answer(answer)
            answer = feed.client.receive(0)
        feed.check_silence()


def positive(text):
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError(text)
    return number


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_endpoint_options(parser)
    parser.add_argument("--file", metavar="CSV", type=Path, default=DATA,
                        help="departures (default: tests/data/flights-20k.csv)")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rate", metavar="N", type=positive, default=0,
                      help="departures a second; 0 (default): as fast as the daemon takes them")
    pace.add_argument("--speed", metavar="X", type=positive, default=0,
                      help="X times as fast as the departures' own time")
    parser.add_argument("--limit", metavar="N", type=int, help="only the first N departures")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    departures = read_departures(arguments.file, arguments.limit)
    with CmdClient(cmd_endpoint(arguments), arguments.wait) as client:
        welcome = client.hello("feed")
        feed = Feed(client, int(welcome.keys.get("last_id", "0")))
        begin = time.monotonic()
        try:
            play(feed, departures, Pace(arguments.rate, arguments.speed))
            client.goodbye()
        finally:
            seconds = time.monotonic() - begin
            print(f"feed: sent={feed.sent} acknowledged={feed.acknowledged} "
                  f"retried={feed.retried} overtaken={feed.overtaken} seconds={seconds:.3f}",
                  flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
