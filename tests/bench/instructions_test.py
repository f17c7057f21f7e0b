#!/usr/bin/env python3
"""The gate on instructions per message, fed with recorded counts: what passes, what it refuses."""
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What each load costs apiece, and how many there are between its two counts.
RECORDED = {"W1": 1000.0, "W2": 900.0, "W3": 500.0, "W4": 8000.0, "W5": 700.0}
COUNTS = {"W1": 40_000, "W2": 40_000, "W3": 64_000, "W4": 4_000, "W5": 40_000}
FEW = 5_000_000
TOTALS = {f"{load}.{name}": FEW + is_many * int(RECORDED[load] * COUNTS[load])
          for load in RECORDED for is_many, name in ((False, "few"), (True, "many"))}
COMMAND = "/usr/bin/g++ -I. -O2 -ffile-prefix-map=.=. -Wall -c core/mailbox.cpp"


class Gate(unittest.TestCase):
    """Each test judges counts of its own against a baseline of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.recorded = Path(folder.name)
        self.baseline = self.recorded / "baseline.json"
        for name, total in TOTALS.items():
            self.count(name, total)
        self.compile_with(COMMAND)
        self.run_gate("--update")

    def count(self, name, total):
        """Leaves what callgrind would have left of one run."""
        (self.recorded / name).write_text(f"version: 1\nevents: Ir\n\nsummary: {total}\n\n\n"
                                          f"totals: {total}\n")

    def compile_with(self, command):
        (self.recorded / "compile_commands.json").write_text(
            json.dumps([{"file": "/somewhere/core/mailbox.cpp", "command": command}]))

    def run_gate(self, *arguments):
        return subprocess.run(
            [ROOT / "scripts/instructions.sh", "--recorded", self.recorded, "--baseline",
             self.baseline, *arguments], capture_output=True, text=True, check=False)

    def scale_baseline(self, factor, workloads=tuple(RECORDED)):
        baseline = json.loads(self.baseline.read_text())
        for workload in workloads:
            baseline["instructions_per_message"][workload] *= factor
        self.baseline.write_text(json.dumps(baseline))

    def expect_refusal(self, *texts):
        done = self.run_gate()
        self.assertEqual(done.returncode, 1, done)
        for text in (*texts, "\n  next: "):
            self.assertIn(text, done.stderr)

    def test_the_baseline_keeps_figures_compiler_flags_and_commit(self):
        baseline = json.loads(self.baseline.read_text())
        self.assertEqual(baseline["instructions_per_message"], RECORDED)
        self.assertRegex(baseline["compiler"], r"^g\+\+ \d+\.\d+\.\d+$")
        self.assertEqual(baseline["flags"], "-O2")
        self.assertTrue(baseline["commit"])

    def test_the_same_counts_pass(self):
        done = self.run_gate()
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("W1: 1000.0 instructions per message", done.stdout)
        self.assertIn("W3: 500.0 instructions per delivery", done.stdout)
        self.assertIn("W4: 8000.0 instructions per actor", done.stdout)

    def test_a_growth_below_five_per_cent_passes(self):
        self.scale_baseline(1 / 1.049)
        self.assertEqual(self.run_gate().returncode, 0)

    def test_a_growth_above_five_per_cent_fails(self):
        self.scale_baseline(1 / 1.051)
        self.expect_refusal(" and ".join(RECORDED) + " grew by more than 5%")

    def test_a_baseline_ten_per_cent_lower_fails_and_names_the_workload(self):
        self.scale_baseline(0.9, ["W3"])
        self.expect_refusal("W3 grew by more than 5%", "callgrind_annotate", "--update")

    def test_a_message_that_got_cheaper_passes(self):
        self.scale_baseline(2.0)
        self.assertEqual(self.run_gate().returncode, 0)

    def test_other_flags_or_another_compiler_are_not_compared(self):
        self.compile_with(COMMAND.replace("-O2", "-O1 -DNDEBUG"))
        self.expect_refusal("measured with another flag: '-O2', now '-O1 -DNDEBUG'")
        self.compile_with(COMMAND)
        self.baseline.write_text(self.baseline.read_text().replace("g++ ", "g++ 99."))
        self.expect_refusal("measured with another compiler: 'g++ 99.")

    def test_a_broken_baseline_is_refused(self):
        for text in ("", "{", "[]", "{}", '{"instructions_per_message": {"W1": "many"}}',
                     '{"instructions_per_message": [1]}'):
            with self.subTest(text=text):
                self.baseline.write_text(text)
                self.expect_refusal("is no baseline")
        self.baseline.unlink()
        self.expect_refusal("is no baseline")

    def test_a_baseline_without_one_of_the_loads_is_refused_and_asks_for_it(self):
        baseline = json.loads(self.baseline.read_text())
        del baseline["instructions_per_message"]["W2"], baseline["instructions_per_message"]["W4"]
        self.baseline.write_text(json.dumps(baseline))
        self.expect_refusal("has no figure of W2 and W4", "--update")
        self.run_gate("--update")
        self.assertEqual(self.run_gate().returncode, 0)

    def test_broken_counts_are_refused(self):
        (self.recorded / "W1.few").write_text("valgrind was killed\n")
        self.expect_refusal("W1.few is no output of callgrind")
        (self.recorded / "W1.few").unlink()
        self.expect_refusal("W1.few is no output of callgrind")
        self.count("W1.few", TOTALS["W1.many"])
        self.expect_refusal("W1 took no more instructions for twice the work")

    def test_unknown_arguments_show_the_usage(self):
        for arguments in (["--help"], ["--baseline"]):
            self.assertEqual(self.run_gate(*arguments).returncode, 64)


if __name__ == "__main__":
    unittest.main()
