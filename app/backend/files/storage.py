"""Where originals are kept: a local folder, or any S3."""

import asyncio
import errno
import os
import re
import shutil
import urllib.parse
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Protocol

from app.backend.core import clock, ids
from app.backend.core.crypto import Keyring
from app.backend.core.errors import Invalid, ServiceUnavailable
from app.backend.core.settings import Settings
from app.backend.files.errors import ObjectMissing, StoreFull

PIECE_BYTES = 256 * 1024
_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
_PURPOSE = "files.url"


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

    async def delete_below(self, prefix: str) -> None:
        """Remove every key that starts with `prefix` and a slash."""
        ...

    async def url(self, key: str, *, name: str, seconds: int) -> str:
        """Return a URL that downloads `key` as `name` for the next `seconds`, and needs no login."""
        ...

    async def check(self) -> None:
        """Raise ServiceUnavailable when the store does not work."""
        ...


class UrlSigner:
    """Signs the download URLs of local objects, and checks them when they come back."""

    def __init__(self, keyring: Keyring, web_address: str) -> None:
        self._keyring = keyring
        self._web_address = web_address

    def url(self, key: str, *, name: str, seconds: int) -> str:
        """Return the URL of `/files/{key}` with name, expiry and signature."""
        expires = int(clock.now().timestamp()) + seconds
        query = urllib.parse.urlencode(
            {
                "name": name,
                "expires": expires,
                "signature": self._keyring.sign(_PURPOSE, _message(key, name, expires)),
            }
        )
        return f"{self._web_address}/files/{key}?{query}"

    def is_valid(self, key: str, *, name: str, expires: int, signature: str) -> bool:
        """Tell whether we signed this download and its time is not over."""
        is_ours = self._keyring.verify(
            _PURPOSE, _message(key, name, expires), signature
        )
        return is_ours and expires >= clock.now().timestamp()


class LocalStore:
    """Keeps objects as files below one folder."""

    def __init__(self, folder: Path, signer: UrlSigner) -> None:
        self._folder = folder
        self._signer = signer

    async def put(self, key: str, body: bytes, *, media_type: str) -> None:
        """Store `body` under `key`; a reader sees all of it or nothing."""
        del media_type
        await asyncio.to_thread(self._write, self._path(key), body)

    async def get(self, key: str) -> bytes:
        """Return the bytes under `key`."""
        try:
            return await asyncio.to_thread(self._path(key).read_bytes)
        except FileNotFoundError:
            raise ObjectMissing(key) from None

    async def stream(self, key: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes under `key` in pieces."""
        try:
            file = await asyncio.to_thread(self._path(key).open, "rb")
        except FileNotFoundError:
            raise ObjectMissing(key) from None
        with file:
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                yield piece

    async def delete(self, key: str) -> None:
        """Remove the file of `key`."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def delete_below(self, prefix: str) -> None:
        """Remove the folder of `prefix`."""
        await asyncio.to_thread(shutil.rmtree, self._path(prefix), ignore_errors=True)

    async def url(self, key: str, *, name: str, seconds: int) -> str:
        """Return a signed URL of our own web process."""
        return self._signer.url(key, name=name, seconds=seconds)

    async def check(self) -> None:
        """Write and remove a small file."""
        key = f"check-{ids.new_id()}"
        try:
            await self.put(key, b"ok", media_type="text/plain")
            await self.delete(key)
        except OSError as error:
            message = f"The folder {str(self._folder)!r} is not writable. Give the user of Atelier write access to it."
            raise ServiceUnavailable(message, service="objects") from error

    def _path(self, key: str) -> Path:
        return self._folder / checked(key)

    def _write(self, path: Path, body: bytes) -> None:
        temporary = path.with_name(f"{path.name}.{ids.new_id().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(body)
            os.replace(temporary, path)  # noqa: PTH105 - atomic on every platform
        except OSError as error:
            temporary.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StoreFull from error
            raise


def make_signer(settings: Settings, keyring: Keyring) -> UrlSigner:
    """Return the signer of this installation's download URLs."""
    return UrlSigner(keyring, settings.web_address)


def make_store(settings: Settings, keyring: Keyring) -> ObjectStore:
    """Return the object store that the settings ask for."""
    if settings.object_store == "local":
        return LocalStore(settings.data_dir / "objects", make_signer(settings, keyring))
    # Its client takes a third of a second to import.
    from app.backend.files.s3_store import open_store

    return open_store(settings)


def checked(key: str) -> str:
    """Return `key` when it is one.

    Raises:
        Invalid: it could lead out of the store.
    """
    if not _KEY.fullmatch(key):
        raise Invalid.field("key", f"{key!r} is not the key of a file.")
    return key


def _message(key: str, name: str, expires: int) -> str:
    return f"{key}\n{name}\n{expires}"
