"""backstagectl against a running daemon, against scripted answers, and against mistyped words."""
import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path

from case import DaemonCase
from ctl import AdminDoor, ctl
from daemon import PLUGINS

OK, USAGE, REFUSED, NOT_FOUND, UNAVAILABLE, CANNOT_WRITE, TRY_AGAIN = 0, 64, 65, 66, 69, 73, 75


class QueriesTest(DaemonCase):
    config = {"actors": {"counter": "counter", "echo": "echo"}}
    plugins = ["counter", "echo"]

    def ask(self, *words, **options):
        return ctl(*words, "--endpoint", self.daemon.endpoint("cmd"), **options)

    def test_plugins_are_a_table_for_people_and_json_for_programs(self):
        shown = self.ask("plugin", "ls")
        self.assertEqual(shown.returncode, OK, shown.stderr)
        head, *rows = shown.stdout.splitlines()
        self.assertEqual(head.split(), ["ID", "VERSION", "STATE", "ACTORS", "FILE", "REASON"])
        self.assertEqual([row.split() for row in rows],
                         [["org.backstage.counter", "1.0.0", "active", "1", "counter.so", "-"],
                          ["org.backstage.echo", "1.0.0", "active", "1", "echo.so", "-"]])
        self.assertEqual({row.index("active") for row in rows}, {head.index("STATE")})
        self.assertNotIn("\x1b", shown.stdout)
        told = json.loads(self.ask("plugin", "ls", "-o", "json").stdout)
        self.assertEqual([one["id"] for one in told["plugins"]],
                         ["org.backstage.counter", "org.backstage.echo"])

    def test_info_knows_a_plugin_by_id_and_by_file(self):
        for name in ("org.backstage.counter", "counter.so"):
            with self.subTest(name):
                shown = self.ask("plugin", "info", name).stdout
                self.assertRegex(shown, r"(?m)^types +counter$")
                self.assertRegex(shown, r"(?m)^sha256 +[0-9a-f]{64}$")
        told = json.loads(self.ask("-o", "json", "plugin", "info", "echo.so").stdout)
        self.assertEqual([one["types"] for one in told["plugins"]], [["echo"]])

    def test_a_plugin_that_is_not_there_is_named_with_one_that_is_near(self):
        shown = self.ask("plugin", "info", "org.backstage.countr")
        self.assertEqual(shown.returncode, NOT_FOUND)
        self.assertIn("CTL-401", shown.stderr)
        self.assertIn("did you mean org.backstage.counter?", shown.stderr)
        told = self.ask("plugin", "info", "nosuch", "-o", "json")
        self.assertEqual(told.returncode, NOT_FOUND)
        self.assertEqual(json.loads(told.stdout)["error"]["code"], "CTL-401")

    def test_actors_and_stats_show_what_the_daemon_counts(self):
        rows = [row.split() for row in self.ask("actors").stdout.splitlines()]
        self.assertEqual(rows[0][:3], ["NAME", "TYPE", "PHASE"])
        self.assertIn(["counter", "counter", "running"], [row[:3] for row in rows])
        stats = dict(row.split() for row in self.ask("stats").stdout.splitlines())
        told = json.loads(self.ask("stats", "-o", "json").stdout)
        self.assertEqual(stats["epoch"], str(told["epoch"]))
        self.assertIn("ledger.accepted", stats)

    def test_the_endpoint_comes_from_option_environment_or_runtime_directory(self):
        endpoint = self.daemon.endpoint("cmd")
        for environment in ({"BACKSTAGED_ENDPOINT": endpoint},
                            {"RUNTIME_DIRECTORY": str(self.daemon.runtime_dir)}):
            with self.subTest(environment):
                self.assertEqual(ctl("plugin", "ls", environment=environment).returncode, OK)
        wrong = {"BACKSTAGED_ENDPOINT": "tcp://127.0.0.1:1"}
        self.assertEqual(self.ask("plugin", "ls", environment=wrong).returncode, OK)


class MistakesTest(unittest.TestCase):
    def test_each_mistyped_word_is_named_with_what_may_have_been_meant(self):
        rows = [
            (["plugn", "ls"], "no command \"plugn\"", "did you mean plugin?"),
            (["actor"], "no command \"actor\"", "did you mean actors?"),
            (["plugin", "instal"], "no command \"plugin instal\"", ""),
            (["plugin", "upgrad", "x"], "no command \"plugin upgrad\"", "did you mean upgrade?"),
            ([], "a command is missing", "plugin ls"),
            (["plugin"], "plugin needs a command", ""),
            (["plugin", "new"], "needs a name", "plugin new greeter"),
            (["plugin", "new", "a", "b"], "\"b\" is one argument too many", ""),
            (["plugin", "new", "a", "--lang", "rst"], "no template in \"rst\"", "mean rust?"),
            (["plugin", "check"], "needs a file", "build/NAME.so"),
            (["plugin", "rm"], "needs the id", "plugin ls"),
            (["plugin", "ls", "--jsn"], "no option --jsn", ""),
            (["plugin", "ls", "--timout=3"], "no option --timout", "did you mean --timeout?"),
            (["stats", "--timeout", "soon"], "--timeout is a time", "--timeout 250ms"),
            (["stats", "--timeout", "0"], "from 1ms to a day", ""),
            (["stats", "-o", "jsn"], "no output format", "did you mean json?"),
            (["stats", "--endpoint"], "--endpoint", ""),
        ]
        for words, what, following in rows:
            with self.subTest(words):
                shown = ctl(*words)
                self.assertEqual((shown.returncode, shown.stdout), (USAGE, ""), shown.stderr)
                self.assertIn("backstagectl: error[CTL-101]: ", shown.stderr)
                self.assertIn(what, shown.stderr)
                self.assertIn(following, shown.stderr)

    def test_help_and_version_are_no_mistakes(self):
        for words in (["--help"], ["-h"], ["plugin", "--help"], ["plugin", "new", "-h"]):
            with self.subTest(words):
                shown = ctl(*words)
                self.assertEqual((shown.returncode, shown.stderr), (OK, ""))
                self.assertIn("plugin upgrade ID [--file FILE]", shown.stdout)
        self.assertRegex(ctl("--version").stdout, r"^backstagectl \d+\.\d+\.\d+\n$")

    def test_a_daemon_that_is_not_there_is_no_riddle(self):
        with tempfile.TemporaryDirectory() as folder:
            endpoint = f"ipc://{folder}/cmd.sock"
            shown = ctl("stats", "--endpoint", endpoint)
        self.assertEqual(shown.returncode, UNAVAILABLE)
        self.assertIn(f"nobody listens at {endpoint}", shown.stderr)
        self.assertIn("start backstaged", shown.stderr)

    def test_an_endpoint_that_is_none_is_a_mistake_of_usage(self):
        shown = ctl("stats", "--endpoint", "carrier-pigeon://coop")
        self.assertEqual(shown.returncode, USAGE)
        self.assertIn("CTL-302", shown.stderr)
        self.assertIn("tcp://127.0.0.1:7770", shown.stderr)


class ChangesTest(unittest.TestCase):
    """What backstagectl does with each course that a change of a plugin can take."""

    ID = "org.backstage.counter"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name) / "plugins"
        self.dir.mkdir(mode=0o755)
        self.new = Path(folder.name) / "new" / "anything.so"
        self.new.parent.mkdir()
        shutil.copy(PLUGINS / "counter.so", self.new)
        self.states = ["upgrading", "active"]
        self.refusal = {}

    def row(self, file, version, sha256, state, actors=3):
        return {"file": str(self.dir / file), "id": self.ID, "version": version, "sha256": sha256,
                "types": ["counter"], "state": state, "actors": actors, "code": "", "reason": "",
                "fix": ""}

    def answer(self, question):
        """A daemon whose counter.so is old; a file that appears goes through `self.states`."""
        if question["op"] != "plugins":
            return {"ok": True}
        rows = [self.row("counter.so", "0.9.0", "0" * 64, "active")]
        dropped = [name for name in os.listdir(self.dir) if not name.startswith(".")]
        if dropped:
            self.assertEqual(dropped, ["counter.so"])
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            rows.append({**self.row("counter.so", "1.0.0", self.sha256(), state), **self.refusal})
        return {"plugins": rows, "dir": str(self.dir)}

    def sha256(self):
        told = ctl("plugin", "check", self.new, "-o", "json")
        return json.loads(told.stdout)[0]["sha256"]

    def change(self, *words, answer=None):
        with AdminDoor(answer or self.answer) as door:
            done = ctl("plugin", *words, "--endpoint", door.endpoint)
        return done, door.asked

    def test_upgrade_puts_the_file_in_the_old_ones_place_and_waits_until_it_serves(self):
        done, asked = self.change("upgrade", self.ID, "--file", self.new)
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertEqual(done.stdout, f"{self.ID} 1.0.0 is active, 3 actors\n")
        self.assertEqual(os.listdir(self.dir), ["counter.so"])
        self.assertEqual((self.dir / "counter.so").read_bytes(), self.new.read_bytes())
        self.assertEqual((self.dir / "counter.so").stat().st_mode & 0o777, 0o755)
        self.assertEqual({question["op"] for question in asked}, {"plugins"})

    def test_upgrade_that_the_daemon_refuses_says_why_and_what_to_do(self):
        self.states = ["upgrading", "rejected"]
        self.refusal = {"code": "INIT_FAILED", "reason": "no licence", "fix": "buy one"}
        done, _ = self.change("upgrade", self.ID, "--file", self.new)
        self.assertEqual((done.returncode, done.stdout), (REFUSED, ""))
        self.assertIn("CTL-402", done.stderr)
        self.assertIn("why: INIT_FAILED: no licence\n  next: buy one\n", done.stderr)

    def test_upgrade_that_takes_too_long_says_where_to_look(self):
        self.states = ["upgrading"]
        done, _ = self.change("upgrade", self.ID, "--file", self.new, "--timeout", "1")
        self.assertEqual(done.returncode, TRY_AGAIN)
        self.assertIn("CTL-403", done.stderr)
        self.assertIn(f"plugin info {self.ID}", done.stderr)

    def test_upgrade_never_drops_what_the_gate_would_refuse(self):
        self.new.write_bytes(self.new.read_bytes()[:1000])
        done, asked = self.change("upgrade", self.ID, "--file", self.new)
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn("ELF_TRUNCATED", done.stderr)
        self.assertEqual((os.listdir(self.dir), asked), ([], []))

    def test_upgrade_refuses_the_file_of_another_plugin_and_a_file_that_is_none(self):
        done, _ = self.change("upgrade", "org.backstage.echo", "--file", self.new)
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn(f"the file is the plugin {self.ID}, not org.backstage.echo", done.stderr)
        done, _ = self.change("upgrade", self.ID, "--file", self.new.parent / "none.so")
        self.assertEqual(done.returncode, NOT_FOUND)
        self.assertIn("CTL-204", done.stderr)
        self.assertEqual(os.listdir(self.dir), [])

    def test_upgrade_into_a_directory_that_is_gone_leaves_nothing_behind(self):
        gone = str(self.dir / "gone")
        done, _ = self.change("upgrade", self.ID, "--file", self.new,
                              answer=lambda question: {"plugins": [], "dir": gone})
        self.assertEqual(done.returncode, CANNOT_WRITE)
        self.assertIn("CTL-205", done.stderr)
        self.assertEqual(os.listdir(self.dir), [])

    def test_a_daemon_that_does_not_tell_its_directory_is_said_so(self):
        done, _ = self.change("upgrade", self.ID, "--file", self.new,
                              answer=lambda question: {"plugins": []})
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn("CTL-404", done.stderr)

    def test_upgrade_on_probation_is_done_and_says_so(self):
        self.states = ["inited", "upgrading", "probation"]
        done, _ = self.change("upgrade", self.ID, "--file", self.new)
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertIn("1.0.0 is active, on probation", done.stdout)

    def test_another_look_at_a_file_is_asked_for_by_id_or_file(self):
        for verb, op in (("upgrade", "plugin_upgrade"), ("retry", "plugin_retry")):
            for name in (self.ID, "counter.so"):
                with self.subTest(verb, name=name):
                    done, asked = self.change(verb, name)
                    self.assertEqual((done.returncode, done.stderr), (OK, ""))
                    self.assertIn(f"plugin info {name} shows the outcome", done.stdout)
                    self.assertEqual(asked, [{"op": "plugins"}, {"op": op, "id": name}])

    def test_rollback_waits_until_the_version_before_serves(self):
        lives = [("probation", "draining"), ("probation", "draining"), ("rejected", "upgrading"),
                 ("rejected", "active")]

        def answer(question):
            if question["op"] != "plugins":
                return {"ok": True}
            new, old = lives.pop(0) if len(lives) > 1 else lives[0]
            return {"plugins": [self.row("counter.so", "1.0.0", "1" * 64, new),
                                self.row("counter.so", "0.9.0", "0" * 64, old)],
                    "dir": str(self.dir)}

        done, asked = self.change("rollback", self.ID, answer=answer)
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertEqual(done.stdout, f"{self.ID} 0.9.0 is active, 3 actors\n")
        self.assertIn({"op": "plugin_rollback", "id": self.ID}, asked)

    def test_a_refused_request_ends_in_the_daemons_words(self):
        rows = [("404 no_actor", NOT_FOUND), ("400 bad_arg", REFUSED), ("503 stopping", TRY_AGAIN),
                ("403 forbidden", 77)]
        for verb, op in (("rollback", "plugin_rollback"), ("retry", "plugin_retry"),
                         ("rm", "plugin_remove")):
            for error, code in rows:
                with self.subTest(verb, error=error):
                    done, _ = self.change(verb, self.ID, answer=lambda question, e=error: (
                        self.answer(question) if question["op"] == "plugins"
                        else (e, "the version before is not kept")))
                    self.assertEqual(done.returncode, code)
                    self.assertIn(f"refused op {op}: {error}", done.stderr)
                    self.assertIn("why: the version before is not kept", done.stderr)

    def test_a_change_of_what_is_not_there_is_never_asked_for(self):
        for verb in ("upgrade", "rollback", "retry", "rm"):
            with self.subTest(verb):
                done, asked = self.change(verb, "org.backstage.countr")
                self.assertEqual(done.returncode, NOT_FOUND)
                self.assertIn(f"did you mean {self.ID}?", done.stderr)
                self.assertEqual(asked, [{"op": "plugins"}])

    def test_rm_of_a_file_that_is_no_plugin_leaves_it_to_the_person(self):
        row = {**self.row("junk.so", "", "", "rejected"), "id": "", "code": "NOT_ELF"}
        done, asked = self.change("rm", "junk.so", answer=lambda question: {"plugins": [row]})
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn("CTL-406", done.stderr)
        self.assertEqual(asked, [{"op": "plugins"}])

    def test_rm_waits_until_no_actor_is_left(self):
        lives = [(3, "active"), (3, "draining"), (1, "draining"), (0, "retired")]

        def answer(question):
            if question["op"] != "plugins":
                return {"ok": True}
            actors, state = lives.pop(0) if len(lives) > 1 else lives[0]
            return {"plugins": [self.row("counter.so", "1.0.0", "0" * 64, state, actors)],
                    "dir": str(self.dir)}

        done, asked = self.change("rm", "counter.so", answer=answer)
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertEqual(done.stdout, f"{self.ID}: removed, no actor is left\n")
        self.assertEqual([q for q in asked if q["op"] != "plugins"],
                         [{"op": "plugin_remove", "id": self.ID}])
        self.assertEqual(len(lives), 1)

    def test_rm_of_a_plugin_whose_actors_go_on_says_so_after_its_time(self):
        def answer(question):
            if question["op"] != "plugins":
                return {"ok": True}
            return {"plugins": [self.row("counter.so", "1.0.0", "0" * 64, "draining", 2),
                                self.row("counter.so", "1.1.0", "1" * 64, "rejected", 0)]}

        done, _ = self.change("rm", self.ID, "--timeout", "1", answer=answer)
        self.assertEqual((done.returncode, done.stdout), (TRY_AGAIN, ""))
        self.assertIn("its file is removed, 2 actors of it still live", done.stderr)
        self.assertIn("next: stop them by name, or leave them", done.stderr)

    def test_no_byte_of_an_answer_reaches_the_terminal_as_a_command(self):
        row = self.row("counter.so", "1.0.0", "0" * 64, "rejected")
        row["reason"] = "\x1b[2Jgone\u202e"
        done, _ = self.change("ls", answer=lambda question: {"plugins": [row]})
        self.assertEqual(done.returncode, OK)
        self.assertIn(r"\x1b[2Jgone", done.stdout)
        self.assertNotIn("\x1b", done.stdout)

    def test_answers_that_make_no_sense_are_refused_or_shown_empty(self):
        for answer in ({}, {"plugins": 5}, {"plugins": [1, None, {"id": 7}]}):
            with self.subTest(answer):
                done, _ = self.change("ls", answer=lambda question, a=answer: a)
                self.assertEqual(done.returncode, OK, done.stderr)
        done, _ = self.change("ls", answer=lambda question: [1])
        self.assertEqual(done.returncode, 70)
        self.assertIn("CTL-304", done.stderr)


if __name__ == "__main__":
    unittest.main()
