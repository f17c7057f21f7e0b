"""A test case with one daemon for all its tests, alive and accounted for at the end."""
import unittest

from client import Admin, Clients
from daemon import PLUGINS, Daemon


class DaemonCase(unittest.TestCase):
    """Subclasses say with which config and plugins their daemon runs.

    At the end of the class the daemon must still run, stop with 0 and print a balanced ledger:
    whatever the tests did to it, no message may have gone astray.
    """

    config = None
    settings = {}
    plugins = PLUGINS

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(config=cls.config, settings=cls.settings, plugins=cls.plugins)
        cls.enterClassContext(cls.daemon)

    @classmethod
    def tearDownClass(cls):
        code = cls.daemon.process.poll()
        assert code is None, f"the daemon ended by itself with {code}:\n{cls.daemon.log()}"
        code = cls.daemon.stop()
        assert code == 0, f"the daemon ended with {code}:\n{cls.daemon.log()}"
        cls.daemon.assert_ledger_balances()

    def setUp(self):
        self.clients = Clients(self.daemon)
        self.addCleanup(self.clients.close)

    def admin(self):
        return Admin(self.clients.dealer())
