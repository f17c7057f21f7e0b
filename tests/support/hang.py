"""A test program that hangs says where: its threads' stacks, shortly before ctest ends it.

BACKSTAGED_TEST_SECONDS is the time a program has, as ctest knows it; without it nothing is watched.
"""
import faulthandler
import os

MARGIN_SECONDS = 20


def watch():
    seconds = float(os.environ.get("BACKSTAGED_TEST_SECONDS", "0"))
    if seconds > MARGIN_SECONDS:
        faulthandler.dump_traceback_later(seconds - MARGIN_SECONDS, exit=True)
