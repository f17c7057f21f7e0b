"""The code of clients/cpp/README.md: it compiles from the headers alone and prints what it says."""
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from daemon import ROOT, SLOW, Daemon

PAGE = (ROOT / "clients/cpp/README.md").read_text()


def code(name):
    return re.search(rf"^```cpp {name}\n(.*?)^```", PAGE, re.S | re.M).group(1)


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        # A user's copy: nothing else of the project is there.
        include = self.folder / "include" / "backstage"
        include.mkdir(parents=True)
        for header in (ROOT / "clients/cpp/backstage").glob("*.hpp"):
            (include / header.name).write_text(header.read_text())

    def sh(self, command):
        return subprocess.run(command, shell=True, cwd=self.folder, capture_output=True, text=True,
                              check=False, timeout=300 * SLOW)

    def test_the_first_program_prints_what_the_page_says(self):
        (self.folder / "first.cpp").write_text(code("first"))
        line = re.search(r"^c\+\+ .*$", PAGE, re.M).group(0)
        built = self.sh(f"{line} -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror")
        self.assertEqual((built.returncode, built.stderr), (0, ""))
        nobody = self.sh("./first tcp://127.0.0.1:1")
        self.assertEqual(nobody.returncode, 1)
        self.assertIn("nobody listens at tcp://127.0.0.1:1\nnext: start backstaged", nobody.stdout)
        with Daemon(config={"actors": {"counter": "counter"}}, plugins=["counter"]) as daemon:
            done = self.sh(f"./first {daemon.endpoint('cmd')}")
            self.assertEqual(done.returncode, 0, done.stderr)
            promised = re.search(r"It prints `(.*?)`, `(.*?)` and `(.*?)`", PAGE).groups()
            self.assertEqual(tuple(done.stdout.splitlines()), promised)
            self.assertEqual(daemon.stop(), 0)

    def test_the_serving_program_compiles_with_clang_too(self):
        (self.folder / "serve.cpp").write_text(code("serve"))
        built = self.sh("clang++-19 -std=c++23 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow "
                        "-Wconversion -Werror -I include serve.cpp")
        self.assertEqual((built.returncode, built.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
