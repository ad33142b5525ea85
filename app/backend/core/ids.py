"""Identifiers and random tokens come from here, so that tests can see them all."""

import secrets
from uuid import UUID

import uuid_utils.compat as uuid_utils


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562): unique, and sortable by the time of its creation."""
    return uuid_utils.uuid7()


def new_token() -> str:
    """Return a URL-safe secret of 256 random bits."""
    return secrets.token_urlsafe(32)
