#!/usr/bin/python3
"""The driver of backstage.Client; speaks DRIVER.md. A thread reads stdin and wakes the client."""
import json
import queue
import sys
import threading
import time

import driving
import zmq
from driving import backstage, write


class Driver:
    def __init__(self):
        self.client = None
        self.native = None
        self.commands = queue.SimpleQueue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in sys.stdin:
            self.commands.put(json.loads(line))
            self.wake()
        self.commands.put(None)
        self.wake()

    def wake(self):
        client = self.client
        if client is not None:
            client.stop()

    def serve(self):
        while True:
            while self.commands.empty() and self.client is not None:
                if self.client.run(0.05 if self.native else 1.0) and self.client.is_closed:
                    self.client.poll()  # What is left to be told.
                    break
                while self.native is not None and self.native.poll(0):
                    driving.write_native(self.native.recv_multipart())
            command = self.commands.get()
            if command is None:
                return
            try:
                write(done=command["tag"], **self.do(command))
            except backstage.BackstageError as error:
                driving.failed(command["tag"], error)

    def do(self, command):
        verb = command["do"]
        if hasattr(self, f"do_{verb}"):
            return getattr(self, f"do_{verb}")(command) or {}
        name, words, keys = driving.arguments(command)
        return driving.told(name, getattr(self.opened(), name)(*words, **keys))

    def opened(self):
        if self.client is None:
            raise backstage.BackstageError(0, "closed")
        return self.client

    def do_connect(self, command):
        self.client = backstage.Client(**driving.options(command))
        return {"name": self.client.name, "epoch": self.client.epoch, "ttl": self.client.ttl,
                "batch": self.client.batching}

    def do_subscribe(self, command):
        pause = (command.get("handler_ms") or 0) / 1000

        def handler(message):
            driving.write_message(sub.pattern, message)
            if pause:
                time.sleep(pause)

        keys = {key: command[key] for key in ("snap", "over", "window", "ack")
                if command.get(key) is not None}
        sub = self.opened().subscribe(command["pattern"], handler, **keys)
        return {"seq": sub.seq, "window": sub.window, "ack": sub.ack}

    def do_serve(self, command):
        self.opened().serve(driving.serve)

    def do_batch(self, command):
        with self.opened().batch() as batch:
            for entry in command["entries"]:
                verb, words, keys = driving.arguments(entry)
                getattr(batch, verb)(*words, **keys)
        return {"outcomes": [driving.outcome(each) for each in batch.outcomes]}

    def do_sync(self, command):
        if self.native is None:
            self.native = zmq.Context.instance().socket(zmq.SUB)
            self.native.linger = 0
            self.native.connect(self.opened().pub)
        for one in command["filters"]:
            self.native.subscribe(one)
        for frames in self.opened().sync(self.native):
            driving.write_native(frames)

    def do_ping(self, command):
        return {"epoch": self.opened().ping()}

    def do_close(self, command):
        if self.client is not None:
            self.client.close()


if __name__ == "__main__":
    Driver().serve()
