#!/usr/bin/env python3
"""Plants one violation of each kind in a small tree; tidy.py must name it, and nothing else."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tidy

HEADER = "// A file of a test.\n"


class Planted(unittest.TestCase):
    """A tree of its own, outside any repository."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)

    def plant(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def findings(self):
        return tidy.check(self.root)[0]

    def expect(self, path, text, *wanted):
        """Plants one file; every wanted text is found once, and nothing else is."""
        self.plant(path, text)
        found = self.findings()
        self.assertEqual(len(found), len(wanted), found)
        for finding, text_wanted in zip(found, wanted):
            self.assertIn(text_wanted, finding)


class Arrows(Planted):
    def test_a_clean_tree_has_no_findings(self):
        self.plant("core/values/ids.hpp", HEADER + "#include <cstdint>\n")
        self.plant("core/engine.cpp", HEADER + '#include "core/values/ids.hpp"\n'
                   "#include <vector>\n")
        self.plant("daemon/transport/sockets.hpp", HEADER + "#include <zmq.h>\n")
        self.plant("daemon/gateway/loop.cpp", HEADER + '#include "core/engine.hpp"\n'
                   '#include "daemon/transport/sockets.hpp"\n#include <asio/post.hpp>\n')
        self.plant("daemon/main.cpp", HEADER + '#include "daemon/daemon.hpp"\n')
        self.plant("plugins/echo/echo.cpp", HEADER + "#include <backstage/plugin.hpp>\n")
        self.plant("tests/core/engine_test.cpp", HEADER + "#include <catch2/catch.hpp>\n"
                   '#include "core/engine.hpp"\n')
        self.assertEqual(self.findings(), [])

    def test_each_forbidden_include_is_named(self):
        rows = [
            ("core/a.cpp", '"daemon/config/config.hpp"', "core/ may not include daemon/"),
            ("core/a.cpp", "<zmq.h>", "core/ may not include zmq"),
            ("core/a.cpp", "<fmt/format.h>", "core/ may not include fmt"),
            ("core/a.cpp", "<unistd.h>", "core/ may not include posix"),
            ("core/values/a.cpp", '"core/engine.hpp"', "core/values/ may not include core/"),
            ("daemon/wire/a.cpp", "<zmq.hpp>", "daemon/wire/ may not include zmq"),
            ("daemon/wire/a.cpp", '"core/engine.hpp"', "daemon/wire/ may not include core/"),
            ("daemon/transport/a.cpp", '"daemon/wire/line.hpp"', "may not include daemon/wire/"),
            ("daemon/transport/a.cpp", '"daemon/gateway/front.hpp"',
             "may not include daemon/gateway/"),
            ("daemon/gateway/a.cpp", "<zmq.h>", "daemon/gateway/ may not include zmq"),
            ("daemon/gateway/a.cpp", '"daemon/zmtp/frame.hpp"', "may not include daemon/zmtp/"),
            ("daemon/gateway/a.cpp", "<dlfcn.h>", "daemon/gateway/ may not include dlfcn"),
            ("daemon/gateway/a.cpp", "<nlohmann/json.hpp>", "daemon/gateway/ may not include json"),
            ("daemon/gateway/a.cpp", '"daemon/plugin_host/library.hpp"', "may not include daemon/"),
            ("daemon/plugin_gate/a.cpp", '"core/engine.hpp"', "may not include core/"),
            ("daemon/plugin_gate/a.cpp", "<dlfcn.h>", "may not include dlfcn"),
            ("daemon/plugin_host/a.cpp", "<zmq.h>", "may not include zmq"),
            ("daemon/config.cpp", "<zmq.h>", "daemon/ may not include zmq"),
            ("daemon/config.cpp", "<dlfcn.h>", "daemon/ may not include dlfcn"),
            ("daemon/cli.cpp", '"daemon/daemon.hpp"', "nothing points at the composition root"),
            ("tests/a.cpp", '"daemon/daemon.hpp"', "nothing points at the composition root"),
            ("plugins/echo/a.cpp", '"core/engine.hpp"', "plugins/ may not include core/"),
            ("plugins/echo/a.cpp", "<zmq.h>", "plugins/ may not include zmq"),
            ("daemon/http/a.cpp", "<vector>", "no line in ALLOWED"),
            ("core/a.cpp", "<boost/asio.hpp>", "unknown library header"),
        ]
        for path, header, wanted in rows:
            with self.subTest(path=path, header=header):
                self.expect(path, HEADER + f"#include {header}\n", wanted)
                (self.root / path).unlink()

    def test_an_include_in_a_comment_is_none(self):
        self.expect("core/a.cpp", HEADER + "/*\n#include <zmq.h>\n*/\n// #include <zmq.h>\n")


class Core(Planted):
    def test_core_touches_no_clock_thread_dice_environment_or_file(self):
        for code in ("auto t = std::chrono::steady_clock::now();", "std::thread t;",
                     "std::jthread t;", "std::random_device dice;", 'getenv("HOME");',
                     "std::this_thread::sleep_for(1s);"):
            with self.subTest(code=code):
                self.expect("core/a.cpp", HEADER + f"void f() {{\n  {code}\n}}\n", "a.cpp:3: core:")
        for header in ("fstream", "iostream"):
            self.expect("core/a.cpp", HEADER + f"#include <{header}>\n", "input or output")

    def test_the_worker_pool_may_own_threads_and_others_may_name_their_ids(self):
        self.plant("core/worker_pool.hpp", HEADER + "struct Pool { std::thread t; };\n")
        self.expect("core/a.cpp", HEADER + 'std::thread::id id; auto s = "std::thread";\n')

    def test_other_rooms_may_read_a_clock(self):
        self.expect("daemon/a.cpp", HEADER + "auto t = std::chrono::steady_clock::now();\n")


class Lengths(Planted):
    LONG = "  work();\n" * 69

    def test_a_function_of_seventy_lines_passes_and_one_more_does_not(self):
        self.plant("core/ok.cpp", HEADER + "void fits() {\n" + "  work();\n" * 68 + "}\n")
        self.expect("core/a.cpp", HEADER + "void bulges() {\n" + self.LONG + "}\n",
                    "core/a.cpp:2: function: bulges is 71 lines")

    def test_every_form_of_function_is_measured(self):
        forms = {
            "Thing::Thing(int a) : a_{a}, b_{2} {": "Thing::Thing",
            "template <class T>\nauto Box<T>::get() const noexcept -> const T& {": "Box<T>::get",
            "struct stat look(const char* path) {": "look",
            "bool operator==(const A& a, const B& b) {": "operator==",
            'TEST_CASE("a { sentence", "[core]") {': "TEST_CASE",
            "int f(std::vector<int> v = {}, int x = 3) {": "f",
        }
        for head, name in forms.items():
            with self.subTest(head=head):
                text = HEADER + "namespace n {\n" + head + "\n" + self.LONG + "}\n}\n"
                self.expect("core/a.cpp", text, f"function: {name} is ")

    def test_a_method_inside_a_class_is_measured_and_the_class_is_not(self):
        short = "  void f() {\n    work();\n  }\n" * 40
        head = HEADER + "class A final : public B {\n public:\n"
        self.expect("core/a.cpp", head + short + "};\n")
        self.expect("core/a.cpp", head + "  void big() {\n" + self.LONG + "}\n};\n",
                    "core/a.cpp:4: function: big")

    def test_a_table_is_no_function(self):
        rows = '  {"a", f(1)},\n' * 90
        self.expect("core/a.cpp", HEADER + "constexpr Row t[] = {\n" + rows + "};\nint x;\n")
        self.expect("core/a.cpp", HEADER + "enum class E : int {\n" + "  a,\n" * 90 + "};\n")

    def test_braces_in_text_and_numbers_with_ticks_do_not_confuse_the_count(self):
        text = HEADER + "void f() {\n  g(\"{\", '{', 1'000'000, R\"({ {\")\"); // {\n}\n" \
            + "void h() {\n" + "  work();\n" * 60 + "}\n"
        self.expect("core/a.cpp", text)

    def test_a_python_function_is_measured(self):
        head = '"""A file of a test."""\n\n\ndef big():\n'
        self.expect("scripts/a.py", head + "    work()\n" * 70,
                    "scripts/a.py:4: function: big is 71 lines")

    def test_a_file_of_four_hundred_lines_passes_and_one_more_does_not(self):
        self.plant("core/ok.cpp", HEADER + "int a;\n" * 399)
        self.expect("core/a.cpp", HEADER + "int a;\n" * 400, "file: 401 lines")

    def test_a_line_of_a_hundred_columns_passes_and_one_more_does_not(self):
        self.plant("core/ok.cpp", HEADER + "//" + "x" * 98 + "\n")
        self.expect("core/a.cpp", HEADER + "//" + "x" * 99 + "\n", "core/a.cpp:2: columns: 101")


class Words(Planted):
    def test_unfinished_work_is_named_in_any_file(self):
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
            for path in ("core/a.cpp", "README.md", "scripts/a.sh"):
                with self.subTest(word=word, path=path):
                    self.expect(path, f"# A // {word}: later\n" if path != "core/a.cpp"
                                else HEADER + f"// {word} later\n", "unfinished")
                    (self.root / path).unlink()

    def test_a_template_of_mkstemp_is_not_unfinished_work(self):
        self.expect("daemon/a.cpp", HEADER + 'char t[] = "a-XXXXXX";\n')

    def test_a_path_of_one_machine_is_named(self):
        for path in ("/wo" + "rk/x", "/ro" + "ot/x", "/ho" + "me/ann/x"):
            with self.subTest(path=path):
                self.expect("README.md", f"see {path}\n", "machine path")
        self.expect("README.md", "see src/work/x, $HOME/x and https://a.example/root\n")

    def test_each_file_says_what_it_is_for(self):
        for path, text in (("core/a.cpp", "#include <vector>\n"), ("core/a.hpp", "// short\n"),
                           ("scripts/a.sh", "#!/bin/bash\nset -e\n"),
                           ("scripts/a.py", "import os\n"),
                           ("core/CMakeLists.txt", "add_library(a)\n")):
            with self.subTest(path=path):
                self.expect(path, text, "purpose")
                (self.root / path).unlink()

    def test_a_source_beside_its_header_does_not_say_it_again(self):
        self.plant("core/a.hpp", HEADER)
        self.expect("core/a.cpp", '#include "core/a.hpp"\n')

    def test_text_is_utf8_ends_in_a_newline_and_has_no_trailing_blanks(self):
        self.expect("core/a.cpp", HEADER + "int a;", "does not end in a newline")
        self.expect("core/a.cpp", HEADER + "int a; \n", "ends in blanks")
        (self.root / "core/a.cpp").write_bytes(b"// A file \xff.\n")
        self.assertIn("is not UTF-8", self.findings()[0])


class Program(Planted):
    def run_tidy(self):
        return subprocess.run([sys.executable, tidy.__file__, "--root", str(self.root)],
                              capture_output=True, text=True, check=False)

    def test_it_exits_1_with_findings_0_without_and_1_for_an_empty_tree(self):
        self.assertEqual(self.run_tidy().returncode, 1)
        self.plant("core/a.cpp", HEADER)
        self.assertEqual(self.run_tidy().returncode, 0)
        self.plant("core/a.cpp", HEADER + "#include <zmq.h>\n")
        done = self.run_tidy()
        self.assertEqual(done.returncode, 1)
        self.assertIn("core/a.cpp:2: arrow: core/ may not include zmq", done.stdout)

    def test_it_reads_what_git_tracks_or_would(self):
        self.plant("core/a.cpp", "int a;\n")
        self.plant(".gitignore", "/build/\n")
        self.plant("build/b.cpp", "int b;\n")
        subprocess.run(["git", "init", "--quiet", str(self.root)], check=True)
        self.assertEqual([f.split(":")[0] for f in self.findings()], ["core/a.cpp"])


if __name__ == "__main__":
    unittest.main()
