"""The C++ client stays small: it is counted."""
import unittest
from pathlib import Path

HEADERS = Path(__file__).resolve().parent.parent.parent / "clients" / "cpp" / "backstage"
CODE_LINES_MAX = 700


def is_code(line):
    return line.strip() and not line.strip().startswith("//")


class SizeTest(unittest.TestCase):
    def test_the_c_plus_plus_client_has_at_most_700_lines_of_code(self):
        counts = {header.name: sum(map(bool, map(is_code, header.read_text().splitlines())))
                  for header in HEADERS.glob("*.hpp")}
        self.assertTrue(counts)
        self.assertLessEqual(sum(counts.values()), CODE_LINES_MAX, counts)


if __name__ == "__main__":
    unittest.main()
