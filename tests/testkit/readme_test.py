"""Takes the test kit's page at its word: builds its plugin and its test by its commands, runs both.

    readme_test.py DIRECTORY_OF_THE_LIBRARY
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "plugins/testkit/README.md"
LIBRARY = Path(sys.argv.pop()).resolve() if len(sys.argv) > 1 else None


class ReadmeTest(unittest.TestCase):
    def block(self, head):
        found = re.search(rf"^```{re.escape(head)}\n(.*?)^```", PAGE.read_text(), re.S | re.M)
        self.assertIsNotNone(found, f"{PAGE.name} has no block {head}")
        return found[1]

    def test_the_pages_test_is_built_by_the_pages_command_and_passes(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "plugins").symlink_to(ROOT / "plugins")
            (folder / "greeter.cpp").write_text(self.block("cpp plugin"))
            (folder / "greeter_test.cpp").write_text(self.block("cpp test"))
            done = subprocess.run(["sh", "-e", "-c", self.block("sh")], cwd=folder, text=True,
                                  capture_output=True, timeout=300, check=False,
                                  env=os.environ | {"TESTKIT": str(LIBRARY)})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    if LIBRARY is None:
        sys.exit("readme_test.py: name the directory of libbackstage_testkit.so")
    unittest.main()
