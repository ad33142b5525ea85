"""What the rewritten code asks: whether its guard is the one that is away. Only the copy that is tested has it."""

from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy
import sqlmodel
from typing_extensions import override

from app.backend.core.actor import Permission
from app.backend.identity.sharing_schemas import Level
from scripts.mutants.sites import EVERYBODYS

_away: list[int] = []
# The guards that were asked since somebody emptied this.
reached: set[int] = set()


def take_away(number: int) -> None:
    """Take away the guard with that number, for the rest of this process."""
    _away[:] = [number]


def _is_away(number: int) -> bool:
    reached.add(number)
    return number in _away


def permission(number: int, wanted: Permission) -> Any:
    """Return the permission, or while its check is away one that everybody has."""
    return _Lazy(number, wanted)


def level(number: int, wanted: Level) -> Level:
    """Return the level that is needed, or one that everybody has who sees the thing."""
    return Level.VIEW if _is_away(number) else wanted


def rows(number: int, door: Callable[..., Any], actor: Any, table: Any) -> Any:
    """Return the query for the rows of the actor, or for everybody's."""
    return sqlmodel.select(table) if _is_away(number) else door(actor, table)


def condition(number: int, door: Callable[..., Any], actor: Any, table: Any) -> Any:
    """Return the condition for what the actor may see, or that it holds."""
    return sqlalchemy.true() if _is_away(number) else door(actor, table)


def owner(number: int, compare: Callable[[], Any], *, is_same: bool) -> Any:
    """Return the comparison of an owner, or that it fits."""
    if not _is_away(number):
        return compare()
    return sqlalchemy.true() if is_same else False


def holds(number: int, check: Callable[[], bool]) -> bool:
    """Return what a check says, or that all is well."""
    return _is_away(number) or check()


async def look(number: int, check: Callable[[], Awaitable[Any]]) -> Any:
    """Look for what must be one's own, or do not."""
    return None if _is_away(number) else await check()


async def signed_in(number: int, check: Callable[[], Awaitable[bool]]) -> bool:
    """Return whether a login goes on, or that it does."""
    return _is_away(number) or await check()


class _Lazy:
    """A permission that is looked at when it is needed: it has the hash of what it then is, and is equal to that.

    It is no string: two strings are compared by their letters, whatever the second one has to say.
    """

    __slots__ = ("_number", "_wanted")

    def __init__(self, number: int, wanted: Permission) -> None:
        self._number, self._wanted = number, wanted

    @property
    def value(self) -> str:
        """Its name, in answers that refuse."""
        return self._wanted.value

    def _now(self) -> Permission:
        return EVERYBODYS if _is_away(self._number) else self._wanted

    @override
    def __hash__(self) -> int:
        return hash(self._now())

    @override
    def __eq__(self, other: object) -> bool:
        return self._now() == other
