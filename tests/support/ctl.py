"""Runs backstagectl for tests, and stands in for a daemon's admin door with scripted answers."""
import json
import os
import subprocess
import threading
from pathlib import Path

import zmq

from daemon import BIN, SLOW

CTL = Path(os.environ.get("BACKSTAGED_CTL", BIN.parent / "backstagectl")).resolve()


def ctl(*arguments, program=CTL, environment=None, cwd=None, input=b""):
    """The finished process; what it writes is text. Neither endpoint nor keys are inherited."""
    inherited = {key: value for key, value in os.environ.items()
                 if key not in ("BACKSTAGED_ENDPOINT", "BACKSTAGED_SERVER_KEY", "BACKSTAGED_KEY",
                                "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR")}
    done = subprocess.run([str(program), *map(str, arguments)], capture_output=True, input=input,
                          env={**inherited, **(environment or {})}, cwd=cwd, check=False,
                          timeout=60 * SLOW)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


class AdminDoor:
    """A ROUTER that answers each question by `answer(question)`: a dict, or an (error, text) pair.

    It speaks as the daemon does, so that changes of plugins can be shown in every order.
    """

    def __init__(self, answer):
        self.answer = answer
        self.asked = []
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self.stop_sender = self.context.socket(zmq.PAIR)
        self.stop_sender.bind("inproc://stop")
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *ignored):
        self.stop_sender.send(b"")
        self.thread.join()
        self.stop_sender.close()
        self.socket.close()
        self.context.term()

    def serve(self):
        stopped = self.context.socket(zmq.PAIR)
        stopped.connect("inproc://stop")
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(stopped, zmq.POLLIN)
        while stopped not in dict(poller.poll()):
            peer, message = self.socket.recv_multipart()
            line, _, payload = message.partition(b"\n")
            verb, *words = line.decode().split(" ")
            if verb == "HELLO":
                self.socket.send_multipart([peer, b"WELCOME v=1 name=client.1 session=0 epoch=1 "
                                            b"last_id=0 max_payload=1048576 window=0 pub= ingest="])
            elif verb == "BYE":
                self.socket.send_multipart([peer, b"BYE 200 ok"])
            elif verb == "REQ":
                self.reply(peer, words, payload)
            else:
                assert verb == "PING", line
        stopped.close()

    def reply(self, peer, words, payload):
        """Answers one question, after lines that a client must pass over."""
        assert words[0] == "$backstage", words
        number = words[1].removeprefix("id=").encode()
        question = json.loads(payload)
        self.asked.append(question)
        answer = self.answer(question)
        if isinstance(answer, tuple):
            error, text = answer
            frames = [b"ERR " + number + b" " + error.encode(), text.encode()]
        else:
            frames = [b"REP " + number, json.dumps(answer).encode()]
        for line in (b"PING", b"REP 999999", b"NEWS from a later version"):
            self.socket.send_multipart([peer, line])
        self.socket.send_multipart([peer, *frames])
