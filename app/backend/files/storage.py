"""Where originals are kept: a local folder, or any S3."""

from collections.abc import AsyncIterator
from typing import Protocol


class ObjectStore(Protocol):
    """Keeps bytes under keys; the caller has checked who may see them."""

    async def put(self, key: str, body: bytes, *, media_type: str) -> None:
        """Store `body` under `key`, replacing what was there."""
        ...

    async def get(self, key: str) -> bytes:
        """Return the bytes under `key`.

        Raises:
            ObjectMissing: nothing is stored there.
        """
        ...

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield the bytes under `key` in pieces."""
        ...

    async def delete(self, key: str) -> None:
        """Remove `key`; removing an absent one is fine."""
        ...

    async def url(self, key: str, *, name: str, seconds: int) -> str:
        """Return a URL that downloads `key` as `name` for the next `seconds`, and needs no login."""
        ...

    async def check(self) -> None:
        """Raise ServiceUnavailable when the store does not work."""
        ...
