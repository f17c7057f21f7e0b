#!/usr/bin/python3
"""Shows the flight board: every airport's departures and delays, live, from `*/board`.

    scripts/board.py                     a table on a terminal, lines elsewhere
    scripts/board.py --once              waits for all departures of the file, prints the table
    scripts/board.py --once 500 --format json

The subscription conflates: a slow reader gets the newest numbers of each airport, and what was
skipped is counted (the daemon says it with GAP). Exit status 0 when the departures asked for have
been counted, and without --once when the daemon says BYE; otherwise an error that says what to do.
"""
import argparse
import json
import shutil
import sys
import time

from cmd_client import CmdClient, Trouble, add_endpoint_options, cmd_endpoint, run

ALL_DEPARTURES = 20_000  # In tests/data/flights-20k.csv.
REDRAW_SECONDS = 0.2  # Five times a second: more than that nobody can read.
LAST_SHOWN = 6
COLUMNS = "origin  flights  mean delay  worst  last delays"


class Board:
    """The newest numbers of each airport, and what the daemon said about the rest."""

    def __init__(self):
        self.airports = {}
        self.changed = set()
        self.skipped = 0
        self.lost = 0

    def on_message(self, answer):
        try:
            row = json.loads(answer.payload)
            origin = str(row["origin"])
            int(row["count"]), int(row["sum"]), list(row["last"])
        except (ValueError, KeyError, TypeError) as error:
            raise Trouble("not the board of an airport", answer.words[1],
                          f"{type(error).__name__}: {error} in {answer.payload[:80]!r}",
                          "only actors of type airport may publish on the topic `board`") from error
        # One address's messages come in order, the snapshot first: the newest is the last.
        self.airports[origin] = row
        self.changed.add(origin)

    def on_gap(self, answer):
        numbers = answer.number(3) - answer.number(2) + 1
        if answer.words[4] == "conflate":
            self.skipped += numbers
        else:
            self.lost += numbers

    def total(self):
        return sum(row["count"] for row in self.airports.values())

    def rows(self):
        return sorted(self.airports.values(), key=lambda row: (-row["count"], row["origin"]))

    def summary(self):
        lost = f", {self.lost} lost" if self.lost else ""
        return (f"{self.total()} departures of {len(self.airports)} airports, "
                f"{self.skipped} boards skipped for newer ones{lost}")


def printable(text):
    """Names come from the wire: nothing in them may steer the terminal."""
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in text)


def row_text(row):
    mean = row["sum"] / row["count"] if row["count"] else 0.0
    last = " ".join(f"{int(delay):4d}" for delay in row["last"][-LAST_SHOWN:])
    worst = "-" if row.get("worst") is None else int(row["worst"])
    return f"{printable(row['origin']):6.6}  {row['count']:7d}  {mean:10.1f}  {worst:>5}  {last}"


class TerminalView:
    """Draws the table over itself; as many airports as the window has lines."""

    def show(self, board):
        lines = shutil.get_terminal_size().lines
        rows = [row_text(row) for row in board.rows()[:max(1, lines - 4)]]
        text = "\n".join([board.summary(), "", COLUMNS, *rows])
        # Home, each line cleared to its end, then everything below.
        sys.stdout.write("\033[H" + text.replace("\n", "\033[K\n") + "\033[K\033[J")
        sys.stdout.flush()

    def begin(self):
        sys.stdout.write("\033[2J")

    def end(self):
        sys.stdout.write("\n")


class LineView:
    """One line for each airport that changed."""

    def show(self, board):
        for origin in sorted(board.changed):
            print(row_text(board.airports[origin]))
        sys.stdout.flush()

    def begin(self):
        print(COLUMNS, flush=True)

    def end(self):
        pass


class NoView:
    """For a program that wants the end result alone."""

    def show(self, board):
        """Shows nothing: print_result does."""

    def begin(self):
        """As show."""

    def end(self):
        """As show."""


def print_result(board, form):
    if form == "json":
        print(json.dumps({"total": board.total(), "skipped": board.skipped, "lost": board.lost,
                          "airports": board.rows()}))
    elif form == "tsv":
        for row in board.rows():
            last = ",".join(str(delay) for delay in row["last"])
            print(row["origin"], row["count"], row["sum"], row["worst"], last, sep="\t")
    else:
        print(COLUMNS)
        for row in board.rows():
            print(row_text(row))
        print(board.summary())


def follow(client, board, view, total):
    """Takes boards until `total` departures are counted (None: for ever) or the daemon stops."""
    client.send("SUB */board id=1 snap=1 over=conflate")
    draw_at = 0.0
    heard_at = time.monotonic()
    while total is None or board.total() < total:
        answer = client.receive(pause_of(board, draw_at, client, total))
        if answer is not None:
            heard_at = time.monotonic()
            if not take(client, board, answer):
                break
        elif total is not None and time.monotonic() - heard_at >= client.wait_seconds:
            raise Trouble(f"only {board.total()} of {total} departures were counted",
                          client.endpoint, f"no airport counted one for {client.wait_seconds:g} s",
                          "start scripts/feed.py, or wait longer with --wait")
        if board.changed and time.monotonic() >= draw_at:
            view.show(board)
            board.changed.clear()
            draw_at = time.monotonic() + REDRAW_SECONDS
    view.show(board)
    if total is not None and board.total() < total:
        raise Trouble(f"the daemon stopped at {board.total()} of {total} departures",
                      client.endpoint, "it said so", "start it again, and the feed", 69)


def pause_of(board, draw_at, client, total):
    """How long to wait for the next answer: to the next drawing, or as long as is allowed."""
    if board.changed:
        return max(0.0, draw_at - time.monotonic())
    return client.wait_seconds if total is not None else 3600.0


def take(client, board, answer):
    """False when the daemon is stopping."""
    if answer.verb == "MSG":
        board.on_message(answer)
    elif answer.verb == "GAP":
        board.on_gap(answer)
    elif answer.verb == "ERR":
        raise client.refused("the daemon refused the subscription", answer)
    return answer.verb not in ("BYE", "DRAINING")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_endpoint_options(parser)
    parser.add_argument("--once", metavar="N", type=int, nargs="?", const=ALL_DEPARTURES,
                        help="end when the airports have counted N departures (without N: "
                             f"{ALL_DEPARTURES}, all of the file), and print the table")
    parser.add_argument("--format", choices=("text", "tsv", "json"), default="text",
                        help="of the table that --once prints (default: %(default)s)")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    board = Board()
    if arguments.once is not None:
        view = NoView()
    else:
        view = TerminalView() if sys.stdout.isatty() else LineView()
    with CmdClient(cmd_endpoint(arguments), arguments.wait) as client:
        client.hello()
        view.begin()
        try:
            follow(client, board, view, arguments.once)
        finally:
            view.end()
        if arguments.once is not None:
            client.goodbye()
            print_result(board, arguments.format)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
