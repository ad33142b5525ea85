"""Passwords are kept as argon2id hashes and checked in the same time whoever asks."""

import asyncio
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

_hashing = PasswordHash((Argon2Hasher(),))


async def hash_password(password: str) -> str:
    """Return the argon2id hash of `password`; it takes a thread for some 50 ms."""
    return await asyncio.to_thread(_hashing.hash, password)


async def verify_password(password: str, known_hash: str | None) -> tuple[bool, str]:
    """Tell whether `password` is right, and give a better hash to store when its settings have changed.

    Without a `known_hash`, as for an unknown user, it takes just as long and says no.
    """
    return await asyncio.to_thread(_verify, password, known_hash)


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
