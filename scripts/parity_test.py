#!/usr/bin/env python3
"""Plants one gap of each kind in the tables of a small tree; parity.py must name it."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import parity

CMAKE = """# Tests.
set(values 1 2)
backstage_test(core_test
  SOURCES a_test.cpp
  LINK stage)
function(e2e_test name)
  add_test(NAME "e2e: ${name}" COMMAND ${ARGN})
endfunction()
foreach(name admin topics)
  e2e_test(${name} python3 ${name}_test.py)
endforeach()
e2e_test("scripts/run.sh --once" run.sh --once)
add_test(NAME "house: arrows are kept"
  COMMAND tidy.py)
# add_test(NAME "taken out" COMMAND nothing)
"""

CASES = """// Tests.
TEST_CASE("a send reaches its actor", "[core]") {
  match("feed/*");  // begins no comment
}
TEST_CASE("a name that is too long for one line is "
          "put together",
          "[core]") {}
TEST_CASE("it says \\"hello\\"") {}
// TEST_CASE("commented by line", "[core]") {}
/*
TEST_CASE("commented as a block", "[core]") {}
*/
#if 0
TEST_CASE("left out", "[core]") {}
#endif
TEST_CASE("hidden", "[.][core]") {}
const char* text = R"(
TEST_CASE("only text", "[core]") {}
)";
"""

SHOWN = '"a send reaches its actor"'


class Planted(unittest.TestCase):
    """A tree of its own with two whole tables."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.plant("tests/core/CMakeLists.txt", CMAKE)
        self.plant("tests/core/a_test.cpp", CASES)
        self.plant("tests/core/unbuilt_test.cpp", 'TEST_CASE("nobody builds it", "[core]") {}\n')
        self.tables = {heading: [f"| {row} | what | {SHOWN} |" for row in range(1, rows + 1)]
                       for heading, rows in parity.TABLES.items()}

    def plant(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def rows(self, table=0):
        return list(self.tables.values())[table]

    def findings(self):
        text = "# core\n\n| word | meaning |\n|---|---|\n| actor | not a row of ours |\n"
        for heading, rows in self.tables.items():
            text += f"\n## {heading}\n\nAbout it.\n\n| # | it | shown by |\n|---|---|---|\n"
            text += "\n".join(rows) + "\n"
        self.plant("core/README.md", text)
        return parity.check(self.root)[0]

    def expect(self, *wanted):
        found = self.findings()
        self.assertEqual(len(found), len(wanted), found)
        for finding, text in zip(found, wanted):
            self.assertIn(text, finding)

    def expect_shown_by(self, cell, *wanted):
        self.rows()[4] = f"| 5 | what | {cell} |"
        self.expect(*wanted)


class Names(Planted):
    def test_whole_tables_have_no_findings(self):
        self.expect()

    def test_a_name_that_no_test_has_is_named_with_its_row_and_the_nearest(self):
        self.expect_shown_by('"a send reaches its actors"',
                             'row 5 names "a send reaches its actors", which no build runs; '
                             'did you mean "a send reaches its actor"?')
        self.assertRegex(self.findings()[0], r"^core/README\.md:17: parity: ")
        self.expect_shown_by('"something else"', "write it, or name one that exists")

    def test_every_name_of_a_cell_is_looked_at(self):
        self.expect_shown_by(f'{SHOWN}; "missing"; "e2e: admin"', 'names "missing"')

    def test_names_of_every_kind_are_found(self):
        for name in ("a name that is too long for one line is put together", "e2e: admin",
                     "e2e: topics", "e2e: scripts/run.sh --once", "house: arrows are kept"):
            with self.subTest(name=name):
                self.expect_shown_by(f'"{name}"')

    def test_a_test_that_nothing_runs_is_none(self):
        for name in ("commented by line", "commented as a block", "left out", "hidden",
                     "only text", "nobody builds it", "taken out", "e2e: ${name}", "e2e: name"):
            with self.subTest(name=name):
                self.expect_shown_by(f'"{name}"', f'names "{name}"')

    def test_names_are_compared_as_the_compiler_reads_them(self):
        self.assertIn('it says "hello"', parity.tests_of(self.root))


class Rows(Planted):
    def test_a_row_without_a_test_needs_a_reason(self):
        for cell in ("later:", "cannot apply: no", "soon", "no reason that is long enough at all"):
            with self.subTest(cell=cell):
                self.expect_shown_by(cell, "row 5 names no test")
        for cell in ("cannot apply: there is no such thing here", "later: part 9 brings the room"):
            with self.subTest(cell=cell):
                self.expect_shown_by(cell)

    def test_an_empty_cell_is_named(self):
        self.rows()[0] = f"| 1 | | {SHOWN} |"
        self.expect("row 1 has an empty cell")

    def test_text_beside_the_names_is_named(self):
        self.expect_shown_by(f"{SHOWN} and another", 'row 5 has "and another" beside its tests')

    def test_a_missing_row_and_one_too_many_are_named(self):
        self.rows(1).append(f"| 31 | what | {SHOWN} |")
        self.expect("31 rows under")
        del self.rows(1)[-2:]
        self.expect("29 rows under")

    def test_rows_out_of_order_are_named(self):
        self.rows()[1], self.rows()[2] = self.rows()[2], self.rows()[1]
        self.expect("row 3 stands where row 2 belongs", "row 2 stands where row 3 belongs")

    def test_a_bar_inside_a_cell_is_named(self):
        self.rows()[1] = f"| 2 | this | that | {SHOWN} |"
        self.expect("4 cells, not 3")

    def test_a_missing_table_and_a_missing_file_are_named(self):
        self.tables.pop(next(iter(self.tables)))
        self.expect("0 rows under")
        (self.root / "core/README.md").unlink()
        self.assertIn("no such file", parity.check(self.root)[0][0])


class Program(Planted):
    def run_parity(self):
        return subprocess.run([sys.executable, parity.__file__, "--root", str(self.root)],
                              capture_output=True, text=True, check=False)

    def test_it_exits_0_without_and_1_with_findings(self):
        self.findings()
        done = self.run_parity()
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("53 rows", done.stdout)
        self.plant("tests/core/a_test.cpp", "// Tests.\n")
        done = self.run_parity()
        self.assertEqual(done.returncode, 1)
        self.assertIn('names "a send reaches its actor"', done.stdout)


if __name__ == "__main__":
    unittest.main()
