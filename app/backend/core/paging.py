"""Keyset paging: ids are UUIDv7, so a page continues after the last id it showed."""

from collections.abc import Sequence
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.backend.core.errors import Invalid

PAGE_SIZE = 50
PAGE_SIZE_MAX = 200


class Listed(BaseModel):
    """A view that stands in lists: its id is what the next page continues from."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID


L = TypeVar("L", bound=Listed)


class Page(BaseModel, Generic[L]):
    """One page of a list; `next_cursor` is None on the last page."""

    model_config = ConfigDict(frozen=True)

    items: list[L]
    next_cursor: str | None = None


def parse_cursor(cursor: str | None) -> UUID | None:
    """Return the id after which the page starts.

    Raises:
        Invalid: the cursor did not come from a `next_cursor`.
    """
    if not cursor:
        return None
    try:
        return UUID(cursor)
    except ValueError:
        raise Invalid.field(
            "cursor",
            f"{cursor!r} is not a cursor. Use the next_cursor of the page before.",
        ) from None


def to_page(items: Sequence[L], limit: int) -> Page[L]:
    """Return a page from up to `limit + 1` items: the one too many says that there are more."""
    shown = list(items[:limit])
    return Page(
        items=shown, next_cursor=str(shown[-1].id) if len(items) > limit else None
    )
