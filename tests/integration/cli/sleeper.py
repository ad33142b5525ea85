"""A module that the nursery can run: says so, and sleeps until a signal comes."""

import signal
import sys


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    sys.stdout.write("asleep\n")
    sys.stdout.flush()
    signal.pause()
