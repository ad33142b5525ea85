"""Several files in one request: each is taken or refused on its own."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import UploadFile
from pydantic import BaseModel

from app.backend.api.parts import ApiParts
from app.backend.core.actor import Actor
from app.backend.core.errors import AppError, Invalid
from app.backend.files.errors import FileTooLarge
from app.backend.files.validation import size_words
from app.backend.knowledge import uploads
from app.backend.knowledge.schemas import DocumentView

NAMELESS = "upload"


class Refusal(BaseModel):
    """A file that was not taken, and why."""

    name: str
    error: str


class Uploaded(BaseModel):
    """The documents that an upload made, and the files that were refused."""

    items: list[DocumentView]
    refused: list[Refusal]
    next_cursor: None = None


async def take_all(
    parts: ApiParts, actor: Actor, *, collection_id: UUID, files: Sequence[UploadFile]
) -> Uploaded:
    """Store the files as documents of a collection.

    Raises:
        Invalid: there is no file.
        AppError: not one of them was taken; with one file, its own error.
    """
    if not files:
        raise Invalid.field("files", "Send at least one file in the field `files`.")
    taken: list[DocumentView] = []
    refused: list[tuple[str, AppError]] = []
    for file in files:
        name = file.filename or NAMELESS
        try:
            taken.append(await _take(parts, actor, collection_id, name, file))
        except AppError as error:  # lint-skip: edge-catch
            refused.append((name, error))
    if not taken and len(refused) == 1:
        raise refused[0][1]
    if not taken:
        raise Invalid({name: [error.message] for name, error in refused})
    return Uploaded(
        items=taken,
        refused=[Refusal(name=name, error=error.message) for name, error in refused],
    )


async def _take(
    parts: ApiParts, actor: Actor, collection_id: UUID, name: str, file: UploadFile
) -> DocumentView:
    size_max = parts.settings.upload_max_bytes
    if file.size is not None and file.size > size_max:
        # Before its bytes are read into memory.
        message = f"{name!r} has {size_words(file.size)}; the limit is {size_words(size_max)}. Split it into smaller files."
        raise FileTooLarge(message)
    return await uploads.upload_document(
        parts, actor, collection_id=collection_id, name=name, body=await file.read()
    )
