"""Section 7: sessions, their names, their ends, what survives a connection, and what does not."""
import os
import signal
import subprocess
import sys
import time

from case import ConformanceCase, wire, world
from peer import SLOW, Deadline, sync

HOLDER = """
import sys, zmq
s = zmq.Context().socket(zmq.DEALER)
s.connect(sys.argv[1])
for line in sys.argv[2:]:
    s.send(line.encode())
    print(s.recv_multipart()[0].decode(), flush=True)
while True:  # Until it is killed, whatever it hears.
    s.recv_multipart()
"""


class SessionCase(ConformanceCase):
    def held_by_a_process(self, clients, *lines):
        """A client in a process of its own, after these lines were answered."""
        process = subprocess.Popen([sys.executable, "-c", HOLDER, clients.endpoints["cmd"], *lines],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(world.end, process)
        return process, [process.stdout.readline().strip() for _ in lines]

    def answer_until(self, dealer, line, wanted, seconds=None):
        """Asks the same again, with new ids, until the answer begins as wanted; the answer."""
        deadline, number = Deadline(seconds), 1000
        while True:
            number += 1
            frames = dealer.ask(line.format(number))
            if frames[0].startswith(wanted):
                return frames
            self.assertFalse(deadline.is_over(), frames)
            time.sleep(0.005)


    def mail_until_it_waits(self, sender, name):
        """Mails until some of it waits for a client whose connection is lost; all payloads sent.

        Before the daemon has seen the end of a connection it hands over what nobody will read.
        """
        sent, deadline = [], Deadline()
        while True:
            sent.append(b"mail %d" % len(sent))
            self.assertEqual(sender.ask(f"SEND {name} id={time.monotonic_ns()}", sent[-1])[0][:2],
                             b"OK")
            told = self.admin(sender, time.monotonic_ns(), op="explain", what=name)
            if told["mailbox"]["messages"]:
                return sent
            self.assertFalse(deadline.is_over(), told)


class RepeatTest(SessionCase):
    def test_a_repeated_id_gets_its_old_answer_and_is_not_done_again(self):
        """7.named-keeps 7.repeat 5.ok; T21 F46"""
        name = self.fresh()
        dealer, reader = self.clients.named(self.fresh()), self.clients.named(name)
        reader.ask(f"SUB {name}.feed/t id=1")
        rows = [(f"SEND {name} id=1", "OK 1"), (f"SEND {name}.gone id=2", "ERR 2 404 no_actor"),
                (f"PUB {name}.feed/t id=3", "OK 3 n=1 full=0")]
        for line, answer in rows:
            self.assertEqual(dealer.ask(line, b"once"), [answer.encode()])
            for _ in range(3):
                self.assertEqual(dealer.ask(line, b"once"), [f"{answer} dup=1".encode()])
        self.assertEqual(len(reader.drain()), 2, "one SEND, one PUB")

    def test_an_id_older_than_the_answers_kept_is_dup_unknown(self):
        """7.dup-unknown 6.dup_unknown"""
        dealer = self.clients.named(self.fresh())
        for first in range(1, 1201, 100):
            for number in range(first, first + 100):
                dealer.send(f"SEND echo id={number}", b"")
            for number in range(first, first + 100):
                self.assertEqual(dealer.take(), [f"OK {number}".encode()])
        self.assertEqual(dealer.ask("SEND echo id=1", b""), [b"ERR 1 409 dup_unknown"])
        self.assertEqual(dealer.ask("SEND echo id=1200", b""), [b"OK 1200 dup=1"])
        self.assertEqual(dealer.ask("SEND echo id=1201", b""), [b"OK 1201"])


class EndTest(SessionCase):
    def test_a_client_gone_without_bye_is_gone_within_two_seconds(self):
        """7.ends 7.name-free; T25 F39"""
        name, topic = self.fresh(), self.fresh()
        process, said = self.held_by_a_process(
            self.clients, f"HELLO v=1 name={name}", f"SUB {topic}/x id=1")
        self.assertTrue(said[0].startswith("WELCOME"), said)
        dealer = self.clients.dealer()
        self.assertEqual(dealer.ask(f"PUB {topic}/x id=1", b"")[0], b"OK 1 n=1 full=0")
        dealer.send(f"REQ {name} id=2 ttl=60000", b"waits")
        # It is taken before what follows is answered, and so before the end of the other.
        self.assert_usable(dealer)
        begin = time.monotonic()
        process.kill()
        self.assertEqual(dealer.take()[0], b"ERR 2 500 actor_failed")
        self.assertLess(time.monotonic() - begin, 2 * SLOW)
        self.assertEqual(dealer.ask(f"SEND {name} id=3", b""), [b"ERR 3 404 no_actor"])
        self.assertEqual(dealer.ask(f"PUB {topic}/x id=4", b"")[0], b"OK 4 n=0 full=0")
        self.clients.named(name)

    def test_a_client_that_said_hb_and_falls_silent_is_asked_and_then_gone(self):
        """4.hello-hb 5.ping; T25 F35"""
        name = self.fresh()
        alive, _ = self.clients.hello("hb=200")
        for _ in range(5):
            alive.take_until(lambda f: f[0] == b"PING")
            alive.send("PING here")
            alive.take_until(lambda f: f[0].endswith(b" here"))
        # Silent from here on.
        said = [f[0] for f in alive.take_until(lambda f: f[0].startswith(b"BYE"))]
        self.assertEqual(said[-1], b"BYE 504 timeout")
        self.assertIn(said[:-1].count(b"PING"), (1, 2, 3))
        process, _ = self.held_by_a_process(self.clients, f"HELLO v=1 name={name} hb=100")
        process.send_signal(signal.SIGSTOP)
        self.answer_until(self.clients.dealer(), f"SEND {name} id={{}}", b"ERR")

    def test_every_session_is_told_of_the_end(self):
        """7.stopping 5.draining 5.bye 6.stopping; T35"""
        daemon, clients = self.own(ipc=True)
        peers = [clients.named(f"n{number}") for number in range(10)]
        for number in range(1, 1001):
            peers[number % 10].send(f"SEND echo id={number}", b"load")
        self.assertEqual(daemon.stop(), 0)
        for peer in peers:
            lines = [f[0] for f in peer.take_until(lambda f: f[0].startswith(b"BYE"))]
            self.assertEqual(lines[-1], b"BYE 503 stopping")
            self.assertTrue(any(line.startswith(b"DRAINING ") for line in lines), lines[-3:])
        self.assertEqual(list(daemon.run.glob("*.sock")), [])

    def test_nothing_survives_a_restart_and_the_epoch_tells(self):
        """7.nothing-survives 4.ping-epoch 9.epoch 6.no_session 8.seq; T24"""
        daemon, clients = self.own(ipc=True)
        sub = clients.sub(b"counter/default|")
        runs = []
        for run in range(2):
            sync(clients.dealer(), sub, f"run{run}")
            dealer, told = clients.hello("name=desk ttl=60")
            self.assertIn(f"epoch={told['epoch']} ", dealer.ask("PING x")[0].decode())
            dealer.send("SEND counter", b"1")
            frames = sub.take_until(lambda f: f[0].startswith(b"counter/default|"))[-1]
            address, seq, epoch, _ = frames[0].decode().split("|")
            self.assertEqual((address, seq, epoch), ("counter/default", "1", told["epoch"]))
            runs.append(told)
            dealer.close()
            if run == 0:
                daemon.kill()
                daemon.start()
                clients.endpoints = daemon.endpoints
        self.assertNotEqual(runs[0]["epoch"], runs[1]["epoch"])
        stale = clients.dealer()
        self.assertEqual(stale.ask(f"HELLO v=1 id=1 resume={runs[0]['session']}"),
                         [b"ERR 1 410 no_session"])


class ResumeTest(SessionCase):
    def test_a_session_outlives_its_connection_for_its_ttl_and_keeps_what_it_had(self):
        """4.hello-resume 4.hello-ttl 7.resume-keeps 7.resume-gap 7.resume-welcome 5.gap; T21"""
        name, feed = self.fresh(), self.fresh()
        first, told = self.clients.hello(f"name={name} ttl=60")
        writer = self.clients.named(feed)
        first.ask(f"SUB {feed}/x id=2")
        for number in range(1, 4):
            writer.ask(f"PUB /x id={number}", str(number))
            self.assertEqual(first.take()[1], b"%d" % number)
        self.assertEqual(first.ask("SEND echo id=5", b"mail"), [b"OK 5"])
        first.close()
        writer.ask("PUB /x id=4", b"4")
        mails = self.mail_until_it_waits(writer, name)
        self.assertEqual(self.clients.dealer().ask(f"HELLO v=1 id=1 name={name}"),
                         [b"ERR 1 409 name_in_use"])
        second = self.clients.dealer()
        welcome = second.ask(f"HELLO v=1 id=6 resume={told['session']} ttl=60")[0]
        again = wire.keys(welcome)
        self.assertEqual((again["name"], again["session"], again["epoch"]),
                         (name, told["session"], told["epoch"]))
        self.assertGreaterEqual(int(again["last_id"]), 5)
        frames = second.drain()
        gaps = [f[0] for f in frames if f[0].startswith(b"GAP")]
        self.assertEqual(len(gaps), 1)
        self.assertRegex(gaps[0].decode(), rf"^GAP 1 {feed}/x 0 [34] resume$")
        covered = int(gaps[0].split(b" ")[4])
        self.assertEqual(self.messages(frames), [(n, b"%d" % n) for n in range(covered + 1, 5)])
        came = [f[1] for f in frames if f[0].startswith(b"MSG 0 ")]
        self.assertEqual(came, mails[-len(came):])
        self.assertEqual(second.ask("SEND echo id=5", b"mail"), [b"OK 5 dup=1"])
        writer.ask("PUB /x id=6", b"live")
        self.assertEqual(second.take()[1], b"live")

    def test_unacknowledged_messages_come_again_marked_and_nothing_twice_that_was(self):
        """4.ack 7.redelivered 5.msg; T21"""
        feed = self.fresh()
        first, told = self.clients.hello("ttl=60")
        writer = self.clients.named(feed)
        first.ask(f"SUB {feed}/x id=2 ack=1")
        for number in range(1, 21):
            writer.ask(f"PUB /x id={number}", str(number))
            self.assertEqual(first.take()[1], b"%d" % number)
        first.send("ACK 1 12")
        self.assert_usable(first)
        first.close()
        for number in range(21, 31):
            writer.ask(f"PUB /x id={number}", str(number))
        second = self.clients.dealer()
        self.assertTrue(second.ask(f"HELLO v=1 id=9 resume={told['session']}")[0]
                        .startswith(b"WELCOME"))
        frames = second.drain()
        got = self.messages(frames)
        self.assertEqual(got, [(n, b"%d" % n) for n in range(13, 31)], "none lost, none twice")
        marked = [f[0].endswith(b"redelivered=1") for f in frames if f[0].startswith(b"MSG")]
        self.assertTrue(all(marked[:8]), "13 to 20 had been handed over")
        self.assertEqual(marked, sorted(marked, reverse=True))
        self.assertFalse([f for f in frames if f[0].startswith(b"GAP")])

    def test_a_resume_takes_over_from_a_living_connection_which_is_told(self):
        """7.superseded 6.superseded"""
        first, told = self.clients.hello("ttl=60")
        second = self.clients.dealer()
        self.assertTrue(second.ask(f"HELLO v=1 id=2 resume={told['session']}")[0]
                        .startswith(b"WELCOME"))
        self.assertEqual(first.take(), [b"BYE 409 superseded"])
        self.assertEqual(second.ask("REQ echo id=3", b"x"), [b"REP 3", b"x"])

    def test_a_wrong_token_is_410_and_changes_nothing(self):
        """6.no_session 7.wrong-token 4.hello-resume; T22"""
        feed = self.fresh()
        victim, told = self.clients.hello("ttl=60")
        victim.ask(f"SUB {feed}/x id=2")
        token = told["session"]
        wrong = [token[:-1] + ("0" if token[-1] != "0" else "1"), "0" * 32, "f" * 32]
        for number, guess in enumerate(wrong, 1):
            thief = self.clients.dealer()
            self.assertEqual(thief.ask(f"HELLO v=1 id={number} resume={guess}"),
                             [f"ERR {number} 410 no_session".encode()])
            self.assertTrue(thief.ask("PING")[0].endswith(b"subs=0"))
        self.clients.named(feed).ask("PUB /x id=1", b"undisturbed")
        self.assertEqual(victim.take()[1], b"undisturbed")
        self.assertTrue(victim.ask("PING")[0].endswith(b"subs=1"))

    def test_another_principal_cannot_resume_with_the_right_token(self):
        """7.identity 6.no_session; T22 F40"""
        if os.geteuid() != 0:
            self.skipTest("needs root, to be somebody else")
        daemon, clients = self.own(ipc=True)
        victim, told = clients.hello("ttl=60")
        # Where others may connect at all is the file's mode; then the kernel says who they are.
        os.chmod(daemon.folder, 0o755)
        os.chmod(daemon.run, 0o755)
        os.chmod(clients.endpoints["cmd"].removeprefix("ipc://"), 0o666)
        code = HOLDER.replace("import sys, zmq", "import os, sys, zmq\nos.setuid(65534)")
        process = subprocess.Popen(
            [sys.executable, "-c", code, clients.endpoints["cmd"],
             f"HELLO v=1 id=1 resume={told['session']}"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(world.end, process)
        self.assertRegex(process.stdout.readline(), r"^ERR 1 (410 no_session|403 forbidden)$")
        self.assert_usable(victim)

    def test_answers_and_requests_wait_for_the_return(self):
        """7.resume-keeps 7.resume-rest; T21"""
        name = self.fresh()
        first, told = self.clients.hello(f"name={name} ttl=60")
        first.send("REQ probe id=2 type=later ttl=60000")
        asker = self.clients.dealer()
        asker.send(f"REQ {name} id=1 ttl=60000", b"served later")
        rid = wire.keys(first.take_until(lambda f: f[0].startswith(b"MSG 0"))[-1][0])["rid"]
        self.assert_usable(first)
        first.close()
        self.mail_until_it_waits(self.clients.dealer(), name)
        other = self.clients.dealer()
        self.assertEqual(other.ask("REQ probe id=2 type=answer", b"kept for you")[0], b"REP 2")
        second = self.clients.dealer()
        second.send(f"HELLO v=1 id=3 resume={told['session']} ttl=60")
        self.assertEqual(second.take_answer(2)[0], [b"REP 2", b"kept for you"])
        second.send(f"REP {rid}", b"at last")
        self.assertEqual(asker.take(), [b"REP 1", b"at last"])

    def test_after_its_ttl_a_session_is_gone(self):
        """4.hello-ttl 6.no_session"""
        name = self.fresh()
        first, told = self.clients.hello(f"name={name} ttl=1")
        first.close()
        dealer = self.clients.dealer()
        self.answer_until(dealer, f"SEND {name} id={{}}", b"ERR")
        self.assertEqual(dealer.ask(f"HELLO v=1 id=1 resume={told['session']}"),
                         [b"ERR 1 410 no_session"])
        without, told = self.clients.hello(f"name={name}")
        without.close()
        self.answer_until(dealer, f"SEND {name} id={{}}", b"ERR")
        self.assertEqual(dealer.ask(f"HELLO v=1 id=2 resume={told['session']}"),
                         [b"ERR 2 410 no_session"])

    def test_what_was_said_before_a_resume_was_said_in_a_session_that_ends_with_it(self):
        """7.resume-anonymous 7.name-free"""
        feed = self.fresh()
        first, told = self.clients.hello("ttl=60")
        first.close()
        second = self.clients.dealer()
        second.ask(f"SUB {feed}/x id=1")
        second.ask(f"SUB {feed}/y id=2")
        self.assertTrue(second.ask(f"HELLO v=1 id=3 resume={told['session']} ttl=60")[0]
                        .startswith(b"WELCOME"))
        self.assertTrue(second.ask("PING")[0].endswith(b"subs=0"))
        self.assertEqual(self.clients.dealer().ask(f"PUB {feed}/x id=1", b"")[0],
                         b"OK 1 n=0 full=0")

    def test_a_req_socket_has_no_use_for_it(self):
        """7.req-resume 6.needs_dealer"""
        _, told = self.clients.hello("ttl=60")
        for line in (f"HELLO v=1 resume={told['session']}", "HELLO v=1 ttl=30", "HELLO v=1 hb=500"):
            self.assertEqual(self.clients.req().ask(line)[0], b"ERR 0 405 needs_dealer")
