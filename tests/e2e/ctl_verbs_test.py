"""backstagectl send, req, pub, sub, watch and bench against a running daemon."""
import base64
import json
import signal
import subprocess
import unittest

from case import DaemonCase
from ctl import CTL, ctl
from daemon import SLOW, Deadline

OK, REFUSED, USAGE, UNAVAILABLE = 0, 1, 64, 69


class VerbsCase(DaemonCase):
    config = {"actors": {"counter": "counter", "echo": "echo"}}
    plugins = ["counter", "echo"]

    def run_ctl(self, *words, **options):
        return ctl(*words, "--endpoint", self.daemon.endpoint("cmd"), **options)

    def start(self, *words):
        """A backstagectl that runs on; its lines come by `line`."""
        process = subprocess.Popen(
            [str(CTL), *words, "--endpoint", self.daemon.endpoint("cmd")], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def subscribed(self, pattern):
        """Waits until somebody is subscribed there."""
        admin = self.admin()
        while not admin.ask("explain", what=pattern, **{"as": "address"})["subscriptions"]["total"]:
            pass


class SendTest(VerbsCase):
    def test_a_message_and_its_reply(self):
        sent = self.run_ctl("send", "counter", "5")
        self.assertEqual((sent.returncode, sent.stdout, sent.stderr), (OK, "accepted\n", ""))
        asked = self.run_ctl("req", "counter", "-5")
        self.assertEqual((asked.returncode, asked.stderr), (OK, ""))
        self.assertEqual(asked.stdout, "0\n")
        told = self.run_ctl("req", "echo", "k\u00e4se", "-o", "json")
        self.assertEqual(json.loads(told.stdout), {"payload": "k\u00e4se"})

    def test_any_bytes_come_by_standard_input(self):
        payload = bytes(range(256)) * 40
        done = ctl("req", "echo", "-o", "json", "--endpoint", self.daemon.endpoint("cmd"),
                   input=payload)
        self.assertEqual(base64.b64decode(json.loads(done.stdout)["payload_base64"]), payload)

    def test_each_line_is_a_message_and_has_its_own_fate(self):
        done = self.run_ctl("req", "counter", "--lines", "-o", "json", input=b"1\n2\nthree\n4\n")
        self.assertEqual(done.returncode, REFUSED)
        records = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([record["line"] for record in records], [1, 2, 3, 4])
        self.assertIn("adds integers", records[2]["error"]["what"])
        self.assertEqual(int(records[3]["payload"]) - int(records[1]["payload"]), 4)
        done = self.run_ctl("send", "counter", "--lines", input=b"1\n-1\n")
        self.assertEqual((done.returncode, done.stderr), (OK, "2 accepted, 0 refused\n"))

    def test_a_refusal_says_what_where_and_what_to_do(self):
        for verb in ("send", "req"):
            done = self.run_ctl(verb, "nosuch", "x")
            self.assertEqual((done.returncode, done.stdout), (REFUSED, ""))
            self.assertIn("error[CTL-303]", done.stderr)
            self.assertIn("nosuch: 404 no_actor", done.stderr)
            self.assertIn(f"where: {self.daemon.endpoint('cmd')}", done.stderr)
            self.assertIn("next: check the name", done.stderr)
            told = self.run_ctl(verb, "nosuch", "x", "-o", "json")
            self.assertEqual(json.loads(told.stdout)["error"]["code"], "CTL-303")
        self.assertIn("400 bad_addr", self.run_ctl("send", "a b", "x").stderr)
        self.assertIn("413 too_large", self.run_ctl("send", "echo", input=b"x" * 2**21).stderr)
        self.assertIn("403", self.run_ctl("pub", "counter/default", "x").stderr)

    def test_a_daemon_that_is_not_there_is_no_refusal(self):
        for verb in ("send", "req", "pub", "sub", "watch"):
            done = ctl(verb, "counter", "--endpoint", "tcp://127.0.0.1:1")
            self.assertEqual((done.returncode, done.stdout), (UNAVAILABLE, ""), done.stderr)
            self.assertIn("error[CTL-301]", done.stderr)
            self.assertIn("next: start backstaged", done.stderr)
        done = ctl("send", "counter", "5", "--endpoint", "nonsense")
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("CTL-302", done.stderr)

    def test_what_may_have_had_effects_does_not_end_in_try_again(self):
        done = self.run_ctl("req", "quiet", "x", "--timeout", "100ms", "--name", "quiet")
        self.assertEqual(done.returncode, REFUSED, done.stderr)  # It asks itself: a call cycle.
        holder = self.clients.named("deaf")
        done = self.run_ctl("req", "deaf", "x", "--timeout", "100ms")
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.assertIn("504 timeout", done.stderr)
        self.assertIn(b" rid=", holder.take()[0])


class TopicsTest(VerbsCase):
    def test_what_is_retained_is_shown_to_who_comes_later(self):
        done = self.run_ctl("pub", "desk/quote", "1.08", "--retain", "--type", "eur")
        self.assertEqual((done.returncode, done.stdout),
                         (OK, "offered to 0 subscriptions, 0 of them full\n"), done.stderr)
        done = self.run_ctl("sub", "desk/quote", "--snap", "--count", "1", "-o", "json")
        self.assertEqual(done.returncode, OK, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual({key: told[key] for key in ("address", "seq", "payload", "type")},
                         {"address": "desk/quote", "seq": 1, "payload": "1.08", "type": "eur"})
        self.assertTrue(told["snapshot"])
        self.assertEqual(done.stderr, "1 messages, 0 gaps, 0 lost\n")

    def test_a_subscription_shows_messages_as_they_come_and_sums_up_at_ctrl_c(self):
        process = self.start("sub", "feed/>", "news")
        self.subscribed("news/default")
        for address in ("feed/a", "feed/b.c", "news", "other/x"):
            self.assertEqual(self.run_ctl("pub", address, f"on {address}").returncode, OK)
        shown = [process.stdout.readline() for _ in range(3)]
        self.assertEqual([line.split("  ")[1] for line in shown],
                         ["on feed/a\n", "on feed/b.c\n", "on news\n"])
        process.send_signal(signal.SIGINT)
        rest, summary = process.communicate(timeout=20 * SLOW)
        self.assertEqual((process.returncode, rest), (OK, ""))
        self.assertEqual(summary, "3 messages, 0 gaps, 0 lost\n")

    def test_no_byte_of_a_message_reaches_the_terminal_as_a_command(self):
        self.run_ctl("pub", "desk/evil", "\x1b[2J\n\u202e", "--retain")
        shown = self.run_ctl("sub", "desk/evil", "--snap", "--count", "1").stdout
        self.assertTrue(shown.endswith("\\x1b[2J\\x0a\\xe2\\x80\\xae\n"), shown)

    def test_a_subscription_ends_by_itself_after_its_time(self):
        done = self.run_ctl("sub", "nobody/x", "--for", "100ms")
        self.assertEqual((done.returncode, done.stdout), (OK, ""))
        self.assertEqual(done.stderr, "0 messages, 0 gaps, 0 lost\n")
        done = self.run_ctl("sub", "feed/a..b")
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn("400 bad_addr", done.stderr)

    def test_acknowledged_deliveries_go_on_beyond_the_window(self):
        process = self.start("sub", "work/x", "--ack", "--window", "2", "--count", "20",
                             "-o", "json")
        self.subscribed("work/x")
        done = self.run_ctl("pub", "work/x", "--lines", input=b"\n".join([b"m"] * 20))
        self.assertEqual(done.returncode, OK, done.stderr)
        out, err = process.communicate(timeout=20 * SLOW)
        self.assertEqual(process.returncode, OK, err)
        self.assertEqual([json.loads(line)["seq"] for line in out.splitlines()],
                         list(range(1, 21)))

    def test_watch_ends_when_the_last_of_its_actors_has(self):
        self.admin().spawn("echo", "mayfly")
        process = self.start("watch", "mayfly", "never-was")
        self.assertEqual(process.stdout.readline(), "DOWN never-was no_actor\n")
        self.admin().ask("stop", name="mayfly")
        out, err = process.communicate(timeout=20 * SLOW)
        self.assertEqual((process.returncode, out), (OK, "DOWN mayfly stopped\n"), err)


class BenchTest(VerbsCase):
    def bench(self, *words):
        done = self.run_ctl("bench", *words, "-o", "json")
        self.assertEqual(done.returncode, OK, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def handled_by(self, name, admin):
        listed = admin.ask("actors")["actors"]
        return next(one["ledger"]["handled"] for one in listed if one["name"] == name)

    def test_every_message_of_a_load_is_accounted_for(self):
        for load, target in (("send", "counter"), ("req", "echo"), ("pub", "bench/x")):
            with self.subTest(load):
                size = "1" if load == "send" else "64"
                told = self.bench(load, target, "--rate", "500", "--count", "300", "--size", size,
                                  *(["--type", "t"] if load == "req" else []))
                self.assertEqual((told["due"], told["sent"]), (300, 300))
                refused = sum(told["refused"].values())
                self.assertEqual(told["taken"] + refused + told["unanswered"], 300)
                self.assertFalse(told["coordinated_omission"])
                latency = told["latency_us"]
                order = [latency[name] for name in ("p50", "p90", "p99", "p99.9", "max")]
                self.assertEqual(order, sorted(order))
                if load == "pub":
                    heard = told["delivered"]
                    self.assertEqual(heard["messages"] + heard["lost"], 300)

    def test_a_stall_shows_in_all_that_it_delayed(self):
        admin = self.admin()
        before = self.handled_by("echo", admin)
        process = self.start("bench", "req", "echo", "--rate", "1000", "--count", "3000",
                             "-o", "json")
        deadline = Deadline(20)
        while self.handled_by("echo", admin) < before + 50:
            self.assertIsNone(process.poll(), "the load ended before it was seen")
            self.assertFalse(deadline.is_over(), "the load never began")
        # While the daemon stands still for half a second 500 messages fall due.
        self.daemon.signal(signal.SIGSTOP)
        try:
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(0.5)
        finally:
            self.daemon.signal(signal.SIGCONT)
        out, err = process.communicate(timeout=60 * SLOW)
        told = json.loads(out)
        self.assertEqual(told["taken"], told["sent"], (told, err))
        self.assertGreater(told["latency_us"]["p90"], 50_000, told)

    def test_a_load_that_makes_no_sense_is_refused_before_it_begins(self):
        done = self.run_ctl("bench", "req", "nosuch")
        self.assertEqual((done.returncode, done.stdout), (REFUSED, ""))
        self.assertIn("404 no_actor", done.stderr)

    def test_the_output_for_people_says_how_it_was_measured(self):
        shown = self.run_ctl("bench", "req", "echo", "--rate", "100", "--count", "20").stdout
        self.assertIn("no coordinated omission", shown)
        self.assertRegex(shown, r"p50 \d+ p90 \d+ p99 \d+ p99.9 \d+ max \d+ us")
        shown = self.run_ctl("bench", "req", "echo", "--rate", "0", "--count", "100").stdout
        self.assertIn("(coordinated omission): this is for\nthroughput", shown)


if __name__ == "__main__":
    unittest.main()
