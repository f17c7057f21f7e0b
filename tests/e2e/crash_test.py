"""Plugins that crash the daemon: the culprit is named in the log and in the record, in every phase;
who does it too often is kept out at the next start while the others are served."""
import hashlib
import re
import signal
import unittest

from client import Admin, Clients
from daemon import SANITIZED, SLOW, Daemon, plugin_dir

ACTORS = {"bomb": "crasher", "e": "echo"}
CONFIG = {"actors": ACTORS, "workers": 2}
PLUGINS = ["crasher", "echo"]
STACK = r"^crasher::writes_through_null\+0x[0-9a-f]+ "


def crashes(daemon):
    return [line for line in daemon.log_lines() if line["msg"].startswith("crash: ")]


def record(daemon):
    path = daemon.runtime_dir / "crashes"
    return [line.split("\t") for line in path.read_text().splitlines() if line]


def sha256(daemon, name="crasher"):
    return hashlib.sha256((daemon.folder / "plugins" / f"{name}.so").read_bytes()).hexdigest()


class CrashCase(unittest.TestCase):
    def ended_by(self, daemon, number):
        """It ended by that signal, as if nobody had looked. A sanitizer ends it in its own way."""
        code = daemon.wait(60 * SLOW)
        if not SANITIZED:
            self.assertEqual(code, -number, daemon.log())

    def told(self, daemon):
        told = crashes(daemon)
        self.assertEqual(len(told), 1, daemon.log())
        return told[0]

    def crash(self, daemon, how, kind="SEND"):
        with Clients(daemon) as clients:
            clients.dealer().send(f"{kind} bomb id=1 type={how}")
            return daemon.wait(60 * SLOW)


class CulpritTest(CrashCase):
    def blames(self, how, number, pattern, cause, kind="SEND", thread=r"worker-\d+"):
        with Daemon(config=CONFIG, plugins=PLUGINS) as daemon:
            self.crash(daemon, how, kind)
            self.ended_by(daemon, number)
            told = self.told(daemon)
            name = signal.Signals(number).name
            self.assertEqual(
                {key: told.get(key) for key in ("level", "plugin", "version", "sha256", "actor",
                                                "type", "phase", "kind", "message", "signal",
                                                "cause")},
                {"level": "error", "plugin": "test.crasher", "version": "1.2.3",
                 "sha256": sha256(daemon), "actor": "bomb", "type": "crasher", "phase": "receive",
                 "kind": {"SEND": "send", "REQ": "request"}[kind], "message": how, "signal": name,
                 "cause": cause})
            self.assertTrue(told["file"].endswith("/plugins/crasher.so"), told)
            self.assertRegex(told["thread"], thread)
            self.assertRegex(told["stack"], pattern)
            # The same in the record, for the next start.
            entry = record(daemon)
            self.assertEqual(len(entry), 1)
            self.assertEqual(entry[0][2:13:2][:3], [sha256(daemon), "1.2.3", cause])
            return told

    def test_a_null_pointer_in_receive(self):
        told = self.blames("null", signal.SIGSEGV, STACK, "address not mapped")
        self.assertEqual(told["address"], "0x0")
        self.assertEqual(told["msg"], "crash: SIGSEGV in plugin code")

    def test_an_abort_at_a_request(self):
        self.blames("abort", signal.SIGABRT, r" < crasher::aborts\+0x", "abort", kind="REQ")

    def test_a_division_by_zero(self):
        self.blames("divide", signal.SIGFPE, r"^crasher::divides_by_zero\+0x",
                    "integer division by zero")

    def test_an_illegal_instruction(self):
        self.blames("illegal", signal.SIGILL, r"^crasher::runs_illegal_code\+0x",
                    "illegal instruction")

    def test_memory_behind_the_end_of_a_file(self):
        self.blames("bus", signal.SIGBUS, r"^crasher::reads_behind_the_end\+0x",
                    "no memory behind the address")

    def test_a_stack_overflow_is_called_so(self):
        told = self.blames("overflow", signal.SIGSEGV,
                           r"^crasher::overflows_the_stack\+0x\S+ \S+ \(\d+ times\)",
                           "stack overflow")
        self.assertEqual(told["msg"], "crash: SIGSEGV (stack overflow) in plugin code")

    def test_a_call_to_nowhere_tells_who_called(self):
        self.blames("nowhere", signal.SIGSEGV, r"^0x0 < crasher::calls_nowhere\+0x",
                    "address not mapped")

    def test_an_exception_that_meets_a_noexcept(self):
        # The C++ runtime has left the function that threw by then.
        self.blames("throw", signal.SIGABRT, r" < crash\+0x", "abort")

    def test_damaged_memory_costs_what_cannot_be_read_and_no_more(self):
        for how, pattern in (("scribble", STACK), ("smash", r"^crasher::smashes_its_way_back\+0x")):
            with self.subTest(how), Daemon(config=CONFIG, plugins=PLUGINS) as daemon:
                self.crash(daemon, how)
                self.ended_by(daemon, signal.SIGSEGV)
                told = self.told(daemon)
                self.assertEqual((told["plugin"], told["actor"], told["phase"], told["kind"]),
                                 ("test.crasher", "bomb", "receive", "send"))
                self.assertEqual(told.get("message"), "smash" if how == "smash" else None)
                self.assertRegex(told["stack"], pattern)

    def test_an_actor_with_a_thread_of_its_own(self):
        pinned = {**CONFIG, "types": {"crasher": {"dispatcher": "pinned"}}}
        with Daemon(config=pinned, plugins=PLUGINS) as daemon:
            self.crash(daemon, "overflow")
            self.ended_by(daemon, signal.SIGSEGV)
            told = self.told(daemon)
            self.assertEqual((told["thread"], told["actor"], told["cause"]),
                             ("bomb", "bomb", "stack overflow"))


class PhaseTest(CrashCase):
    def phase(self, when, phase, config=CONFIG, ends_itself=True, how="null"):
        """Crashes in a phase; what was told of it. Untried: a trial would refuse it before."""
        environment = {} if when is None else {"CRASHER": f"{when}={how}"}
        with Daemon(config=config, plugins=PLUGINS, environment=environment,
                    settings={"/plugins/trial": False}, expect_ready=not ends_itself) as daemon:
            if not ends_itself:
                daemon.signal(signal.SIGTERM)
            self.ended_by(daemon, signal.SIGSEGV)
            told = self.told(daemon)
            self.assertEqual((told["plugin"], told["sha256"], told["phase"]),
                             ("test.crasher", sha256(daemon), phase))
            if how == "null":
                self.assertRegex(told["stack"], STACK)
            self.assertNotIn("kind", told)
            return told

    def test_init(self):
        told = self.phase("init", "init")
        self.assertNotIn("actor", told)
        self.assertRegex(told["stack"], r" < init\+0x")

    def test_a_stack_overflow_on_the_first_thread(self):
        told = self.phase("init", "init", how="overflow")
        self.assertEqual(told["cause"], "stack overflow")

    def test_a_stack_overflow_of_a_plugin_that_is_dropped_later(self):
        with Daemon(config={"actors": {"e": "echo"}}, plugins=["echo"],
                    settings={"/plugins/trial": False, "/plugins/settle": "20ms"},
                    environment={"CRASHER": "init=overflow"}) as daemon:
            plugin = plugin_dir(daemon.folder / "later", ["crasher"]) / "crasher.so"
            plugin.rename(daemon.folder / "plugins" / "crasher.so")
            self.ended_by(daemon, signal.SIGSEGV)
            told = self.told(daemon)
            self.assertEqual((told["thread"], told["phase"], told["cause"]),
                             ("loader", "init", "stack overflow"))

    def test_static_constructors_and_the_entry(self):
        for when in ("map", "entry"):
            self.phase(when, when)

    def test_create_and_destroy_name_the_actor(self):
        for when, ends_itself in (("create", True), ("destroy", False)):
            config = {"actors": {"bomb": {"type": "crasher", "config": f"{when}=null"}}}
            told = self.phase(None, when, config, ends_itself)
            self.assertEqual((told["actor"], told["type"]), ("bomb", "crasher"))
            self.assertRegex(told["stack"], rf" < {when}\+0x")

    def test_quiesce_and_fini(self):
        for when in ("quiesce", "fini"):
            self.phase(when, when, ends_itself=False)


class ThreadTest(CrashCase):
    def test_a_thread_the_plugin_started_is_told_by_its_code(self):
        for how, number, pattern in (("thread", signal.SIGSEGV, STACK),
                                     ("thread_throw", signal.SIGABRT, r" < crasher::throws\+0x")):
            with self.subTest(how), Daemon(config=CONFIG, plugins=PLUGINS) as daemon:
                self.crash(daemon, how)
                self.ended_by(daemon, number)
                told = self.told(daemon)
                self.assertEqual((told["plugin"], told["sha256"], told["phase"]),
                                 ("test.crasher", sha256(daemon), "thread"))
                self.assertIn("in a thread that a plugin started", told["msg"])
                self.assertNotIn("actor", told)
                self.assertRegex(told["stack"], pattern)


class NobodyTest(CrashCase):
    def test_the_daemons_own_crash_is_blamed_on_nobody(self):
        # The gateway's thread blocks what is not a fault; a directed signal is not one.
        with Daemon(config=CONFIG, plugins=PLUGINS) as daemon:
            daemon.signal(signal.SIGSEGV)
            self.ended_by(daemon, signal.SIGSEGV)
            told = self.told(daemon)
            self.assertEqual(told["msg"], "crash: SIGSEGV sent by another process")
            self.assertNotIn("plugin", told)
            self.assertGreater(told["sender_pid"], 0)
            self.assertEqual(record(daemon), [])

    def test_a_log_in_text_has_the_same_words(self):
        settings = {"/log/format": "text"}
        with Daemon(config=CONFIG, plugins=PLUGINS, settings=settings) as daemon:
            self.crash(daemon, "null")
            line = [line for line in daemon.log().splitlines() if " crash: " in line]
            self.assertEqual(len(line), 1, daemon.log())
            self.assertRegex(line[0], r'^\d\d:\d\d:\d\d\.\d{3} ERROR crash: SIGSEGV in plugin code '
                                      r'plugin=test\.crasher version=1\.2\.3 sha256=[0-9a-f]{64} .*'
                                      r'actor=bomb type=crasher phase=receive kind=send '
                                      r'message=null signal=SIGSEGV cause="address not mapped" .*'
                                      r'stack="crasher::writes_through_null')


class QuarantineTest(CrashCase):
    def plugins(self, daemon):
        with Clients(daemon) as clients:
            listed = Admin(clients.dealer()).ask(op="plugins")["plugins"]
        return {plugin["file"].split("/")[-1]: plugin for plugin in listed}

    def crash_thrice(self, daemon):
        for times in range(3):
            self.assertEqual(self.plugins(daemon)["crasher.so"]["state"], "active", times)
            self.crash(daemon, "null")
            daemon.restart()

    def test_three_crashes_keep_the_plugin_out_and_the_others_are_served(self):
        with Daemon(config=CONFIG, plugins=PLUGINS) as daemon:
            self.crash_thrice(daemon)
            crasher = self.plugins(daemon)["crasher.so"]
            self.assertEqual((crasher["state"], crasher["code"]), ("rejected", "QUARANTINED"))
            self.assertRegex(crasher["reason"],
                             r"crashed the daemon 3 times, 3 of them within 10 min, the last at "
                             r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: SIGSEGV \(address not mapped\) in "
                             r"receive of actor bomb, type crasher, at a send of type null, in "
                             r"crasher::writes_through_null\+0x")
            self.assertRegex(crasher["fix"], r"replace the file .*"
                                             r"backstagectl plugin retry test\.crasher")
            with Clients(daemon) as clients:
                self.assertEqual(clients.dealer().ask("REQ e id=1", b"hello"), [b"REP 1", b"hello"])
            self.assertEqual(daemon.stop(), 0)
            daemon.assert_ledger_balances()
            # Not a matter of time: it stays out.
            daemon.restart()
            self.assertEqual(self.plugins(daemon)["crasher.so"]["code"], "QUARANTINED")

    def test_another_file_has_a_clean_record(self):
        with Daemon(config=CONFIG, plugins=PLUGINS) as daemon:
            self.crash_thrice(daemon)
            daemon.stop()
            path = daemon.folder / "plugins" / "crasher.so"
            # Bytes behind the end of what ELF describes: the same plugin, another hash.
            path.write_bytes(path.read_bytes() + b"mended")
            daemon.restart()
            self.assertEqual(self.plugins(daemon)["crasher.so"]["state"], "active")

    def test_a_forgotten_record_lets_it_in_again(self):
        with Daemon(config=CONFIG, plugins=PLUGINS) as daemon:
            self.crash_thrice(daemon)
            daemon.stop()
            with open(daemon.runtime_dir / "crashes", "a") as crashes_file:
                crashes_file.write(f"forgotten/1\t1\t{sha256(daemon)}\tend\n")
            daemon.restart()
            self.assertEqual(self.plugins(daemon)["crasher.so"]["state"], "active")

    def test_garbage_in_the_record_harms_nobody(self):
        with Daemon(config=CONFIG, plugins=PLUGINS) as daemon:
            daemon.stop()
            (daemon.runtime_dir / "crashes").write_bytes(
                b"\x00\xff garbage\ncrash/1\t12\t" + b"\t" * 40 + b"\ncrash/1\t1\ttorn")
            daemon.restart()
            self.assertIn('"lines":2', daemon.log())
            self.crash_thrice(daemon)
            self.assertEqual(self.plugins(daemon)["crasher.so"]["code"], "QUARANTINED")


class UnitTest(unittest.TestCase):
    def test_the_unit_restarts_more_often_than_it_takes_to_be_kept_out(self):
        from daemon import ROOT
        text = (ROOT / "config" / "backstaged.service").read_text()
        self.assertRegex(text, r"(?m)^Restart=on-failure$")
        burst = int(re.search(r"(?m)^StartLimitBurst=(\d+)$", text).group(1))
        self.assertGreater(burst, 3)
        self.assertRegex(text, r"(?m)^StateDirectory=backstaged$")


if __name__ == "__main__":
    unittest.main()
