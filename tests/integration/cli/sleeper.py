"""A module that the nursery can run: says so, with its SLEEP, and sleeps until a signal comes."""

import os
import signal
import sys


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    sys.stdout.write(f"{os.environ['SLEEP']}, asleep\n")
    sys.stdout.flush()
    signal.pause()
