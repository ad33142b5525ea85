"""Identifiers and random tokens come from here, so that tests can see them all."""

import base64
import secrets
from datetime import datetime
from uuid import UUID

import uuid_utils.compat as uuid_utils


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562): unique, and sortable by the time of its creation."""
    return uuid_utils.uuid7()


def first_id(moment: datetime) -> UUID:
    """Return the least id of the millisecond of `moment`: what has been made since then has this one or a higher one."""
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62))


def is_id(text: str) -> bool:
    """Tell whether a text that came from outside is an id."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def new_token() -> str:
    """Return a URL-safe secret of 256 random bits."""
    return secrets.token_urlsafe(32)


def new_code() -> str:
    """Return a secret of 80 random bits that a person can type: four groups of four letters and digits."""
    letters = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(letters[start : start + 4] for start in range(0, 16, 4))
