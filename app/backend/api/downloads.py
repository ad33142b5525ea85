"""Originals in the local object store, by an address that we signed."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from app.backend.api.deps import PartsDep
from app.backend.core.errors import NotFound
from app.backend.files import storage

router = APIRouter(tags=["files"])

EXPIRES_MAX = 2**40


@router.get(
    "/files/{key:path}",
    response_class=StreamingResponse,
    openapi_extra={"security": []},
)
async def download(
    parts: PartsDep,
    key: str,
    name: Annotated[str, Query(max_length=500)],
    expires: Annotated[int, Query(ge=0, le=EXPIRES_MAX)],
    signature: Annotated[str, Query(max_length=200)],
) -> StreamingResponse:
    """Download a file; the address is good for some minutes and needs no login."""
    signer = storage.make_signer(parts.settings, parts.keyring)
    if not signer.is_valid(key, name=name, expires=expires, signature=signature):
        raise NotFound("file", key)
    pieces = parts.objects.stream(key)
    # Asked for now, so that an absent file is an answer and not a broken download.
    first = await anext(pieces, b"")

    async def body():  # noqa: ANN202 - a generator of bytes
        yield first
        async for piece in pieces:
            yield piece

    return StreamingResponse(
        body(),
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
        },
    )
