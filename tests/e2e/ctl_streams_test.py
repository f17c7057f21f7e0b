"""backstagectl whose input cannot be read, whose output cannot be written, who is interrupted."""
import os
import signal
import subprocess
import unittest

from case import DaemonCase
from ctl import CTL, ctl
from daemon import SLOW

OK, REFUSED, UNAVAILABLE, CANNOT_WRITE = 0, 65, 69, 73


class StreamsTest(DaemonCase):
    config = {"actors": {"counter": "counter", "echo": "echo"}}
    plugins = ["counter", "echo"]

    def command(self, *words):
        return [str(CTL), *words, "--endpoint", self.daemon.endpoint("cmd")]

    def test_found_in_review_an_input_that_cannot_be_read_is_no_empty_payload(self):
        kept = ctl("pub", "a/b", "kept", "--retain", "--endpoint", self.daemon.endpoint("cmd"))
        self.assertEqual(kept.returncode, OK, kept.stderr)
        for words in (["pub", "a/b", "--retain"], ["send", "counter"], ["req", "echo", "--lines"]):
            with self.subTest(words):
                folder = os.open("/", os.O_RDONLY)
                self.addCleanup(os.close, folder)
                done = subprocess.run(self.command(*words), stdin=folder, capture_output=True,
                                      text=True, timeout=20 * SLOW, check=False)
                self.assertEqual(done.returncode, REFUSED, done)
                self.assertIn("error[CTL-207]", done.stderr)
                self.assertIn("Is a directory", done.stderr)
        line, payload = self.clients.dealer().ask("GET a/b id=1")
        self.assertTrue(line.startswith(b"VAL 1 a/b 1 "), line)
        self.assertEqual(payload, b"kept")

    def test_found_in_review_a_closed_stream_is_no_socket_s(self):
        where = self.daemon.endpoint("cmd")
        for closed, code in (("<&-", "CTL-207"), (">&-", "CTL-208")):
            with self.subTest(closed):
                payload = "" if closed == "<&-" else "0"
                line = f'exec "$0" send counter --endpoint {where} {payload} {closed}'
                done = subprocess.run(["sh", "-c", line, str(CTL)], stdin=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE, text=True, timeout=20 * SLOW,
                                      check=False)
                self.assertIn(f"error[{code}]", done.stderr)
                self.assertIn("Bad file descriptor", done.stderr)

    def test_found_in_review_an_output_that_cannot_be_written_is_told(self):
        for words in (["stats"], ["send", "counter", "0"], ["req", "echo", "x"], ["--help"]):
            with self.subTest(words), open("/dev/full", "wb") as full:
                done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=20 * SLOW,
                                      check=False)
                self.assertEqual(done.returncode, CANNOT_WRITE, done)
                self.assertIn("error[CTL-208]", done.stderr)

    def test_found_in_review_a_load_that_is_interrupted_waits_for_what_is_under_way(self):
        with subprocess.Popen(self.command("bench", "req", "echo", "--for", "60s", "--rate", "0"),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as bench:
            asked = self.admin()
            while asked.ask("stats")["gateway"]["messages_in"] < 500:
                pass
            bench.send_signal(signal.SIGINT)
            told, complaint = bench.communicate(timeout=20 * SLOW)
        self.assertEqual(bench.returncode, OK, told + complaint)
        self.assertRegex(told, r"unanswered +0\n")

    def test_found_in_review_the_timeout_bounds_connecting_as_well(self):
        done = ctl("send", "a", "b", "--timeout", "100ms", "--endpoint", "ipc:///nonexist")
        self.assertEqual(done.returncode, UNAVAILABLE, done)
        self.assertIn("within 100 ms", done.stderr)


if __name__ == "__main__":
    unittest.main()
