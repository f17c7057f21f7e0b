"""Ten thousand idle sessions: what they weigh, and that a bystander hardly notices them."""
import gc
import os
import re
import resource
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from case import ConformanceCase, world
from peer import SLOW

HOLDERS = 4
# Of a holder's or the daemon's descriptors, for all that is no session.
OTHER_FILES = 300
# The daemon's interval. Sessions come evenly within it, as those of people do: of 10,000 that came
# within a second the heartbeats would do so too, ever after.
HEARTBEAT_SECONDS = 10
WINDOW_SECONDS = HEARTBEAT_SECONDS
PAUSE_SECONDS = 0.002
# A heartbeat costs libzmq 4.3.4 more, the more connections its thread has: with one thread for
# 10,000 of them every tenth request waits 2 ms, with one for 2,500 nobody notices.
IO_THREADS = 4
# Of a session beyond its connection, which libzmq has; gateway_memory_test counts what it is.
SESSION_BYTES_MAX = 2048


class Holders:
    """Processes of idlers.py that hold `count` sessions together."""

    def __init__(self, case, endpoint, count, seconds):
        self.processes = [
            subprocess.Popen([sys.executable, world.HERE / "idlers.py", "hold", endpoint,
                              str(count // HOLDERS), str(seconds)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(HOLDERS)]
        for process in self.processes:
            case.addCleanup(end, process)

    def all(self, word):
        """Has all do it; returns when all have."""
        for process in self.processes:
            print(word, file=process.stdin, flush=True)
        for process in self.processes:
            if process.stdout.readline() != f"{word}\n":
                raise AssertionError(f"idlers.py could not {word}")


def end(process):
    process.stdin.close()
    world.end(process)


def rss_bytes(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


def p99(waits):
    return sorted(waits)[int(len(waits) * 0.99)]


def shown(rounds, of=p99):
    return " ".join(f"{of(waits) * 1e3:.2f}" for waits in rounds)


class IdleTest(ConformanceCase):
    def started(self, count):
        """A daemon that may hold so many sessions, its clients, and the holders of them."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < count + OTHER_FILES:
            self.skipTest(f"the daemon needs {count + OTHER_FILES} descriptors, and `ulimit -Hn` "
                          f"is {hard}")
        limits = {"sessions": count + 100, "connections_max": count + 100, "err0_per_s": 1000}
        gateway = {"limits": limits, "io_threads": world.scaled(1, IO_THREADS)}
        daemon, clients = self.own(config={"actors": {"echo": "echo"}, "gateway": gateway},
                                   plugins=("echo",))
        return daemon, clients, Holders(self, daemon.endpoints["cmd"], count,
                                        world.scaled(0, HEARTBEAT_SECONDS))

    def waits(self, socket, seconds):
        """Seconds of each of the requests that one asks in that time, some hundred a second."""
        taken, stop_at = [], time.monotonic() + seconds
        gc.disable()
        while (begin := time.monotonic()) < stop_at:
            self.number += 1
            socket.send(b"REQ echo id=%d\nx" % self.number)
            self.assertTrue(socket.poll(int(10_000 * SLOW)), "a bystander waits for ever")
            socket.recv_multipart()
            taken.append(time.monotonic() - begin)
            time.sleep(PAUSE_SECONDS)
        gc.enable()
        return taken

    def weighed(self, process, holders, connections):
        """Bytes for each session: the first ones are other's memory, used again."""
        before = rss_bytes(process)
        holders.all("open")
        return (rss_bytes(process) - before) / connections

    def connection_bytes(self, count):
        """What each of so many connections costs a ROUTER that does nothing with them."""
        bare = subprocess.Popen([sys.executable, world.HERE / "idlers.py", "router"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(end, bare)
        holders = Holders(self, bare.stdout.readline().strip(), count, 0)
        weight = self.weighed(bare, holders, count)
        holders.all("close")
        return weight

    def test_idle_sessions_weigh_little_and_a_bystander_hardly_notices_them(self):
        """1.cmd; F33"""
        count, rounds = world.scaled(1000, 10_000), world.scaled(2, 3)
        seconds = world.scaled(1.5, WINDOW_SECONDS)
        daemon, clients, holders = self.started(count)
        self.number, bystander = 0, clients.dealer().socket
        self.waits(bystander, 0.5)
        files, weights, alone, beside, together = daemon.descriptors(), [], [], [], []
        for _ in range(rounds):
            alone.append(self.waits(bystander, seconds))
            weights.append(self.weighed(daemon.process, holders, count))
            beside.append(self.waits(bystander, seconds))
            together.append(self.all_at_once(holders, bystander))
            holders.all("close")
            self.assertTrue(world.eventually(lambda: daemon.descriptors() <= files, 30))
        bare = self.connection_bytes(count)
        ratio = statistics.median(map(p99, beside)) / statistics.median(map(p99, alone))
        print(f"\n{count} idle sessions, {rounds} rounds, load {os.getloadavg()[0]:.1f}: p99 of a "
              f"request in ms alone {shown(alone)}, beside them {shown(beside)}, while all of "
              f"them ask at once {shown(together)}: {ratio:.2f} times by medians\n"
              f"longest of them alone {shown(alone, max)}, beside {shown(beside, max)}\n"
              f"{weights[0]:.0f} bytes each, of which a ROUTER has {bare:.0f} for the connection",
              flush=True)
        # A machine that tests other things meanwhile shows any ratio, once in a while.
        if world.LONG:
            self.assertLess(ratio, 2)
        self.assertLess(max(map(p99, together)), 0.5 * SLOW)
        if not world.SANITIZED:
            self.assertLess(weights[0] - bare, SESSION_BYTES_MAX)

    def all_at_once(self, holders, bystander):
        """All idle ones wake up together, and each is answered: what one waits for meanwhile."""
        asking = threading.Thread(target=holders.all, args=("ask",))
        asking.start()
        waits = []
        while asking.is_alive():
            waits += self.waits(bystander, 0.1)
        asking.join()
        return waits
