"""On SQLite no policy hides rows, so that a name that was forgotten would show on PostgreSQL alone: here it is an error."""

import re

from sqlalchemy import Connection, Engine, event

from app.backend.core import acting
from app.backend.tables import metadata

# What they find is read from tables that have policies.
_OPEN = {"run_text"}
_GUARDED = {"model_middleware"} | {
    table.name
    for table in metadata.sorted_tables
    if "owner_id" in table.columns and table.name not in _OPEN
}
_TABLE = re.compile(r'\b(?:FROM|JOIN|INTO|UPDATE)\s+"?(\w+)')


class NobodyAsks(AssertionError):
    """A statement would find nothing on PostgreSQL, or be refused there."""


def refuse_nobody() -> None:
    """Let every engine of this process, and of those that are forked from it, refuse what is asked in nobody's name."""
    event.listen(Engine, "before_cursor_execute", _check)


def _check(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
    if connection.dialect.name != "sqlite" or acting.current() != acting.NOBODY:
        return
    touched = _GUARDED.intersection(_TABLE.findall(statement))
    if touched:
        message = f"Nobody asks for {', '.join(sorted(touched))}: say in whose name with core/acting.py.\n{statement}"
        raise NobodyAsks(message)
