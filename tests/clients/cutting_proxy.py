"""A TCP proxy between a client and the daemon that can cut, stall and refuse connections."""
import contextlib
import socket
import threading


class Proxy:
    """Forwards to `endpoint`; use as a context manager. Threads end with their sockets."""

    def __init__(self, endpoint):
        host, port = endpoint.removeprefix("tcp://").rsplit(":", 1)
        self.target = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.flowing = {"there": threading.Event(), "back": threading.Event()}
        self.open = threading.Event()
        self.mend()
        self.pairs = []
        self.accepted = 0

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *ignored):
        self.close(self.listener)
        self.mend()
        self.cut()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                if not self.open.is_set():
                    near.close()
                    continue
                far = socket.create_connection(self.target)
                self.pairs.append((near, far))
                self.accepted += 1
                for way in ((near, far, self.flowing["there"]), (far, near, self.flowing["back"])):
                    threading.Thread(target=self.pump, args=way, daemon=True).start()

    def pump(self, source, sink, flowing):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                flowing.wait()
                if source.fileno() < 0:
                    break  # Cut meanwhile: what was on its way is lost.
                sink.sendall(data)
        self.close(source, sink)

    @staticmethod
    def close(*sockets):
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def cut(self, stay_closed=False):
        """Ends every connection with what is on its way; new ones come, or not until `mend`."""
        if stay_closed:
            self.open.clear()
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            self.close(*pair)

    def mend(self):
        self.open.set()
        for flowing in self.flowing.values():
            flowing.set()

    def stall(self, *ways):
        """Nothing flows `there` (to the daemon) or `back` any more, and nobody is told."""
        for way in ways or ("there", "back"):
            self.flowing[way].clear()
