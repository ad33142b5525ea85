"""What files shows and takes."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from app.backend.core.paging import Listed


class FileView(Listed):
    """An uploaded file."""

    name: str
    media_type: str
    size: int
    sha256: str
    object_key: str
    created_at: datetime


class Upload(BaseModel):
    """An upload that passed every check."""

    model_config = ConfigDict(frozen=True)

    name: str
    media_type: str
    size: int
    sha256: str
