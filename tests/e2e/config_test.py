"""The command line and the config of the real binary: good ones, and every mistake by its place."""
import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from client import Clients
from daemon import BIN, PLUGINS, ROOT, SLOW, Daemon

RUN_SECONDS = 20 * SLOW

# Text of the file, then place, code, pointer and a word that the message must have.
BAD_FILES = {
    "an unknown key": ('{\n  "wrokers": 2\n}', "2:3", "CFG-202", "/wrokers", "workers"),
    "an unknown key deep inside": ('{"gateway": {"cmd": {"sndhw": 1}}}', "1:22", "CFG-202",
                                   "/gateway/cmd/sndhw", "sndhwm"),
    "a key twice": ('{"workers": 1,\n "workers": 2}', "2:2", "CFG-201", "/workers", "second time"),
    "a wrong type": ('{"workers": "two"}', "1:13", "CFG-203", "/workers", "whole number"),
    "a number out of range": ('{"workers": 257}', "1:13", "CFG-204", "/workers", "256"),
    "a word that is no choice": ('{"log": {"level": "inof"}}', "1:19", "CFG-205", "/log/level",
                                 'did you mean "info"'),
    "a duration without a unit": ('{"drain_timeout": 10}', "1:19", "CFG-203", "/drain_timeout",
                                  "10s"),
    "a rule without its type": ('{"activations": [{"activate": "a:{1}"}]}', "1:18", "CFG-206",
                                "/activations/0", "type"),
    "a reserved actor name": ('{"actors": {"$me": "echo"}}', "1:13", "CFG-210", "/actors/$me", "$"),
    "an actor name with a control character": ('{"actors": {"a\\nb": "echo"}}', "1:13", "CFG-209",
                                               "/actors/a", "actor name"),
    "a tcp endpoint off loopback": ('{"gateway": {"cmd": {"bind": ["tcp://0.0.0.0:7770"]}}}',
                                    "1:31", "CFG-301", "/gateway/cmd/bind/0", "CURVE"),
    "an endpoint bound twice": ('{"gateway": {"cmd": {"bind": ["tcp://127.0.0.1:9",\n'
                                '"tcp://127.0.0.1:9"]}}}', "2:1", "CFG-302",
                                "/gateway/cmd/bind/1", "already"),
    "a queue smaller than one payload": ('{"gateway": {"limits": {"queue_bytes": 1000}}}', "1:40",
                                         "CFG-304", "/gateway/limits/queue_bytes", "max_payload"),
    "an empty file": ("", "", "CFG-104", "", "empty"),
    "not JSON": ("workers: 2\n", "1:1", "CFG-1", "", ""),
    "JSON cut off": ('{"workers": 2', "1:14", "CFG-1", "", ""),
    "a comma too many": ('{"workers": 2,}', "1:15", "CFG-1", "", ""),
    "a byte order mark": ("\ufeff{}", "", "CFG-107", "", "byte order mark"),
    "a NUL byte": ('{"workers": \0 2}', "1:13", "CFG-108", "", "NUL"),
    "too deep": ("[" * 100_000, "1:", "CFG-106", "", "nested"),
}


def run(*arguments):
    return subprocess.run([str(BIN), *map(str, arguments)], capture_output=True, text=True,
                          timeout=RUN_SECONDS, check=False)


class CommandLineTest(unittest.TestCase):
    def test_version_help_and_schema_are_printed_to_standard_output(self):
        version = run("--version")
        self.assertEqual((version.returncode, version.stderr), (0, ""))
        self.assertRegex(version.stdout, r"^backstaged \d+\.\d+\.\d+")
        shown = run("--help")
        self.assertEqual(shown.returncode, 0)
        for option in ("--config", "--check", "--set", "--print-config", "--print-schema",
                       "--version", "--healthcheck"):
            self.assertIn(option, shown.stdout)
        schema = run("--print-schema")
        self.assertEqual(schema.returncode, 0)
        self.assertEqual(schema.stdout.rstrip("\n"),
                         (ROOT / "config/schema.json").read_text().rstrip("\n"))

    def test_an_unknown_option_is_64_and_names_the_one_that_was_meant(self):
        answer = run("--confg", "x.json")
        self.assertEqual((answer.returncode, answer.stdout), (64, ""))
        self.assertIn("--confg", answer.stderr)
        self.assertIn("--config", answer.stderr)

    def test_wrong_uses_of_the_command_line_are_64(self):
        for arguments in (["stray"], ["--config"], ["--set"], ["--check", "--bogus=1"]):
            with self.subTest(arguments):
                answer = run(*arguments)
                self.assertEqual(answer.returncode, 64, answer.stderr)
                self.assertGreater(len(answer.stderr), 20)

    def test_a_bad_set_is_78_and_says_which(self):
        for given, word in (("/workers", "pointer=value"), ("workers=1", "pointer"),
                            ("/wrokers=1", "workers"), ("/workers=-1", "minimum"),
                            ("/log/level=\"inof\"", "info")):
            with self.subTest(given):
                answer = run("--check", "--set", given)
                self.assertEqual(answer.returncode, 78, answer.stderr)
                self.assertIn(given.split("=")[0], answer.stderr)
                self.assertIn(word, answer.stderr)

    def test_print_config_shows_the_effective_values_and_is_a_config_itself(self):
        first = run("--print-config", "--config", ROOT / "config/flightboard.json", "--set",
                    "/workers=3")
        self.assertEqual(first.returncode, 0, first.stderr)
        shown = json.loads(first.stdout)
        self.assertEqual(shown["workers"], 3)
        self.assertEqual(shown["drain_timeout"], "10s")
        self.assertEqual(shown["activations"][0]["on"], "feed/flight.*")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "again.json"
            path.write_text(first.stdout)
            again = run("--print-config", "--config", path)
            self.assertEqual((again.returncode, again.stdout), (0, first.stdout))

    def test_check_accepts_every_config_that_ships(self):
        for path in sorted((ROOT / "config").glob("*.json")):
            if path.name == "schema.json":
                continue
            with self.subTest(path.name):
                answer = run("--check", "--config", path)
                self.assertEqual(answer.returncode, 0, answer.stderr)


class BadConfigTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "bad.json"

    def test_every_mistake_is_78_at_its_line_and_column_with_code_and_pointer(self):
        for name, (text, place, code, pointer, word) in BAD_FILES.items():
            with self.subTest(name):
                self.path.write_text(text)
                answer = run("--check", "--config", self.path)
                self.assertEqual(answer.returncode, 78, answer.stderr)
                where = f"{self.path}:{place}" if place else str(self.path)
                self.assertIn(where, answer.stderr)
                self.assertIn(f"error[{code}", answer.stderr)
                self.assertIn(pointer, answer.stderr)
                self.assertIn(word, answer.stderr)

    def test_all_mistakes_are_told_at_once(self):
        self.path.write_text('{"wrokers": 2,\n "log": {"level": "inof"},\n "drain_timeout": "x"}')
        answer = run("--check", "--config", self.path)
        self.assertEqual(answer.returncode, 78)
        for line in (1, 2, 3):
            self.assertRegex(answer.stderr, rf"bad\.json:{line}:\d+: error\[CFG-")

    def test_a_file_that_cannot_be_read_is_78_and_says_why(self):
        missing = run("--check", "--config", self.folder / "none.json")
        self.assertEqual(missing.returncode, 78)
        self.assertIn("CFG-101", missing.stderr)
        folder = run("--check", "--config", self.folder)
        self.assertEqual(folder.returncode, 78)
        self.assertIn("CFG-10", folder.stderr)
        if os.geteuid() != 0:  # root reads what nobody may
            self.path.write_text("{}")
            self.path.chmod(0)
            closed = run("--check", "--config", self.path)
            self.assertEqual(closed.returncode, 78)
            self.assertIn("CFG-103", closed.stderr)
        huge = self.folder / "huge.json"
        with open(huge, "wb") as out:
            out.truncate(1 << 30)
        answer = run("--check", "--config", huge)
        self.assertEqual(answer.returncode, 78)
        self.assertIn("CFG-105", answer.stderr)

    def test_a_bad_config_stops_the_start_before_anything_is_made(self):
        with Daemon(config={"wrokers": 1}, expect_ready=False) as daemon:
            self.assertEqual(daemon.wait(), 78)
            self.assertIn("wrokers", daemon.log())
            daemon.notify.take()
            self.assertNotIn("READY=1", daemon.notify.said)
            self.assertEqual(list(daemon.runtime_dir.iterdir()), [])

    def test_an_actor_of_a_type_that_no_plugin_has_is_told_and_the_others_serve(self):
        config = {"actors": {"a": "no_such_type", "echo": "echo"}}
        with Daemon(config=config, plugins=["echo"]) as daemon, Clients(daemon) as clients:
            told = [line for line in daemon.log_lines() if line.get("type") == "no_such_type"]
            self.assertEqual([(line["level"], line["actor"], line["code"]) for line in told],
                             [("error", "a", "no_type")])
            dealer = clients.dealer()
            self.assertEqual(dealer.ask("REQ echo id=1", b"x"), [b"REP 1", b"x"])
            self.assertEqual(dealer.ask("REQ a id=2", b"x")[0], b"ERR 2 404 no_actor")
            self.assertEqual(daemon.stop(), 0)


class PortsTest(unittest.TestCase):
    def test_a_port_in_use_is_69_names_it_and_leaves_nothing_half_started(self):
        with Daemon(plugins=["echo"]) as first:
            for name in ("cmd", "pub", "ingest"):
                taken = first.endpoint(name)
                with self.subTest(name), \
                     Daemon(plugins=["echo"], settings={f"/gateway/{name}/bind": [taken]},
                            expect_ready=False) as second:
                    self.assertEqual(second.wait(), 69, second.log())
                    self.assertIn(taken, second.log())
                    second.notify.take()
                    self.assertNotIn("READY=1", second.notify.said)
                    self.assertFalse((second.runtime_dir / "endpoints.json").exists())
            self.assertEqual(first.stop(), 0)

    def test_a_second_daemon_on_a_live_ipc_path_refuses_to_start_and_the_first_serves_on(self):
        ipc = {f"/gateway/{name}/bind": [f"ipc://{{runtime_dir}}/{name}.sock"]
               for name in ("cmd", "pub", "ingest")}
        with Daemon(plugins=["echo"], settings=ipc) as first:
            for name in ("cmd", "pub", "ingest"):
                mode = (first.runtime_dir / f"{name}.sock").stat().st_mode
                self.assertEqual(mode & 0o777, 0o600)
            paths = {f"/gateway/{name}/bind": [first.endpoint(name)]
                     for name in ("cmd", "pub", "ingest")}
            with Daemon(plugins=["echo"], settings=paths, expect_ready=False) as second:
                self.assertEqual(second.wait(), 69, second.log())
                self.assertIn(first.endpoint("cmd"), second.log())
            answer = run("--healthcheck", "--set",
                         f"/runtime_dir={json.dumps(str(first.runtime_dir))}")
            self.assertEqual(answer.returncode, 0, answer.stderr)
            self.assertEqual(first.stop(), 0)
            self.assertFalse((first.runtime_dir / "cmd.sock").exists())
            self.assertFalse((first.runtime_dir / "endpoints.json").exists())

    def test_a_port_off_loopback_is_refused_without_keys(self):
        with Daemon(plugins=["echo"], settings={"/gateway/cmd/bind": ["tcp://0.0.0.0:*"]},
                    expect_ready=False) as daemon:
            self.assertEqual(daemon.wait(), 78)
            self.assertIn("tcp://0.0.0.0:*", daemon.log())

    def test_a_runtime_directory_that_others_may_write_is_refused_with_77(self):
        with tempfile.TemporaryDirectory() as folder:
            run_dir = Path(folder) / "run"
            run_dir.mkdir()
            run_dir.chmod(0o777)
            with Daemon(folder=folder, plugins=["echo"], expect_ready=False) as daemon:
                self.assertEqual(daemon.wait(), 77, daemon.log())
                self.assertRegex(daemon.log(), re.escape(str(run_dir)))


class HealthcheckTest(unittest.TestCase):
    def test_healthcheck_is_0_beside_a_daemon_that_serves_and_not_0_without_one(self):
        with Daemon(plugins=["echo"]) as daemon:
            where = ["--set", f"/runtime_dir={json.dumps(str(daemon.runtime_dir))}",
                     "--set", f"/plugins/dir={json.dumps(str(PLUGINS))}"]
            self.assertEqual(run("--healthcheck", *where).returncode, 0)
            daemon.stop()
            gone = run("--healthcheck", *where)
            self.assertNotEqual(gone.returncode, 0)
            self.assertGreater(len(gone.stderr), 20, "says what is wrong")


if __name__ == "__main__":
    unittest.main()
