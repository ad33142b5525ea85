"""The certificates that our HTTP clients trust: read once per process, which takes longer than a run's whole start."""

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """Return the context for all clients; it owns no socket, so that a worker's children share the parent's."""
    return httpx.create_ssl_context()
