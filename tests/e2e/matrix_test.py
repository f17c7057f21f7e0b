"""One plugin, built by each compiler and C++ library, side by side in one daemon.

A compiler that is missing fails the test by name: scripts/setup.sh --profile dev installs them.
"""
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from client import ANSWER_SECONDS, Admin, Clients
from daemon import PLUGINS, ROOT, Daemon, plugin_dir

SOURCES = ROOT / "tests/plugins_matrix"
COMMON = ["-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wpedantic",
          "-Werror", "-I", str(ROOT / "plugins/sdk"),
          f"-Wl,--version-script={ROOT / 'plugins/sdk/backstage.map'}",
          "-Wl,-z,defs", "-Wl,-z,now", "-Wl,-z,noexecstack"]
CXX = ["-std=c++20", *COMMON]
# actor type: (compiler, the Debian packages it needs, flags, source, its C++ library)
MATRIX = {
    "gxx12": ("g++-12", "g++", [*CXX, "-fno-gnu-unique"], "stranger.cpp", "libstdc++"),
    # Without the flag that other plugins have: unique symbols are the host's to see to.
    "gxx12_unique": ("g++-12", "g++", CXX, "stranger.cpp", "libstdc++"),
    "gxx12_static": ("g++-12", "g++", [*CXX, "-fno-gnu-unique", "-static-libstdc++",
                                       "-static-libgcc"], "stranger.cpp", "libstdc++"),
    "clang14": ("clang++-14", "clang", CXX, "stranger.cpp", "libstdc++"),
    "clang19": ("clang++-19", "clang-19", CXX, "stranger.cpp", "libstdc++"),
    "clang19_libcxx": ("clang++-19", "clang-19 libc++-19-dev libc++abi-19-dev",
                       [*CXX, "-stdlib=libc++"], "stranger.cpp", "libc++"),
    "gcc_c": ("gcc-12", "g++", ["-std=c11", *COMMON], "stranger.c", None),
    "clang14_c": ("clang-14", "clang", ["-std=c11", *COMMON], "stranger.c", None),
}


def build(folder, name):
    """Builds one plugin; an AssertionError that says which package is missing, or what is wrong."""
    compiler, packages, flags, source, _ = MATRIX[name]
    hint = f"install {packages} (scripts/setup.sh --profile dev)"
    assert shutil.which(compiler), f"there is no {compiler}: {hint}"
    target = folder / f"{name}.so"
    done = subprocess.run([compiler, f'-DTYPE_NAME="{name}"', "-o", target, SOURCES / source,
                           *flags], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{compiler} cannot build {name}; {hint}\n{done.stderr}"
    target.chmod(0o755)


class MatrixTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        # Rust and the tree's own compiler are there as the examples.
        examples = [path.stem for path in sorted(PLUGINS.glob("counter*.so"))]
        plugins = plugin_dir(cls.folder / "plugins", examples)
        for name in MATRIX:
            build(plugins, name)
        cls.examples = examples
        cls.names = [*MATRIX, *examples]
        cls.daemon = cls.enterClassContext(Daemon(
            config={"actors": {name: name for name in cls.names},
                    "types": {name: {"supervision": {"backoff_min": "1ms", "backoff_max": "5ms"}}
                              for name in MATRIX}},
            plugins=plugins))

    def setUp(self):
        self.clients = Clients(self.daemon)
        self.addCleanup(self.clients.close)
        self.dealer = self.clients.dealer()
        self.number = 0

    def ask(self, actor, kind=None, body=b""):
        """The answer's frames without the request's number: [b"REP", body], or an ERR and why."""
        self.number += 1
        line = f"REQ {actor} id={self.number}" + (f" type={kind}" if kind else "")
        first, *rest = self.dealer.ask(line, body)
        return [first.replace(b" %d" % self.number, b"", 1), *rest]

    def test_all_are_loaded(self):
        plugins = Admin(self.dealer).ask("plugins")["plugins"]
        states = {plugin["types"][0]: plugin["state"] for plugin in plugins if plugin["types"]}
        self.assertEqual(states, {name: "active" for name in self.names}, self.daemon.log())

    def test_each_answers_with_a_library_of_its_own(self):
        for name, (*_, library) in MATRIX.items():
            with self.subTest(name):
                self.assertEqual(self.ask(name, "add", b"40")[1], b"40")
                self.assertEqual(self.ask(name, "add", b"2")[1], b"42")
                if library is None:
                    continue
                self.assertEqual(self.ask(name, "library"), [b"REP", library.encode()])
                self.assertEqual(self.ask(name, "inside", b"")[1], b"no words")
                # A static that two of them shared would have counted on.
                self.assertEqual(self.ask(name, "inside", b"a b a")[1], b"2 words, 1 calls")
                self.assertEqual(self.ask(name, "add", b"x")[0][:7], b"ERR 400")
        for name in self.examples:
            with self.subTest(name):
                self.assertEqual(self.ask(name, body=b"5"), [b"REP", b"5"])

    def test_each_works_with_each(self):
        talkers = {name: row[4] for name, row in MATRIX.items() if row[4] is not None}
        for name in talkers:
            for other, library in talkers.items():
                if other == name:
                    continue
                with self.subTest(f"{name} asks {other}"):
                    self.assertEqual(self.ask(name, "relay", other.encode()),
                                     [b"REP", f"{other} has {library}".encode()])

    def test_each_fails_by_itself_and_comes_back(self):
        for name in MATRIX:
            for kind, told in (("throw", f"{name} throws"), ("throw_own", ""), ("fail", "fails")):
                with self.subTest(f"{name} {kind}"):
                    answer = self.ask(name, kind, told.encode())
                    self.assertEqual(answer[0], b"ERR 500 actor_failed")
                    self.daemon.wait_for_log(told, ANSWER_SECONDS)
            self.assertEqual(self.ask(name, "add", b"7")[1], b"7", "it is made anew")
        for name in self.names:
            self.assertEqual(self.ask(name, "add" if name in MATRIX else None, b"0")[0], b"REP")
        self.assertIsNone(self.daemon.process.poll(), self.daemon.log())

    @classmethod
    def tearDownClass(cls):
        assert cls.daemon.process.poll() is None, f"the daemon ended:\n{cls.daemon.log()}"
        assert cls.daemon.stop() == 0, cls.daemon.log()
        cls.daemon.assert_ledger_balances()


if __name__ == "__main__":
    unittest.main()
