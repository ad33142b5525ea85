"""Rows of uploaded files."""

from sqlmodel import Field

from app.backend.core.rows import OwnedRow


class FileRow(OwnedRow, table=True):
    """An upload; its bytes lie in the object store under `object_key`."""

    name: str = Field(max_length=255)
    media_type: str
    size: int
    sha256: str = Field(index=True)
    object_key: str = Field(unique=True)
