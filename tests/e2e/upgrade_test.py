"""Plugins come, change and go while the daemon runs: each way to drop a file, and each bad one."""
import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from client import Admin, Clients
from daemon import BIN, TEST_PLUGINS, Daemon, Deadline, plugin_dir

HEIRS = TEST_PLUGINS / "bad"
LIVE_SECONDS = 20


class UpgradeCase(unittest.TestCase):
    """A daemon with echo, and heir 1.0.0 of which one actor has counted to 5."""

    settings = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="backstaged-")
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.folder = plugin_dir(self.home / "plugins", ["echo"])
        self.file = self.folder / "heir.so"
        shutil.copy(HEIRS / "heir_1.so", self.file)
        self.daemon = self.enterContext(Daemon(
            config={"actors": {"echo": "echo", "a": "heir"}}, folder=self.home,
            settings={"/plugins/settle": "20ms", "/plugins/rescan": "200ms", **self.settings},
            plugins=self.folder))
        self.clients = self.enterContext(Clients(self.daemon))
        self.admin = Admin(self.clients.dealer())
        self.dealer = self.clients.dealer()
        self.number = 0
        self.assertEqual(self.ask("a", b"5"), b"1.0.0 5")

    def tearDown(self):
        self.assertEqual(self.ask("echo", b"here"), b"here")
        self.assertEqual(self.daemon.stop(), 0, self.daemon.log())
        self.daemon.assert_ledger_balances()

    def ask(self, actor, body=b"0"):
        self.number += 1
        answer = self.dealer.ask(f"REQ {actor} id={self.number}", body, seconds=LIVE_SECONDS)
        return answer[1] if len(answer) > 1 else answer[0]

    def plugins(self):
        return self.admin.ask("plugins")["plugins"]

    def wait_for(self, what, is_there):
        """Asks the daemon until it is so: each question is a turn of its own, none sleeps."""
        deadline = Deadline(LIVE_SECONDS)
        while True:
            plugins = self.plugins()
            if is_there(plugins):
                return plugins
            self.assertFalse(deadline.is_over(), f"{what}: {json.dumps(plugins, indent=1)}\n"
                             f"{self.daemon.log()}")

    def wait_for_version(self, version, *states):
        states = states or ("probation", "active")
        self.wait_for(f"{version} {states}", lambda plugins: any(
            p["id"] == "test.heir" and p["version"] == version and p["state"] in states
            for p in plugins))

    def wait_for_refusal(self, name, code):
        plugins = self.wait_for(f"{name} refused as {code}", lambda plugins: any(
            Path(p["file"]).name == name and p["code"] == code for p in plugins))
        refused = [p for p in plugins if Path(p["file"]).name == name and p["code"] == code]
        for text in ("reason", "fix"):
            self.assertGreater(len(refused[-1][text]), 3, refused)

    def put(self, source, name="heir.so"):
        part = self.folder / f".{name}.part"
        shutil.copy(source, part)
        part.rename(self.folder / name)

    def assert_second(self):
        self.wait_for_version("2.0.0")
        self.assertEqual(self.ask("a"), b"2.0.0 5")


class DropTest(UpgradeCase):
    """However a new version gets there, it runs in the end, with the state of the old one."""

    def test_mv(self):
        self.put(HEIRS / "heir_2.so")
        self.assert_second()

    def test_a_slow_cp_that_pauses_half_way(self):
        whole = (HEIRS / "heir_2.so").read_bytes()
        with open(self.file, "wb", buffering=0) as file:
            file.write(whole[:4000])
            self.wait_for_refusal("heir.so", "ELF_TRUNCATED")
            self.assertEqual(self.ask("a"), b"1.0.0 5")
            file.write(whole[4000:])
        self.assert_second()

    def test_a_cp_that_was_killed_and_made_again(self):
        self.file.write_bytes((HEIRS / "heir_2.so").read_bytes()[:5000])
        self.wait_for_refusal("heir.so", "ELF_TRUNCATED")
        self.assertEqual(self.ask("a"), b"1.0.0 5")
        shutil.copy(HEIRS / "heir_2.so", self.file)
        self.assert_second()

    def test_overwriting_it_in_place(self):
        shutil.copy(HEIRS / "heir_2.so", self.file)
        self.assert_second()

    def test_as_rsync_does_it(self):
        part = self.folder / ".heir.so.Xa19f2"
        part.write_bytes((HEIRS / "heir_2.so").read_bytes())
        part.chmod(0o755)
        os.utime(part, (1_000_000_000, 1_000_000_000))
        part.rename(self.file)
        self.assert_second()

    def test_ln_sf(self):
        elsewhere = self.home / "elsewhere.so"
        shutil.copy(HEIRS / "heir_2.so", elsewhere)
        self.file.unlink()
        self.file.symlink_to(elsewhere)
        self.assert_second()

    def test_rm_and_cp(self):
        self.file.unlink()
        shutil.copy(HEIRS / "heir_2.so", self.file)
        self.assert_second()

    def test_under_another_name_as_a_higher_version(self):
        self.put(HEIRS / "heir_2.so", "heir-2.so")
        self.assert_second()

    def test_touching_it_changes_nothing(self):
        os.utime(self.file)
        self.put(HEIRS / "heir_2.so", "later.so")
        self.assert_second()
        self.assertEqual([p["generation"] for p in self.plugins() if p["id"] == "test.heir"],
                         [2, 3] if self.plugins()[0]["id"] == "org.backstage.echo" else [1, 2])

    def test_a_file_that_keeps_changing_is_shown_as_settling(self):
        with open(self.folder / "growing.so", "wb", buffering=0) as file:
            file.write(b"no ELF file " * 16)
            deadline = Deadline(LIVE_SECONDS)
            while not any(p["state"] == "settling" and p["file"].endswith("/growing.so")
                          for p in self.plugins()):
                self.assertFalse(deadline.is_over(), self.plugins())
                file.write(b"however long it grows ")
        self.wait_for_refusal("growing.so", "NOT_ELF")

    def test_a_new_plugin_beside_it(self):
        shutil.copy(HEIRS / "second.so", self.folder)
        self.wait_for("second", lambda plugins: any(
            p["id"] == "test.second" and p["state"] == "active" for p in plugins))
        self.assertEqual(self.admin.spawn("second", "s"), {"name": "s", "existing": False})

    def test_removing_it_lets_its_actors_go_on_and_refuses_new_ones(self):
        self.file.unlink()
        self.wait_for_version("1.0.0", "draining")
        self.assertEqual(self.ask("a", b"1"), b"1.0.0 6")
        self.assertIn(b"no_type", self.admin.ask_raw(
            json.dumps({"op": "spawn", "type": "heir", "name": "b"}))[0])
        self.admin.ask("stop", name="a")
        self.wait_for_version("1.0.0", "retired", "unmapped")


class BadFilesTest(UpgradeCase):
    """No file takes the daemon down, or anything from the others."""

    def test_forty_truncations_are_refused_by_name(self):
        whole = (HEIRS / "second.so").read_bytes()
        names = []
        for i in range(40):
            names.append(f"cut{i:02}.so")
            (self.folder / names[-1]).write_bytes(whole[:len(whole) * i // 40])
        plugins = self.wait_for("forty refusals", lambda plugins: {
            Path(p["file"]).name for p in plugins if p["state"] == "rejected"} >= set(names))
        for plugin in plugins:
            if Path(plugin["file"]).name in names:
                self.assertGreater(len(plugin["fix"]), 3, plugin)
        self.assertEqual(self.ask("a"), b"1.0.0 5")

    def test_two_hundred_smashed_headers_do_no_harm(self):
        whole = (HEIRS / "second.so").read_bytes()
        dice = random.Random(20)
        names = set()
        for i in range(200):
            smashed = bytearray(whole)
            for _ in range(dice.randint(1, 8)):
                smashed[dice.randrange(1024)] = dice.randrange(256)
            name = f"smashed{i:03}.so"
            names.add(name)
            (self.folder / name).write_bytes(smashed)
        plugins = self.wait_for("two hundred judged", lambda plugins: {
            Path(p["file"]).name for p in plugins} >= names)
        for plugin in plugins:
            if plugin["state"] == "rejected":
                self.assertTrue(plugin["code"] and plugin["reason"] and plugin["fix"], plugin)
        self.assertEqual(self.ask("a"), b"1.0.0 5")

    def test_a_version_that_dies_in_its_constructor_dies_elsewhere(self):
        self.put(HEIRS / "hostile_crash.so", "dies.so")
        self.wait_for_refusal("dies.so", "TRIAL_CRASHED")


class AskedForTest(UpgradeCase):
    """What operators ask of a plugin at the admin door."""

    def test_rollback_on_probation_keeps_the_state(self):
        self.put(HEIRS / "heir_2.so")
        self.assert_second()
        self.assertEqual(self.ask("a", b"2"), b"2.0.0 7")
        self.assertTrue(self.admin.ask("plugin_rollback", id="test.heir")["ok"])
        self.wait_for_version("1.0.0", "active")
        self.assertEqual(self.ask("a"), b"1.0.0 7")
        self.wait_for_refusal("heir.so", "ROLLED_BACK")

    def test_a_version_that_fails_its_actors_is_rolled_back_and_named_in_the_log(self):
        self.put(HEIRS / "heir_2_fails.so")
        self.wait_for_version("2.0.0", "probation")
        for _ in range(3):
            self.assertIn(b"this version is bad", self.ask("a", b"1"))
        self.wait_for_version("1.0.0", "active")
        self.wait_for_refusal("heir.so", "ROLLED_BACK")
        self.assertIn("plugin rolled back", self.daemon.log())

    def test_retry_gives_a_refused_file_another_chance(self):
        self.put(HEIRS / "heir_2_init_fails.so")
        self.wait_for_refusal("heir.so", "INIT_FAILED")
        refusals = self.daemon.log().count("INIT_FAILED")
        self.assertTrue(self.admin.ask("plugin_retry", id="heir.so")["ok"])
        self.wait_for("a second refusal",
                      lambda _: self.daemon.log().count("INIT_FAILED") > refusals)

    def test_remove_deletes_the_file_and_drains(self):
        self.assertTrue(self.admin.ask("plugin_remove", id="test.heir")["ok"])
        self.wait_for_version("1.0.0", "draining")
        self.assertFalse(self.file.exists())

    def test_what_cannot_be_done_is_said_at_once(self):
        for op, which, why in (("plugin_rollback", "test.heir", b"not kept"),
                               ("plugin_retry", "nobody", b"no plugin"),
                               ("plugin_remove", "nobody", b"no plugin")):
            answer = self.admin.ask_raw(json.dumps({"op": op, "id": which}))
            self.assertTrue(answer[0].startswith(b"ERR "), answer)
            self.assertIn(why, answer[1])
        answer = self.admin.ask_raw(json.dumps({"op": "plugin_retry"}))
        self.assertIn(b"bad_arg", answer[0])

    def test_each_change_is_published(self):
        self.dealer.send("SUB $sys/plugin.test.heir id=900 snap=1")
        self.put(HEIRS / "heir_2.so")
        told = self.dealer.take_until(
            lambda frames: len(frames) > 1 and b'"state":"probation"' in frames[1], LIVE_SECONDS)
        states = [json.loads(frames[1])["state"] for frames in told if len(frames) > 1]
        self.assertIn("upgrading", states)


class BackstagectlTest(UpgradeCase):
    """The same by hand: backstagectl waits for what comes of it, and says so."""

    settings = {"/plugins/probation": "300ms"}

    def ctl(self, *words):
        return subprocess.run([BIN.parent / "backstagectl", "plugin", *words, "--endpoint",
                               self.daemon.endpoint("cmd")], capture_output=True, text=True,
                              timeout=4 * LIVE_SECONDS, check=False)

    def test_upgrade_and_ls_and_info_and_rm(self):
        done = self.ctl("upgrade", "test.heir", "--file", HEIRS / "heir_2.so")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("test.heir 2.0.0", done.stdout)
        self.assertEqual(self.ask("a"), b"2.0.0 5")
        self.assertRegex(self.ctl("ls").stdout, r"test\.heir +2\.0\.0 +(probation|active)")
        self.assertIn("2.0.0", self.ctl("info", "test.heir").stdout)
        self.admin.ask("stop", name="a")
        self.wait_for_version("2.0.0", "active")
        self.wait_for_version("1.0.0", "unmapped")
        done = self.ctl("rm", "test.heir")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertFalse(self.file.exists())

    def test_an_upgrade_that_is_refused_says_why(self):
        done = self.ctl("upgrade", "test.heir", "--file", HEIRS / "heir_2_late.so")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("INCOMPATIBLE", done.stdout + done.stderr)
        self.assertEqual(self.ask("a"), b"1.0.0 5")


class ProbationTest(UpgradeCase):
    settings = {"/plugins/probation": "300ms"}

    def test_a_good_version_is_established_and_the_old_one_unmapped(self):
        self.put(HEIRS / "heir_2.so")
        self.wait_for_version("2.0.0", "active")
        self.wait_for_version("1.0.0", "unmapped")
        self.assertEqual(self.ask("a"), b"2.0.0 5")


if __name__ == "__main__":
    unittest.main()
