#!/usr/bin/python3
"""The driver of backstage.AsyncClient; speaks DRIVER.md."""
import asyncio
import json
import sys

import driving
import zmq
from driving import backstage, write

LINE_BYTES_MAX = 64 << 20


class Driver:
    def __init__(self):
        self.client = None
        self.native = None

    async def serve(self):
        commands = asyncio.StreamReader(limit=LINE_BYTES_MAX)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        native = asyncio.create_task(self.read_native())
        while line := await commands.readline():
            command = json.loads(line)
            try:
                write(done=command["tag"], **(await self.do(command)))
            except backstage.BackstageError as error:
                driving.failed(command["tag"], error)
        native.cancel()

    async def read_native(self):
        while True:
            await asyncio.sleep(0.05)
            while self.native is not None and self.native.poll(0):
                driving.write_native(self.native.recv_multipart())

    async def do(self, command):
        verb = command["do"]
        if hasattr(self, f"do_{verb}"):
            return await getattr(self, f"do_{verb}")(command) or {}
        name, words, keys = driving.arguments(command)
        return driving.told(name, await getattr(self.opened(), name)(*words, **keys))

    def opened(self):
        if self.client is None:
            raise backstage.BackstageError(0, "closed")
        return self.client

    async def do_connect(self, command):
        self.client = await backstage.AsyncClient(**driving.options(command)).connect()
        return {"name": self.client.name, "epoch": self.client.epoch, "ttl": self.client.ttl,
                "batch": self.client.batching}

    async def do_subscribe(self, command):
        pause = (command.get("handler_ms") or 0) / 1000

        async def handler(message):
            driving.write_message(sub_pattern, message)
            if pause:
                await asyncio.sleep(pause)

        sub_pattern = command["pattern"] if "/" in command["pattern"] \
            else command["pattern"] + "/default"
        keys = {key: command[key] for key in ("snap", "over", "window", "ack")
                if command.get(key) is not None}
        sub = await self.opened().subscribe(command["pattern"], handler, **keys)
        return {"seq": sub.seq, "window": sub.window, "ack": sub.ack}

    async def do_serve(self, command):
        async def handler(message):
            return driving.serve(message)

        self.opened().serve(handler)

    async def do_batch(self, command):
        async with self.opened().batch() as batch:
            for entry in command["entries"]:
                verb, words, keys = driving.arguments(entry)
                getattr(batch, verb)(*words, **keys)
        return {"outcomes": [driving.outcome(each) for each in batch.outcomes]}

    async def do_sync(self, command):
        if self.native is None:
            self.native = zmq.Context.instance().socket(zmq.SUB)
            self.native.linger = 0
            self.native.connect(self.opened().pub)
        for one in command["filters"]:
            self.native.subscribe(one)
        for frames in await self.opened().sync(self.native):
            driving.write_native(frames)

    async def do_ping(self, command):
        return {"epoch": await self.opened().ping()}

    async def do_close(self, command):
        if self.client is not None:
            await self.client.close()


if __name__ == "__main__":
    asyncio.run(Driver().serve())
