"""Runs the code of clients/python/README.md, and checks what it promises beside the code."""
import ast
import asyncio
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import zmq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from daemon import ROOT, SLOW, Daemon  # noqa: E402

sys.path.insert(0, str(ROOT / "clients" / "python"))
import backstage  # noqa: E402
from stub_daemon import StubDaemon, keys  # noqa: E402

README = (ROOT / "clients/python/README.md").read_text(encoding="utf-8")
PROTOCOL = (ROOT / "daemon/wire/PROTOCOL.md").read_text(encoding="utf-8")


def expected_prints(source):
    """What each print shows beside it, in the order of the lines."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and ast.get_source_segment(source, node).startswith("print("):
            shown = re.fullmatch(r"\s*#\s(.*)", lines[node.end_lineno - 1][node.end_col_offset:])
            yield node.lineno, shown.group(1) if shown else None


class ReadmeTest(unittest.TestCase):
    def test_the_code_prints_what_the_page_shows(self):
        source = "\n".join(re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S))
        expected = [shown for _, shown in sorted(expected_prints(source))]
        self.assertGreater(len(expected), 10)
        self.assertNotIn(None, expected, "a print shows no output")
        with Daemon(config={"actors": {"counter": "counter"}}, plugins=["counter"]) as daemon:
            source = source.replace("tcp://127.0.0.1:7770", daemon.endpoint("cmd"))
            done = subprocess.run(["/usr/bin/python3", "-W", "error", "-u", "-c", source],
                                  capture_output=True, text=True, check=False, timeout=60 * SLOW,
                                  env={"PYTHONPATH": str(ROOT / "clients/python")})
            self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}\n{daemon.log()}")
            self.assertEqual(done.stdout.splitlines(), expected)
            self.assertEqual(daemon.stop(), 0)

    def test_the_links_lead_somewhere(self):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", README):
            self.assertTrue((ROOT / "clients/python" / link).exists(), link)


class PackageTest(unittest.TestCase):
    def test_every_error_of_the_protocol_comes_with_what_to_do(self):
        rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", PROTOCOL, re.M)
        self.assertGreater(len(rows), 40)
        for code, token in rows:
            with self.subTest(code=code, token=token):
                error = backstage.BackstageError(int(code), token)
                self.assertNotIn("see PROTOCOL.md", error.next)
                self.assertIn(token, str(error))
                self.assertEqual(error.retryable, code in ("429", "503"))

    def test_keys_are_read_from_files_as_keygen_writes_them(self):
        (public, secret), (_, mine) = zmq.curve_keypair(), zmq.curve_keypair()
        stub = StubDaemon()
        stub.router.unbind(stub.endpoint)
        stub.router.curve_server, stub.router.curve_secretkey = True, secret
        port = stub.router.bind_to_random_port("tcp://127.0.0.1")
        folder = self.enterContext(tempfile.TemporaryDirectory())
        server, own = Path(folder, "server.key"), Path(folder, "desk.key_secret")
        server.write_text(f"# backstaged: public key of server\n{public.decode()}\n")
        own.write_text(f"# backstaged: secret key of desk\n{mine.decode()}\n")
        curve = backstage.Curve.from_files(str(server), str(own))
        with stub, backstage.Client(f"tcp://127.0.0.1:{port}", curve=curve) as client:
            client.send("echo", "hidden")
        self.assertEqual(len(stub.heard_of("SEND")), 1)

    def test_stop_ends_run_from_another_thread_and_is_not_lost_when_it_comes_before(self):
        with StubDaemon() as stub, backstage.Client(stub.endpoint) as client:
            client.stop()
            self.assertTrue(client.run(60))
            threading.Timer(0.05, client.stop).start()
            self.assertTrue(client.run(60))
            self.assertFalse(client.run(0.01))
        client.stop()  # Harmless when closed.

    def test_what_a_handler_raises_comes_out_of_run_and_the_rest_is_handled_by_the_next(self):
        def script(line, payload):
            if line.startswith("SUB"):
                return [f"OK {keys(line)['id']} sub=1 seq=0", ("MSG 1 a/b 1 a", "bad"),
                        ("MSG 1 a/b 2 a", "7")]
            return None

        got = []
        with StubDaemon(script) as stub, backstage.Client(stub.endpoint) as client:
            client.subscribe("a/b", lambda message: got.append(int(message.payload)))
            with self.assertRaises(ValueError):
                client.run(30)
            while not got:
                client.run(0.1)
        self.assertEqual(got, [7])

    def test_who_iterates_over_a_subscription_that_the_daemon_ends_gets_the_error(self):
        def script(line, payload):
            if line.startswith("SUB"):
                return [f"OK {keys(line)['id']} sub=1 seq=0", ("MSG 1 a/b 1 a", "in time"),
                        "ERR 0 403 forbidden sub=1", ("MSG 1 a/b 2 a", "too late")]
            return None

        def check(got, refused, error):
            self.assertEqual(got, [b"in time"])
            self.assertEqual((error.code, error.token), (403, "forbidden"))
            self.assertEqual([each.token for each in refused], ["forbidden"])
            self.assertIn("a/b", refused[0].text)

        async def iterate():
            got, refused = [], []
            async with backstage.AsyncClient(stub.endpoint, on_refused=refused.append) as client:
                with self.assertRaises(backstage.BackstageError) as caught:
                    async for message in await client.subscribe("a/b"):
                        got.append(message.payload)
            check(got, refused, caught.exception)

        with StubDaemon(script) as stub:
            asyncio.run(iterate())
        got, refused = [], []
        with StubDaemon(script) as stub, \
                backstage.Client(stub.endpoint, on_refused=refused.append) as client:
            with self.assertRaises(backstage.BackstageError) as caught:
                for message in client.subscribe("a/b"):
                    got.append(message.payload)
            client.poll()
        check(got, refused, caught.exception)

    def test_what_waited_for_its_handler_is_not_handled_after_an_unsubscribe(self):
        def script(line, payload):
            if line.startswith("UNSUB"):
                return [("MSG 1 a/b 1 a", "late"), f"OK {keys(line)['id']}"]
            return None

        got = []
        with StubDaemon(script) as stub, backstage.Client(stub.endpoint) as client:
            client.subscribe("a/b", got.append)
            client.unsubscribe("a/b")
            client.poll()
        self.assertEqual(got, [])

    def test_a_client_that_is_not_open_says_how_to_open_it(self):
        async def use():
            await backstage.AsyncClient().send("echo")

        with self.assertRaisesRegex(backstage.Lost, "async with"):
            asyncio.run(use())

    def test_a_quoted_name_is_in_the_grammar(self):
        self.assertEqual(backstage.quote("S\u00e3o Paulo/1"), "S%C3%A3o%20Paulo%2F1")
        self.assertEqual(backstage.quote("book:BTC-USD_1.x"), "book:BTC-USD_1.x")

    def test_every_public_verb_is_documented_and_the_same_in_both_clients(self):
        for verb in ("send", "request", "publish", "get", "subscribe", "unsubscribe", "watch",
                     "unwatch", "ping", "serve", "batch", "sync", "close", "reply", "refuse"):
            for kind in (backstage.Client, backstage.AsyncClient):
                with self.subTest(verb=verb, kind=kind.__name__):
                    self.assertTrue(getattr(kind, verb).__doc__)

    def test_the_package_says_that_it_is_typed(self):
        self.assertTrue((Path(backstage.__file__).parent / "py.typed").is_file())


if __name__ == "__main__":
    unittest.main()
