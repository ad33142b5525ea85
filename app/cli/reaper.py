"""Ends the parts when the supervisor is gone, even after `kill -9`: a tiny process without any library.

Standard input names the sessions to watch over, `+123` and `-123`; its end is the end of the supervisor.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

_GRACE_SECONDS = 8.0


def main() -> None:
    """Wait for the end of standard input, then end what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    leaders: set[int] = set()
    for line in sys.stdin:
        change = leaders.add if line.startswith("+") else leaders.discard
        change(int(line[1:]))
    # Asked once: a second SIGTERM tells a worker to drop its job.
    number = int(signal.SIGTERM)
    end = time.monotonic() + _GRACE_SECONDS
    while signal_sessions(leaders, number):
        time.sleep(0.1)
        number = int(signal.SIGKILL) if time.monotonic() > end else 0


def signal_sessions(leaders: Iterable[int], number: int) -> bool:
    """Signal every process of the sessions that `leaders` lead; tells whether there was one.

    Number 0 only asks. A worker's fork and a server's child leave their parent's process group, never its session.
    """
    wanted = set(leaders)
    is_any = False
    for pid in _pids() if wanted else ():
        # A process that has just ended, or that another user owns, is not ours to signal.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) in wanted and not _is_zombie(pid):
                os.kill(pid, number)
                is_any = True
    return is_any


def _pids() -> Iterator[int]:
    if sys.platform == "linux":
        yield from (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - names are enough
        return
    listed = subprocess.run(
        ["/bin/ps", "-axo", "pid="], capture_output=True, text=True, check=True
    )
    yield from map(int, listed.stdout.split())


def _is_zombie(pid: int) -> bool:
    try:
        # The state follows the name, which may hold anything, and its last bracket.
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        )
    except OSError:
        return False


if __name__ == "__main__":
    main()
