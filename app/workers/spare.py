"""A child that a worker forks before there is a job for it, so that a run does not wait for the fork."""

import json
import os
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

Work = Callable[..., None]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Spare:
    """A forked process that gets ready and waits for its order; it ends when its parent does."""

    def __init__(self, get_ready: Callable[[], None], work: Work) -> None:
        """Fork; the child calls `get_ready`, then `work` with the words of its order, and exits."""
        reading, self._writing = os.pipe()
        with _signals_later():
            self.pid = os.fork()
            if self.pid == 0:
                os.close(self._writing)
                _wait(reading, get_ready, work)
        os.close(reading)

    def give(self, order: Sequence[str]) -> bool:
        """Give the order; False when the child is no longer there."""
        try:
            os.write(self._writing, json.dumps(order).encode())
        except BrokenPipeError:
            os.waitpid(self.pid, 0)
            return False
        finally:
            os.close(self._writing)
        return True

    def dismiss(self) -> None:
        """Let the child go without an order."""
        os.close(self._writing)
        os.waitpid(self.pid, 0)


@contextmanager
def _signals_later() -> Generator[None, None, None]:
    """Hold signals back: what a handler raises is lost within a fork, or makes the child go on as the parent."""
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in _SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number in came:
        signal.raise_signal(number)


def _wait(reading: int, get_ready: Callable[[], None], work: Work) -> None:
    code = 1
    try:
        # Signals for the worker's terminal are not for its children.
        os.setpgrp()
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        get_ready()
        with os.fdopen(reading, "rb") as orders:
            order = orders.read()
        if order:
            work(*json.loads(order))
        code = 0
    finally:
        # Whatever happens, the child must not go on as a second worker.
        os._exit(code)
