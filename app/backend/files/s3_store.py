"""Originals in one bucket of any S3 service."""

import asyncio
import urllib.parse
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from io import BytesIO
from typing import TypeVar

from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from app.backend.core.errors import AppError, ServiceUnavailable
from app.backend.core.settings import Settings
from app.backend.files.errors import ObjectMissing
from app.backend.files.storage import PIECE_BYTES, checked

_MISSING = {"NoSuchKey", "NoSuchBucket", "NoSuchObject"}

T = TypeVar("T")


class S3Store:
    """Keeps objects in one bucket of an S3 service."""

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._is_bucket_there = False

    async def put(self, key: str, body: bytes, *, media_type: str) -> None:
        """Store `body` under `key`."""
        await self._call(self._put, checked(key), body, media_type)

    async def get(self, key: str) -> bytes:
        """Return the bytes under `key`."""
        return b"".join([piece async for piece in self.stream(key)])

    async def stream(self, key: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes under `key` in pieces."""
        response = await self._call(
            lambda: self._client.get_object(self._bucket, checked(key))
        )
        try:
            while piece := await self._call(lambda: response.read(PIECE_BYTES)):
                yield piece
        finally:
            response.close()
            response.release_conn()

    async def delete(self, key: str) -> None:
        """Remove `key`; S3 does not mind an absent one."""
        await self._call(lambda: self._client.remove_object(self._bucket, checked(key)))

    async def delete_below(self, prefix: str) -> None:
        """Remove every object below `prefix`."""
        await self._call(self._delete_below, f"{checked(prefix)}/")

    async def url(self, key: str, *, name: str, seconds: int) -> str:
        """Return a URL that the S3 service itself answers."""
        disposition = f"attachment; filename*=UTF-8''{urllib.parse.quote(name)}"
        return await self._call(
            lambda: self._client.presigned_get_object(
                self._bucket,
                checked(key),
                expires=timedelta(seconds=seconds),
                response_headers={"response-content-disposition": disposition},
            )
        )

    async def check(self) -> None:
        """Make sure of the bucket."""
        self._is_bucket_there = False
        await self._call(self._need_bucket)

    def _put(self, key: str, body: bytes, media_type: str) -> None:
        self._need_bucket()
        self._client.put_object(
            self._bucket, key, BytesIO(body), len(body), content_type=media_type
        )

    def _delete_below(self, prefix: str) -> None:
        found = self._client.list_objects(self._bucket, prefix=prefix, recursive=True)
        names = [DeleteObject(item.object_name) for item in found if item.object_name]
        for error in self._client.remove_objects(self._bucket, names):
            message = (
                f"The object store did not delete {error.name!r}: {error.message}."
            )
            raise ServiceUnavailable(message, service="objects")

    def _need_bucket(self) -> None:
        if self._is_bucket_there:
            return
        if not self._client.bucket_exists(self._bucket):
            self._client.make_bucket(self._bucket)
        self._is_bucket_there = True

    async def _call(self, function: Callable[..., T], *args: object) -> T:
        try:
            return await asyncio.to_thread(function, *args)
        except S3Error as error:
            if error.code in _MISSING:
                raise ObjectMissing(error.object_name or self._bucket) from None
            message = f"The object store refused: {error.message}. Check the ATELIER_S3_* settings."
            raise ServiceUnavailable(message, service="objects") from error
        except (HTTPError, OSError) as error:
            message = "The object store does not answer. Check ATELIER_S3_ENDPOINT and that the service runs."
            raise ServiceUnavailable(message, service="objects") from error


def open_store(settings: Settings) -> S3Store:
    """Return the bucket that the settings name.

    Raises:
        AppError: a setting is missing.
    """
    if not (settings.s3_endpoint and settings.s3_access_key and settings.s3_secret_key):
        message = "The S3 object store needs ATELIER_S3_ENDPOINT, ATELIER_S3_ACCESS_KEY and ATELIER_S3_SECRET_KEY."
        raise AppError(message)
    endpoint = urllib.parse.urlsplit(settings.s3_endpoint)
    client = Minio(
        endpoint.netloc,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=endpoint.scheme == "https",
        region=settings.s3_region,
        http_client=PoolManager(
            maxsize=10, timeout=Timeout(connect=3, read=30), retries=Retry(2)
        ),
    )
    return S3Store(client, settings.s3_bucket)
