"""What every paged list's store shares."""

from collections.abc import Sized
from uuid import UUID

import reflex as rx

PAGE_SIZE = 50
ROWS_MAX = 200


def length_again(rows: Sized) -> int:
    """Return how many rows to read so that a list stays as long as it is shown."""
    return min(max(len(rows), PAGE_SIZE), ROWS_MAX)


class PagingMixin(rx.State, mixin=True):
    """Where the next page starts; pages are added until there are `ROWS_MAX` rows."""

    is_loading: rx.Field[bool] = rx.field(True)
    has_more: rx.Field[bool] = rx.field(False)
    _cursor: str = ""

    def _note_page(self, next_cursor: str | None, rows: int) -> None:
        self._cursor = next_cursor or ""
        self.has_more = bool(next_cursor) and rows < ROWS_MAX
        self.is_loading = False


class TurnedMixin(rx.State, mixin=True):
    """Pages that are turned, however many there are: `before` is where the one that is shown begins, also in the address."""

    is_loading: rx.Field[bool] = rx.field(True)
    before: rx.Field[str] = rx.field("")
    has_older: rx.Field[bool] = rx.field(False)
    _cursor: str = ""

    def _note_page(self, next_cursor: str | None) -> None:
        self._cursor = next_cursor or ""
        self.has_older = bool(next_cursor)
        self.is_loading = False


def cleaned_cursor(text: str) -> str:
    """Return a cursor as it stands in an address, or nothing when it is none."""
    try:
        return str(UUID(text))
    except ValueError:
        return ""
