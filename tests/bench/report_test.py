#!/usr/bin/env python3
"""The report of a run, fed with recorded lines: what it computes, says and refuses."""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGETS = HERE / "targets.json"
MISSES = HERE / "misses.json"
FACTS = {"date": "2001-02-03 04:05 UTC", "commit": "abc1234567", "cpu": "A CPU", "cpus": 2,
         "kernel": "Linux 6", "compiler": "g++ 12", "caf": "0.17.6", "erlang": "25.2.3",
         "repetitions": 3, "only": "", "load_begin": "0.10", "load_end": "0.20"}


class Report(unittest.TestCase):
    """Each test writes a run of its own and reads the page and the JSON made of it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.facts = dict(FACTS)
        self.lines = []

    def measure(self, row, peer, *values, unit="msg/s"):
        self.lines += [json.dumps({"row": row, "peer": peer, "value": value, "unit": unit})
                       for value in values]

    def run_report(self, targets=TARGETS):
        (self.folder / "raw").write_text("".join(line + "\n" for line in self.lines))
        (self.folder / "facts").write_text(json.dumps(self.facts))
        return subprocess.run(
            [sys.executable, HERE / "report.py", "--raw", self.folder / "raw", "--facts",
             self.folder / "facts", "--targets", targets, "--misses", MISSES, "--out",
             self.folder],
            capture_output=True, text=True, check=False)

    def report(self):
        done = self.run_report()
        self.assertEqual(done.returncode, 0, done)
        results = json.loads((self.folder / "results.json").read_text())
        return (self.folder / "RESULTS.md").read_text(), results

    def cells(self, page, section, row):
        """A row of one section's table, as {column: cell}."""
        lines = page.split(f"## {section}\n")[1].split("\n## ")[0].splitlines()
        tables = [[cell.strip() for cell in line.strip("|").split("|")]
                  for line in lines if line.startswith("|")]
        head = next(cells for cells in tables if cells[0] in ("row", "load", "way"))
        return dict(zip(head, next(cells for cells in tables if cells[0] == row)))

    def test_the_gateway_is_held_to_its_peer_round_by_round(self):
        self.measure("N1", "zmq-line", 100, 200, 400)
        self.measure("N1", "backstage", 80, 180, 200)
        self.measure("N4", "zmq-router", 20000, unit="bytes/conn")
        self.measure("N4", "backstage", 25000, unit="bytes/conn")
        page, results = self.report()
        of = results["gateway"]["N1 single / a relay that writes our line"]["of"]
        self.assertEqual((of["median"], of["min"], of["max"]), (0.8, 0.5, 0.9))
        lines = [line for line in page.splitlines() if line.startswith("| N")]
        told = {line.split("|")[1].strip(): line for line in lines if "/" in line or "N4 s" in line}
        self.assertIn("must met", told["N1 single / a relay that writes our line"])
        self.assertIn("5000", told["N4 session beyond libzmq's own"])
        self.assertIn("missed", told["N4 session beyond libzmq's own"])
        self.assertIn("not measured", told["N1 batched / NATS"])

    def test_what_was_missed_is_explained_and_what_was_met_is_not(self):
        for row, ours in (("W1 t1", 1_000_000), ("W2 t1", 100_000_000)):
            self.measure(row, "caf", 1_000_000, 1_000_000, 1_000_000)
            self.measure(row, "backstage", ours, ours, ours)
        page, _ = self.report()
        section = page.split("## What was missed, and why\n")[1]
        self.assertIn("**W1**", section)
        for word in ("tried", "profile", "bound"):
            self.assertIn(f"- {word}: ", section)
        self.assertNotIn("**W2**", section)

    def test_a_page_without_misses_has_no_section_for_them(self):
        self.measure("W2 t1", "caf", 1_000_000)
        self.measure("W2 t1", "backstage", 100_000_000)
        self.assertNotIn("What was missed", self.report()[0])

    def test_medians_with_spread_stand_beside_the_peers(self):
        self.measure("W1 t1", "backstage", 3e6, 1e6, 2e6)
        self.measure("W1 t1", "caf", 400_000, 500_000, 600_000)
        page, results = self.report()
        cells = self.cells(page, "Measured", "W1 t1")
        self.assertEqual(cells["backstage"], "2.00 [1.00-3.00] M")
        self.assertEqual(cells["caf"], "500.0 [400.0-600.0] k")
        self.assertEqual(results["rows"]["W1 t1"]["peers"]["backstage"],
                         {"n": 3, "median": 2e6, "min": 1e6, "max": 3e6})

    def test_ratios_are_to_the_best_measured_to_caf_and_by_conversion_to_all(self):
        self.measure("W1 t1", "backstage", 12e6)
        self.measure("W1 t1", "caf", 1e6)
        self.measure("W1 t1", "erlang", 2e6)
        self.measure("W1 t1", "limit", 24e6)
        page, results = self.report()
        row = results["rows"]["W1 t1"]
        self.assertEqual((row["best_measured"], row["x_best_measured"]), ("erlang", 6.0))
        self.assertEqual((row["x_caf"], row["x_limit"]), (12.0, 0.5))
        self.assertAlmostEqual(row["x_best_of_all"], 12 / 2.96)
        cells = self.cells(page, "Ratios and targets", "W1 t1")
        self.assertEqual((cells["x best of all"], cells["verdict"]), ("4.05", "must met"))
        self.assertEqual(cells["x best measured"], "6.00 (erlang)")

    def test_the_harder_of_both_ratios_is_judged(self):
        # By conversion 10 / 1.36 = 7.4 times the best, but only twice what Erlang does here.
        self.measure("W2 t2", "backstage", 10e6)
        self.measure("W2 t2", "caf", 1e6)
        self.measure("W2 t2", "erlang", 5e6)
        page, results = self.report()
        self.assertEqual(results["rows"]["W2 t2"]["judged"], 2.0)
        self.assertEqual(self.cells(page, "Ratios and targets", "W2 t2")["verdict"], "**missed**")

    def test_the_verdict_knows_goal_must_and_missed(self):
        for ours, verdict in ((60e6, "goal met"), (30e6, "must met"), (10e6, "**missed**")):
            with self.subTest(ours=ours):
                self.lines = []
                self.measure("W5 t1", "backstage", ours)
                self.measure("W5 t1", "caf", 5e6)
                cells = self.cells(self.report()[0], "Ratios and targets", "W5 t1")
                self.assertEqual(cells["verdict"], verdict)

    def test_an_idle_actor_is_judged_by_its_bytes_and_less_is_better(self):
        for size, verdict in ((100, "goal met"), (300, "must met"), (500, "**missed**")):
            with self.subTest(size=size):
                self.lines = []
                self.measure("W4 idle", "backstage", size, unit="bytes/actor")
                self.measure("W4 idle", "caf", 1200, unit="bytes/actor")
                page, results = self.report()
                cells = self.cells(page, "Ratios and targets", "W4 idle")
                self.assertEqual(cells["verdict"], verdict)
                self.assertAlmostEqual(results["rows"]["W4 idle"]["x_caf"], 1200 / size)

    def test_rows_that_were_not_measured_say_so(self):
        self.measure("W1 t1", "backstage", 12e6)
        self.measure("W6 t2", "caf", 1e6)
        page, results = self.report()
        for row in ("W2 t1", "W6 t2"):
            self.assertEqual(self.cells(page, "Measured", row)["backstage"], "not measured")
            cells = self.cells(page, "Ratios and targets", row)
            self.assertEqual(cells["verdict"], "not measured")
            self.assertIsNone(results["rows"][row]["must_met"])
        self.assertIn("Of 17 rows with targets 1 were measured and 0 judged", page)
        self.assertEqual(self.cells(page, "Two workers", "W1")["verdict"], "not measured")

    def test_absent_peers_are_a_dash_and_without_caf_nothing_is_judged(self):
        self.measure("W1 t1", "backstage", 12e6)
        self.measure("W1 t1", "erlang", 1e6)
        self.facts["caf"] = None
        page, _ = self.report()
        self.assertEqual(self.cells(page, "Measured", "W1 t1")["caf"], "-")
        cells = self.cells(page, "Ratios and targets", "W1 t1")
        self.assertEqual((cells["x CAF"], cells["verdict"]), ("-", "not judged"))
        self.assertIn("CAF not installed", page)

    def test_another_version_of_caf_converts_nothing(self):
        self.facts["caf"] = "1.0.2"
        self.measure("W1 t1", "backstage", 12e6)
        self.measure("W1 t1", "caf", 1e6)
        page, results = self.report()
        self.assertEqual(results["rows"]["W1 t1"]["x_caf"], 12.0)
        self.assertIsNone(results["rows"]["W1 t1"]["x_best_of_all"])
        self.assertIn("CAF 0.17.6 was not measured", page)

    def test_a_peer_with_fewer_results_than_repetitions_shows_how_many(self):
        self.measure("W1 t1", "backstage", 3e6, 2e6)
        cells = self.cells(self.report()[0], "Measured", "W1 t1")
        self.assertEqual(cells["backstage"], "2.50 [2.00-3.00] M (n=2)")

    def test_two_workers_are_held_against_one(self):
        for load, ratio, verdict in (("W1", 0.9, "**missed**"), ("W2", 1.0, "must met"),
                                     ("W6", 1.6, "goal met")):
            self.measure(f"{load} t1", "backstage", 1e6)
            self.measure(f"{load} t2", "backstage", ratio * 1e6)
            cells = self.cells(self.report()[0], "Two workers", load)
            self.assertEqual((cells["2 workers / 1 worker"], cells["verdict"]),
                             (f"{ratio:.2f}", verdict))

    def test_plugins_are_held_against_the_same_row_in_process(self):
        self.measure("W1 t1", "backstage", 10e6)
        self.measure("W1 t1", "backstage-plugin", 7e6)
        self.measure("W1 t1", "backstage-c", 9e6)
        self.measure("W4 idle", "backstage", 100, unit="bytes/actor")
        self.measure("W4 idle", "backstage-plugin", 110, unit="bytes/actor")
        page, _ = self.report()
        cells = self.cells(page, "Through a plugin", "W1 t1")
        self.assertEqual(cells["C++ SDK / in process"], "0.70")
        self.assertEqual(cells["C ABI / in process"], "0.90")
        self.assertEqual(cells["verdict"], "**missed**")
        idle = self.cells(page, "Through a plugin", "W4 idle")
        self.assertEqual((idle["C++ SDK / in process"], idle["verdict"]), ("0.91", "must met"))

    def test_the_price_of_a_plugin_call_is_judged_in_nanoseconds(self):
        self.measure("W1 t1", "backstage", 10e6)
        self.measure("abi_call", "backstage-c", 4.0, -1.0, 4.5, unit="ns")
        self.measure("abi_call", "backstage-plugin", 8.0, unit="ns")
        page, results = self.report()
        self.assertIn("| backstage-c | - | - | 4.00 [-1.00-4.50] | 5 | must met |", page)
        self.assertFalse(results["abi_call"]["backstage-plugin"]["must_met"])

    def test_broken_lines_are_named_and_not_counted(self):
        self.measure("W1 t1", "backstage", 2e6, 2e6, 2e6)
        self.lines += ["{", "[]", '{"row": "W1 t1"}', "",
                       '{"row": "W1 t1", "peer": "caf", "value": "fast", "unit": "msg/s"}',
                       '{"row": "W1 t1", "peer": "caf", "value": NaN, "unit": "msg/s"}',
                       '{"row": "W1 t1", "peer": "caf", "value": 0, "unit": "msg/s"}',
                       '{"row": "W1 t1", "peer": "caf", "value": true, "unit": "msg/s"}',
                       '{"row": "W1 t1", "peer": "caf", "value": 5, "unit": "us"}']
        done = self.run_report()
        self.assertEqual(done.returncode, 0, done)
        for number in range(4, 13):
            self.assertIn(f"line {number}: ", done.stderr)
        self.assertIn("line 12: the unit is us, the row's is msg/s", done.stderr)
        page = (self.folder / "RESULTS.md").read_text()
        self.assertIn("**9 lines of this run could not be read", page)
        self.assertEqual(self.cells(page, "Measured", "W1 t1")["caf"], "-")

    def test_a_run_without_our_own_programs_is_refused(self):
        self.measure("W1 t1", "caf", 2e6)
        done = self.run_report()
        self.assertEqual(done.returncode, 1)
        self.assertIn("our own programs gave no result\n  next: ", done.stderr)

    def test_each_row_with_a_target_has_a_program_of_ours(self):
        targets = json.loads(TARGETS.read_text())
        runs = json.loads((HERE / "peer.json").read_text())["runs"]
        ours = {run["row"] for run in runs if run["peer"] == "backstage"}
        sdk = {run["row"] for run in runs if run["peer"] == "backstage-plugin"}
        self.assertLessEqual(set(targets["rows"]), ours)
        wanted = {row for row in targets["rows"] if row.split()[0] in targets["plugin"]["rows"]}
        self.assertEqual(wanted, sdk - {"abi_call"})

    def test_missing_or_broken_files_are_refused(self):
        self.measure("W1 t1", "backstage", 2e6)
        del self.facts["cpu"]
        done = self.run_report()
        self.assertEqual(done.returncode, 1)
        self.assertIn("lacks something: KeyError('cpu')", done.stderr)
        self.facts = dict(FACTS)
        for text in (None, "", "{", "[]", "{}"):
            with self.subTest(text=text):
                targets = self.folder / "targets"
                targets.unlink(missing_ok=True)
                if text is not None:
                    targets.write_text(text)
                done = self.run_report(targets)
                self.assertEqual(done.returncode, 1)
                self.assertIn("\n  next: ", done.stderr)
                self.assertNotIn("Traceback", done.stderr)

    def test_head_and_network_rows_come_from_the_run(self):
        self.measure("W1 t1", "backstage", 2e6)
        self.measure("N3 1core.p50", "backstage", 20, unit="us")
        self.measure("N3 1core.p50", "redis", 10, unit="us")
        page, _ = self.report()
        for text in ("abc1234567", "A CPU, 2 CPUs", "0.10 at the begin, 0.20 at the end",
                     "CAF 0.17.6, Erlang/OTP 25.2.3"):
            self.assertIn(text, page)
        cells = self.cells(page, "Network", "N3 1core.p50")
        self.assertEqual((cells["redis"], cells["x best measured"]),
                         ("10.00 [10.00-10.00] (n=1)", "0.50 (redis)"))


if __name__ == "__main__":
    unittest.main()
