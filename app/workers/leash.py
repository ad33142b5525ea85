"""What ties a horse to the worker that forked it: the worker hears what it does, and lets it go by closing a pipe."""

import contextlib
import fcntl
import json
import os
import select
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True)
class Leash:
    """The horse's ends: `held` is at its end when the horse is to leave, `news` goes to the worker."""

    held: int
    news: int

    def is_held(self) -> bool:
        """Tell whether the worker still wants this horse; nothing is ever written, so that readable means closed."""
        return not select.select([self.held], [], [], 0)[0]

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the worker lets go."""
        select.select([self.held], [], [], seconds)

    def took(self, slot: str, queue: str, job_id: str, subject: str) -> None:
        """Tell that a job has begun."""
        self._tell(slot=slot, queue=queue, job_id=job_id, subject=subject)

    def is_free(self, slot: str) -> None:
        """Tell that there is no job any more."""
        self._tell(slot=slot)

    def takes_no_more(self) -> None:
        """Tell that this horse takes no more jobs, and leaves when it has none."""
        self._tell()

    def _tell(self, **job: str) -> None:
        # One short write is never mixed with that of another horse.
        line = json.dumps({"pid": os.getpid(), **job})
        with contextlib.suppress(BrokenPipeError):
            os.write(self.news, f"{line}\n".encode())


class Token:
    """Held by at most one slot of a worker; that of a horse that dies is free again at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._holder: str | None = None

    def take(self, slot: str) -> bool:
        """Take the token unless another slot has it; tells whether it is this one's."""
        if self._holder is None:
            # A lock of this kind belongs to the process, and is not inherited by a fork.
            with contextlib.suppress(BlockingIOError, PermissionError):
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._holder = slot
        return self.is_held(slot)

    def is_held(self, slot: str) -> bool:
        """Tell whether this slot of the process has it."""
        return self._holder == slot

    def give_back(self, slot: str) -> None:
        """Let another slot have it."""
        if self.is_held(slot):
            # In this order: what another slot of the process takes meanwhile must not be unlocked here.
            fcntl.lockf(self._file, fcntl.LOCK_UN)
            self._holder = None
