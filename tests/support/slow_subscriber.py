"""A subscriber in a process of its own, for a test to stop and continue with signals.

    slow_subscriber.py ENDPOINT PATTERN LAST [HELLO KEYS]

Subscribes, with a HELLO before it if keys are given, prints `ready`, and reads until the sequence
number LAST is covered. Then prints a line of JSON: the sequence numbers of each MSG, and first and
last of each GAP, in the order they came.
"""
import json
import sys

import zmq

from client import unpack


def main():
    endpoint, pattern, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
    socket = zmq.Context().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    if len(sys.argv) > 4:
        socket.send(b"HELLO v=1 " + sys.argv[4].encode())
        assert socket.recv_multipart()[0].startswith(b"WELCOME ")
    socket.send(b"SUB " + pattern.encode() + b" id=1")
    begin = int(socket.recv_multipart()[0].decode().rsplit("seq=", 1)[1])
    print("ready", flush=True)
    came = []
    covered = begin
    while covered < last:
        for line, *_ in unpack(socket.recv_multipart()):
            words = line.decode().split(" ")
            if words[0] == "MSG":
                covered = int(words[3])
                came.append([covered, covered, "MSG"])
            elif words[0] == "GAP":
                covered = int(words[4])
                came.append([int(words[3]), covered, words[5]])
    print(json.dumps({"begin": begin, "came": came}), flush=True)


if __name__ == "__main__":
    main()
