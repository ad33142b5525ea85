"""Passwords are kept as argon2id hashes and checked in the same time whoever asks."""

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

# 19 MiB, two rounds, one lane: of the settings that OWASP recommends for argon2id, one that two cores do for twenty
# people a second; what the library takes by itself needs seven times the work.
_hashing = PasswordHash(
    (Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),)
)
_NICE = 5


def _step_back() -> None:
    if sys.platform == "linux":
        # Linux keeps it for each thread: who signs in waits, and not the pages of all others.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


# Threads of its own, and not on all cores. None runs before the first password, so a process may fork until then.
_THREADS = ThreadPoolExecutor(
    max(1, (os.cpu_count() or 1) // 2),
    thread_name_prefix="passwords",
    initializer=_step_back,
)


async def hash_password(password: str) -> str:
    """Return the argon2id hash of `password`; it takes a thread for some 20 ms."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, _hashing.hash, password)


async def verify_password(password: str, known_hash: str | None) -> tuple[bool, str]:
    """Tell whether `password` is right, and give a better hash to store when its settings have changed.

    Without a `known_hash`, as for an unknown user, it takes just as long and says no.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREADS, _verify, password, known_hash)


def _verify(password: str, known_hash: str | None) -> tuple[bool, str]:
    try:
        is_right, better = _hashing.verify_and_update(password, known_hash or _decoy())
    except UnknownHashError:
        # An account whose password was never set.
        _hashing.verify(password, _decoy())
        return False, ""
    return is_right and bool(known_hash), better or ""


@lru_cache
def _decoy() -> str:
    return _hashing.hash("nobody has this password")
