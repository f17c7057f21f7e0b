"""Executes every command and snippet of README.md, and follows its links and those beside it.

The daemon of the tour is started by README's own command line, on free ports; 7770 to 7772 in the
snippets become the ports it bound. What a snippet's print shows as `# text` must be what it prints.
"""
import ast
import os
import re
import shlex
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from ctl import ctl  # noqa: E402
from daemon import BIN, SLOW, Daemon  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BINARY_IN_README = "build/release/bin/backstaged"
CTL_IN_README = "build/release/bin/backstagectl"
# Commands that end by themselves within a moment.
QUICK = ("--check", "--print-config", "--print-schema", "--version", "--help")
DEADLINE_SECONDS = 60 * SLOW
# A person presses Ctrl-C again after a second or two; a drain may take its 10.
CTRL_C_SECONDS = 20 * SLOW


def setUpModule():
    for variable in ("BACKSTAGED_BIN", "BACKSTAGED_PLUGINS"):
        if not os.environ.get(variable):
            raise AssertionError(f"{variable} is not set: ctest sets it; by hand, run with "
                                 "BACKSTAGED_BIN=build/dev/bin/backstaged "
                                 "BACKSTAGED_PLUGINS=build/dev/plugins")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def shell_lines():
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


def daemon_lines():
    """The arguments of each command line that calls the daemon, in README's order."""
    words = [shlex.split(line) for line in shell_lines()]
    return [line[1:] for line in words if line[0] == BINARY_IN_README]


def expected_prints(source):
    """What each print of a snippet shows beside it; every print shows something."""
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if ast.get_source_segment(source, node).startswith("print("):
            comment = lines[node.end_lineno - 1][node.end_col_offset:].strip()
            if not comment.startswith("# "):
                raise AssertionError(f"a print shows no output: {lines[node.lineno - 1]}")
            yield comment[2:]


class Tour(unittest.TestCase):
    def test_every_python_snippet_prints_what_the_readme_shows(self):
        starts = [line for line in daemon_lines() if not set(line) & set(QUICK)]
        self.assertEqual(len(starts), 1, "the tour starts one daemon")
        source = "\n".join(blocks("python"))
        expected = list(expected_prints(source))
        self.assertGreater(len(expected), 5, "the tour shows hardly any output")
        with Daemon(arguments=starts[0]) as daemon:
            for port, role in (("7770", "cmd"), ("7771", "pub"), ("7772", "ingest")):
                self.assertIn(f'"tcp://127.0.0.1:{port}"', source)
                source = source.replace(f"tcp://127.0.0.1:{port}", daemon.endpoint(role))
            said = self.run_snippets(source + "\ncontext.destroy(linger=0)\n", daemon)
            self.assertEqual(said, expected)
            self.assertEqual(daemon.stop(), 0, daemon.log())

    def run_snippets(self, source, daemon):
        """The lines printed by /usr/bin/python3, which has Debian's python3-zmq."""
        try:
            done = subprocess.run(["/usr/bin/python3", "-u", "-c", source], capture_output=True,
                                  text=True, timeout=DEADLINE_SECONDS, check=False)
        except subprocess.TimeoutExpired as stuck:
            self.fail(f"the tour waits for ever after: {stuck.stdout}\n{daemon.log()}")
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}\n{daemon.log()}")
        return done.stdout.splitlines()

    def test_every_backstagectl_command_of_the_tour_succeeds(self):
        lines = [line for line in shell_lines() if line.startswith(CTL_IN_README)]
        self.assertGreater(len(lines), 3, "the tour does not show backstagectl")
        start = next(line for line in daemon_lines() if not set(line) & set(QUICK))
        with Daemon(arguments=start) as daemon:
            for line in lines:
                with self.subTest(line=line):
                    done = ctl(*shlex.split(line)[1:], "--endpoint", daemon.endpoint("cmd"))
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertTrue(done.stdout + done.stderr)

    def test_the_daemon_of_the_tour_says_what_is_wrong_with_its_command_line(self):
        done = subprocess.run([str(BIN), "--no-such-option"], capture_output=True,
                              text=True, timeout=DEADLINE_SECONDS, check=False)
        self.assertEqual(done.returncode, 64, done.stderr)
        self.assertIn("--no-such-option", done.stderr)


class Commands(unittest.TestCase):
    def test_every_block_is_of_a_kind_that_is_executed(self):
        fences = re.findall(r"^```(.*)$", README, re.M)
        self.assertEqual(set(fences[0::2]), {"sh", "python"})
        self.assertEqual(set(fences[1::2]), {""})

    def test_every_command_calls_the_daemon_or_a_script(self):
        for line in shell_lines():
            with self.subTest(line=line):
                program = shlex.split(line)[0]
                self.assertTrue(program in (BINARY_IN_README, CTL_IN_README)
                                or program.startswith("scripts/"))

    def test_each_quick_command_of_the_daemon_exits_0_and_says_something(self):
        quick = [line for line in daemon_lines() if set(line) & set(QUICK)]
        self.assertEqual({word for line in quick for word in line} & set(QUICK), set(QUICK))
        for line in quick:
            with self.subTest(line=line):
                done = subprocess.run([str(BIN), *line], cwd=ROOT,
                                      capture_output=True, text=True, check=False,
                                      stdin=subprocess.DEVNULL, timeout=DEADLINE_SECONDS)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stdout.strip() or done.stderr.strip())

    def test_every_script_that_is_named_can_be_called(self):
        for page in ("README.md", "CONTRIBUTING.md"):
            text = (ROOT / page).read_text(encoding="utf-8")
            for name in sorted(set(re.findall(r"`(scripts/\w+\.(?:sh|py))[ `]", text))
                               | {line.split()[0] for line in shell_lines()
                                  if line.startswith("scripts/")}):
                with self.subTest(page=page, name=name):
                    self.assertTrue(os.access(ROOT / name, os.X_OK), f"{name} is not executable")

    def test_ci_calls_the_test_command_of_the_readme(self):
        self.assertIn("scripts/test.sh", shell_lines())
        ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        calls = [line for line in ci.splitlines() if line and not line.startswith("#")]
        self.assertRegex(calls[-1], r"^exec bash scripts/test\.sh(?: </dev/null)?$")
        self.assertIn("scripts/run.sh", shell_lines())

    def test_a_script_refuses_an_argument_it_does_not_know(self):
        for name in ("run", "test", "check", "build", "setup", "fuzz", "bench"):
            with self.subTest(script=name):
                done = subprocess.run([ROOT / "scripts" / f"{name}.sh", "no-such-thing"], cwd=ROOT,
                                      capture_output=True, text=True, check=False,
                                      stdin=subprocess.DEVNULL, timeout=DEADLINE_SECONDS)
                self.assertEqual(done.returncode, 64, done.stdout + done.stderr)
                self.assertTrue(done.stdout + done.stderr)


class LiveBoard(unittest.TestCase):
    def test_ctrl_c_ends_the_board_the_feed_and_the_daemon_and_prints_the_ledger(self):
        live = subprocess.Popen([ROOT / "scripts" / "run.sh"], cwd=ROOT, start_new_session=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)
        self.addCleanup(live.stdout.close)
        said = []
        for line in live.stdout:
            said.append(line)
            if re.match(r"[A-Z]{3}\s+\d+\s", line):  # The first airport on the board.
                break
        os.killpg(live.pid, signal.SIGINT)
        try:
            rest, _ = live.communicate(timeout=CTRL_C_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(live.pid, signal.SIGINT)
            rest, _ = live.communicate()
            self.fail(f"one Ctrl-C was not enough:\n{rest}")
        said = "".join(said) + rest
        self.assertEqual(live.returncode, 0, said)
        self.assertRegex(said, r"ledger .*balanced=true")


class Links(unittest.TestCase):
    def test_every_relative_link_and_named_file_is_there(self):
        for page in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "ARCHITECTURE.md"):
            text = (ROOT / page).read_text(encoding="utf-8")
            links = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text)
            for link in sorted(set(links)):
                with self.subTest(page=page, link=link):
                    self.assertTrue((ROOT / link).exists())


if __name__ == "__main__":
    sys.exit(unittest.main())
