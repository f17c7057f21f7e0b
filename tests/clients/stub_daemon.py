"""A ROUTER that answers by a script: what no real daemon does on demand."""
import threading

import zmq

WELCOME = ("WELCOME v=1 name={name} session={token} epoch={epoch} last_id=0 max_payload=1048576 "
           "window=0 pub=tcp://127.0.0.1:9 ingest=tcp://127.0.0.1:9")


def keys(line):
    return dict(word.split("=", 1) for word in line.split(" ") if "=" in word)


class StubDaemon:
    """`script(line, payload)` gives the messages to send back: lines, or (line, payload) pairs.

    None means: as usual. Usual is WELCOME to HELLO, PONG to PING, BYE to BYE, OK to the rest.
    """

    def __init__(self, script=lambda line, payload: None):
        self.script = script
        self.heard = []
        self.token, self.epoch, self.name = "t" * 32, "e1", "stub"
        self.router = zmq.Context.instance().socket(zmq.ROUTER)
        self.router.linger = 0
        self.endpoint = f"tcp://127.0.0.1:{self.router.bind_to_random_port('tcp://127.0.0.1')}"
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *ignored):
        self.ending.set()
        self.thread.join()
        self.router.close()

    def run(self):
        while not self.ending.is_set():
            if not self.router.poll(20):
                continue
            peer, head, *rest = self.router.recv_multipart()
            line, _, inline = head.partition(b"\n")
            line, payload = line.decode(), rest[0] if rest else inline
            self.heard.append(line)
            answers = self.script(line, payload)
            for answer in self.usual(line) if answers is None else answers:
                frames = answer if isinstance(answer, tuple) else (answer,)
                self.router.send_multipart([peer, *(f.encode() if isinstance(f, str) else f
                                                    for f in frames)])

    def usual(self, line):
        verb, *words = line.split(" ")
        number = keys(line).get("id")
        if verb == "HELLO":
            name = keys(line).get("name", self.name)
            return [WELCOME.format(name=name, token=self.token, epoch=self.epoch)]
        if verb == "PING":
            return [f"PONG epoch={self.epoch} subs=1000 {' '.join(words)}".rstrip()]
        if verb == "BYE":
            return ["BYE 200 ok"]
        if verb == "SUB":
            return [f"OK {number} sub=1 seq=0"]
        return [f"OK {number}"] if number else []

    def heard_of(self, verb):
        return [line for line in self.heard if line.split(" ")[0] == verb]
