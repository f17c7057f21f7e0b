"""What a Python user types with plain pyzmq, line for line, against the default ports' stand-ins.

No helper of the tests is used for the conversation itself: these lines are the promise that no
library is needed.
"""
import unittest

import zmq

from daemon import Daemon


class SnippetsTest(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(config={"actors": {"counter": "counter"}}, plugins=["counter"])
        self.enterContext(self.daemon)
        self.ctx = zmq.Context()
        self.ctx.setsockopt(zmq.RCVTIMEO, 10_000)
        self.ctx.setsockopt(zmq.LINGER, 0)
        self.addCleanup(self.ctx.term)

    def closing(self, *sockets):
        for socket in sockets:
            self.addCleanup(socket.close)

    def test_the_conversation_of_the_protocol_study_runs_as_written(self):
        ctx, cmd = self.ctx, self.daemon.endpoint("cmd")
        s = ctx.socket(zmq.REQ)
        s.connect(cmd)
        self.closing(s)
        s.send(b"REQ counter\n5")
        self.assertEqual(s.recv_multipart(), [b"REP 0", b"5"])
        s.send(b"SEND nosuch\n5")
        self.assertEqual(s.recv_multipart()[0], b"ERR 0 404 no_actor")

        d = ctx.socket(zmq.DEALER)
        d.connect(cmd)
        self.closing(d)
        d.send(b"SUB counter/default id=1 snap=1")
        d.send_multipart([b"SEND counter id=2", b"10"])
        got = [d.recv_multipart() for _ in range(4)]
        self.assertEqual([f for f in got if f[0] != b"OK 2"],
                         [[b"OK 1 sub=1 seq=1"], [b"MSG 1 counter/default 1 counter snap=1", b"5"],
                          [b"MSG 1 counter/default 2 counter", b"15"]])
        self.assertIn([b"OK 2"], got)
        d.send(b"HELLO v=7 id=4")
        self.assertEqual(d.recv_multipart()[0], b"ERR 4 505 version supported=1")

        q = ctx.socket(zmq.SUB)
        q.connect(self.daemon.endpoint("pub"))
        self.closing(q)
        q.subscribe(b"counter/default|")
        q.subscribe(b"$sys/sync/me|")
        while not q.poll(20):
            d.send(b"SYNC me")
        self.assertTrue(q.recv_multipart()[0].startswith(b"$sys/sync/me|0|"))
        while q.poll(100):
            q.recv_multipart()
        q.unsubscribe(b"$sys/sync/me|")

        p = ctx.socket(zmq.PUSH)
        p.connect(self.daemon.endpoint("ingest"))
        self.closing(p)
        p.send(b"SEND counter\n100")
        header, body = q.recv_multipart()
        address, seq, epoch, sender = header.split(b"|")
        self.assertEqual((address, seq, sender, body),
                         (b"counter/default", b"3", b"counter", b"115"))
        self.assertEqual(d.recv_multipart(), [b"MSG 1 counter/default 3 counter", b"115"])
        d.send(b"PING")
        self.assertEqual(d.recv_multipart(), [b"PONG epoch=" + epoch + b" subs=1"])
        d.send(b"GET counter/default id=5")
        self.assertEqual(d.recv_multipart(), [b"VAL 5 counter/default 3 counter", b"115"])
        d.send(b"UNSUB counter/default id=6")
        self.assertEqual(d.recv_multipart(), [b"OK 6"])
        d.send(b"BYE")
        self.assertEqual(d.recv_multipart(), [b"BYE 200 ok"])


if __name__ == "__main__":
    unittest.main()
