"""What the Python client says to the daemon when a handler has returned or raised: no sockets."""
import unittest

from backstage.calls import Subscription
from backstage.values import Message
from backstage.verbs import Verbs


class Recorder(Verbs):
    """Keeps what it would send."""

    def __init__(self):  # No connection: nothing of Session's is needed here.
        self.sent = []
        self._over = None

    def _put(self, frames, calls=(), session=None):
        self.sent.append(frames[0].decode())


class SettleTest(unittest.TestCase):
    def said_after(self, error=None, **options):
        owner = Recorder()
        sub = Subscription(owner, "lamp/light")
        sub.number = 7
        for name, value in options.items():
            setattr(sub, name, value)
        owner._settle(sub, Message("lamp/light", b"on", seq=3), error=error)
        return owner.sent

    def test_what_a_handler_took_is_acknowledged_if_anybody_waits_for_that(self):
        self.assertEqual(self.said_after(), [])
        self.assertEqual(self.said_after(window=4), ["ACK 7 3"])
        self.assertEqual(self.said_after(ack=True), ["ACK 7 3"])

    def test_a_window_does_not_shrink_when_a_handler_raises(self):
        self.assertEqual(self.said_after(ValueError(), window=4), ["ACK 7 3"])

    def test_what_is_to_come_again_is_not_acknowledged_when_a_handler_raises(self):
        self.assertEqual(self.said_after(ValueError(), ack=True), [])
        self.assertEqual(self.said_after(ValueError(), ack=True, window=4), [])


if __name__ == "__main__":
    unittest.main()
