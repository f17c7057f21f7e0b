"""From nothing to an answering actor: the installed package, a plugin in each language, asked."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from client import Admin, Clients
from ctl import ctl
from daemon import BIN, PLUGINS, ROOT, SANITIZED, SLOW, Daemon, plugin_dir

BUILD = BIN.parent.parent
LANGUAGES = {"c++": "plugin.cpp", "c": "plugin.c", "rust": "plugin.rs"}


def sh(script, cwd, environment):
    """Runs a shell script that must succeed; its output."""
    done = subprocess.run(["sh", "-ec", script], cwd=cwd, env=environment, text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300 * SLOW)
    assert done.returncode == 0, f"{script}\nended with {done.returncode}:\n{done.stdout}"
    return done.stdout


class AuthoringTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Whatever the caller's: what group or others may write is refused by the gate.
        cls.addClassCleanup(os.umask, os.umask(0o022))
        folder = tempfile.TemporaryDirectory(prefix="backstage-authoring-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.prefix = cls.folder / "installed"
        installed = sh(f"cmake --install '{BUILD}' --prefix '{cls.prefix}'", ROOT, os.environ)
        assert "Installing" in installed, installed
        # Debian's compilers before any other: its rustc is the oldest that must do.
        path = f"{cls.prefix}/bin:/usr/bin:{os.environ['PATH']}"
        cls.environment = {**os.environ, "PATH": path, "CMAKE_PREFIX_PATH": str(cls.prefix),
                           "PKG_CONFIG_PATH": str(cls.prefix / "lib/pkgconfig")}
        cls.ctl_program = cls.prefix / "bin" / "backstagectl"

    def ctl(self, *words, **options):
        return ctl(*words, program=self.ctl_program, **options)

    def new(self, name, language, folder):
        done = self.ctl("plugin", "new", name, "--lang", language, "--dir", folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return folder / name

    def build(self, project):
        """Runs the commands of the project's own README; the plugin they make."""
        page = (project / "README.md").read_text()
        commands = re.search(r"```sh\n(.*?)```", page, re.S).group(1)
        self.assertEqual(len(commands.splitlines()), 3, commands)
        output = sh(commands, project, self.environment)
        self.assertIn("100% tests passed, 0 tests failed out of 2", output)
        return project / "build" / f"{project.name}.so"

    def check(self, file):
        done = self.ctl("plugin", "check", file, "-o", "json")
        self.assertEqual(done.returncode, 0, done.stdout)
        return json.loads(done.stdout)[0]

    def test_a_new_plugin_of_each_language_builds_passes_the_gate_and_answers(self):
        projects = self.folder / "projects"
        projects.mkdir()
        built = {}
        for language in LANGUAGES:
            if language == "rust" and shutil.which("rustc", path=self.environment["PATH"]) is None:
                continue
            name = {"c++": "hello_cpp", "c": "hello_c", "rust": "hello_rust"}[language]
            with self.subTest(language):
                file = self.build(self.new(name, language, projects))
                told = self.check(file)
                self.assertEqual((told["id"], told["types"], told["lang"]),
                                 (f"com.example.{name}", [name], language))
                symbols = sh(f"nm -D --defined-only '{file}'", projects, self.environment)
                self.assertEqual([line.split()[-1] for line in symbols.splitlines()],
                                 ["backstage_plugin_v1"])
                built[name] = file
        self.assertGreaterEqual(len(built), 2)
        self.answer(built)

    def answer(self, built):
        """They are asked in an installed daemon, from its own default directory."""
        for file in built.values():
            shutil.copy(file, self.prefix / "lib/backstaged/plugins")
        actors = {name: {"type": name, "config": {"greeting": "good day"}} for name in built}
        actors["plain"] = next(iter(built))
        daemon = Daemon(config={"actors": actors}, plugins=None)
        daemon.command[0] = str(self.prefix / "bin" / "backstaged")
        with daemon, Clients(daemon) as clients:
            req = clients.req()
            for name in built:
                with self.subTest(name):
                    self.assertEqual(req.ask(f"REQ {name}\nworld"),
                                     [b"REP 0", b"good day world, you are number 1"])
                    self.assertEqual(req.ask(f"REQ {name}\nmoon"),
                                     [b"REP 0", b"good day moon, you are number 2"])
            self.assertEqual(req.ask("REQ plain\nyou"),
                             [b"REP 0", b"hello you, you are number 1"])
            told = Admin(clients.dealer()).ask("plugins")["plugins"]
            folders = {str(Path(plugin["file"]).parent) for plugin in told}
            self.assertEqual(folders, {str(self.prefix / "lib/backstaged/plugins")})
            self.assertEqual(daemon.stop(), 0)

    def test_the_guides_first_commands_end_in_a_plugin(self):
        page = (ROOT / "plugins/README.md").read_text()
        folder = self.folder / "guide"
        folder.mkdir()
        output = sh(re.search(r"```sh\n(.*?)```", page, re.S).group(1), folder, self.environment)
        self.assertIn("100% tests passed", output)
        self.assertEqual(self.check(folder / "greeter/build/greeter.so")["types"], ["greeter"])

    @unittest.skipIf(SANITIZED, "an author's program links no sanitizer's runtime")
    def test_the_installed_test_kit_runs_an_actor_of_an_authors(self):
        page = (ROOT / "plugins/testkit/README.md").read_text()
        project = self.folder / "kit"
        project.mkdir()
        for head, name in (("cpp plugin", "greeter.cpp"), ("cpp test", "greeter_test.cpp")):
            text = re.search(rf"^```{head}\n(.*?)^```", page, re.S | re.M).group(1)
            (project / name).write_text(text)
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(greeter CXX)\n"
            "find_package(backstage REQUIRED)\nbackstage_add_plugin(greeter greeter.cpp)\n"
            "add_executable(greeter_test greeter_test.cpp)\n"
            "target_compile_features(greeter_test PRIVATE cxx_std_20)\n"
            "target_link_libraries(greeter_test backstage::testkit)\n")
        sh("cmake -B build && cmake --build build && cd build && ./greeter_test\n"
           "c++ -std=c++20 -o by_hand ../greeter_test.cpp "
           "$(pkg-config --cflags --libs backstage-testkit) "
           f"-Wl,-rpath,'{self.prefix}/lib' && ./by_hand", project, self.environment)

    def test_one_line_with_pkg_config_builds_a_plugin_in_c(self):
        project = self.new("one_line", "c", self.folder)
        line = re.search(r"^#   (cc .*)$",
                         (ROOT / "plugins/sdk/backstage.pc.in").read_text(), re.M).group(1)
        shutil.copy(project / "plugin.c", project / "one_line.c")
        sh(line.replace("NAME", "one_line"), project, self.environment)
        self.assertEqual(self.check(project / "one_line.so")["types"], ["one_line"])

    def test_every_installed_header_compiles_by_itself(self):
        header_list = sorted((self.prefix / "include" / "backstage").rglob("*.h*"))
        self.assertGreater(len(header_list), 8)
        for header in header_list:
            language = "c" if header.suffix == ".h" else "c++"
            # Plugins need C++20, the client C++23.
            is_client = header.name.startswith("client")
            standard = "c11" if language == "c" else "c++23" if is_client else "c++20"
            sh(f"cc -x {language} -std={standard} -Wall -Wextra -fsyntax-only "
               f"$(pkg-config --cflags backstage) -Wno-pragma-once-outside-header '{header}'",
               self.folder, self.environment)

    def test_no_installed_text_names_the_place_it_was_built_at(self):
        for file in self.prefix.rglob("*"):
            is_binary = ".so" in file.suffixes or file.suffix == "" or file.parent.name == "bin"
            if file.is_file() and not is_binary:
                self.assertNotIn(str(ROOT).encode(), file.read_bytes(), file)

    def test_the_installed_unit_and_config_name_their_prefix(self):
        unit = (self.prefix / "lib/systemd/system/backstaged.service").read_text()
        etc = self.prefix / "etc" / "backstaged"
        self.assertIn(f"ExecStart={self.prefix}/bin/backstaged --config {etc}/backstaged.json\n",
                      unit)
        done = subprocess.run([self.prefix / "bin/backstaged", "--config", etc / "backstaged.json",
                               "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_installing_again_keeps_the_config_of_the_operator(self):
        config = self.prefix / "etc/backstaged/backstaged.json"
        before = config.read_text()
        self.addCleanup(config.write_text, before)
        config.write_text('{"workers": 2}\n')
        sh(f"cmake --install '{BUILD}' --prefix '{self.prefix}'", ROOT, self.environment)
        self.assertEqual(config.read_text(), '{"workers": 2}\n')

    def test_a_new_plugin_never_touches_what_exists_and_leaves_nothing_half_done(self):
        folder = self.folder / "taken"
        folder.mkdir()
        (folder / "mine").write_text("precious")
        (folder / "link").symlink_to("nowhere")
        for name, code in (("mine", 73), ("link", 73), ("Upper", 64), ("9lives", 64), ("", 64),
                           ("a-b", 64), ("../up", 64), ("test", 64), ("x" * 41, 64),
                           ("k\u00e4se", 64)):
            with self.subTest(name):
                done = self.ctl("plugin", "new", name, "--dir", folder)
                self.assertEqual((done.returncode, done.stdout), (code, ""))
                self.assertRegex(done.stderr, r"error\[CTL-\d+\].*\n(.*\n)*  next: ")
        done = self.ctl("plugin", "new", "fine", "--dir", folder / "not_there")
        self.assertEqual(done.returncode, 73)
        self.assertIn("CTL-202", done.stderr)
        self.assertEqual(sorted(os.listdir(folder)), ["link", "mine"])
        self.assertEqual((folder / "mine").read_text(), "precious")

    def test_a_name_that_is_a_word_of_the_language_still_builds(self):
        for language, name in (("c", "struct"), ("rust", "match")):
            if language == "rust" and shutil.which("rustc", path=self.environment["PATH"]) is None:
                continue
            with self.subTest(language):
                project = self.new(name, language, self.folder)
                script = f"cmake -S . -B build && cmake --build build --target {name}"
                sh(script, project, self.environment)
                self.assertEqual(self.check(project / "build" / f"{name}.so")["types"], [name])


class CheckTest(unittest.TestCase):
    """`plugin check` says of a file what the daemon says of it."""

    def test_its_verdicts_are_the_daemons_word_for_word(self):
        with tempfile.TemporaryDirectory() as name:
            folder = plugin_dir(Path(name) / "plugins", ["counter", "echo"])
            good = (folder / "counter.so").read_bytes()
            for size in (0, 3, 63, 64, 1000, len(good) // 2, len(good) - 1):
                (folder / f"cut{size}.so").write_bytes(good[:size])
            (folder / "text.so").write_text("no plugin\n")
            (folder / "arm.so").write_bytes(good[:18] + b"\xb7\x00" + good[20:])
            (folder / "open.so").write_bytes(good)
            (folder / "open.so").chmod(0o777)
            (folder / "folder.so").mkdir()
            files = sorted(folder.glob("*.so"))
            offline = ctl("plugin", "check", *files, "-o", "json")
            told = {Path(one["file"]).name: one for one in json.loads(offline.stdout)}
            with Daemon(config={"actors": {"echo": "echo"}}, plugins=folder) as daemon:
                lines = [line for line in daemon.log_lines() if line["msg"] == "plugin refused"]
                self.assertEqual(daemon.stop(), 0)
        self.assertEqual(offline.returncode, 65)
        refused = {file: one for file, one in told.items() if not one["good"]}
        self.assertEqual(set(told) - set(refused), {"counter.so", "echo.so"})
        online = {Path(line["file"]).name: line for line in lines}
        self.assertEqual(set(online), set(refused))
        for file, one in refused.items():
            self.assertEqual((one["code"], one["reason"], one["fix"]),
                             (online[file]["code"], online[file]["reason"], online[file]["fix"]))

    def test_what_crashes_while_it_is_loaded_does_so_in_a_process_of_its_own(self):
        with tempfile.TemporaryDirectory() as name:
            source, file = Path(name) / "dies.c", Path(name) / "dies.so"
            source.write_text(
                "#include <backstage/plugin.h>\n#include <stdlib.h>\n"
                'BS_NOTE_C("id=com.example.dies\\0version=1.0.0\\0types=dies", 0);\n'
                "const bs_plugin* backstage_plugin_v1(const bs_api* api) { (void)api; abort(); }\n")
            sh(f"cc -shared -fPIC -Wl,-z,noexecstack -I '{ROOT}/plugins/sdk' -o dies.so dies.c",
               name, os.environ)
            file.chmod(0o755)
            done = ctl("plugin", "check", file)
            self.assertEqual((done.returncode, done.stderr), (65, ""))
            self.assertIn("SIGABRT in backstage_plugin_v1", done.stdout)
            self.assertIn("[TRIAL_CRASHED]", done.stdout)
            untried = ctl("plugin", "check", "--no-trial", file)
            self.assertEqual(untried.returncode, 0)
            self.assertIn("judged without being loaded: --no-trial was given", untried.stdout)

    def test_a_file_that_is_not_there_is_told_apart(self):
        done = ctl("plugin", "check", PLUGINS / "counter.so", PLUGINS / "none.so")
        self.assertEqual(done.returncode, 66)
        good, bad = done.stdout.splitlines()
        self.assertNotIn("note:", done.stdout)
        self.assertRegex(good, r"counter\.so: good: org\.backstage\.counter 1\.0\.0, type counter")
        self.assertRegex(bad, r"none\.so: .*; .* \[UNREADABLE\]")


if __name__ == "__main__":
    unittest.main()
