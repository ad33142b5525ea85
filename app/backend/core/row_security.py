"""Tells PostgreSQL in whose name each statement is sent; by that its policies show rows and take changes.

It is said together with BEGIN, so that it costs no round trip, and again when another name is taken within a
transaction. `docs/decisions/0027-row-level-security.md` says why here.
"""

from typing import Any

from sqlalchemy import Connection, Engine, event

from app.backend.core import acting
from app.backend.core.acting import Acting

_SAID = "acting"
# These are sent while a transaction may have failed, where nothing else can be said.
_OF_SAVEPOINTS = ("SAVEPOINT", "ROLLBACK TO", "RELEASE")
# Without parameters the driver sends a text as it is, which may then be several statements; it is no query to stream.
_AS_IT_IS = {"no_parameters": True, "stream_results": False, "yield_per": None}


def listen(engine: Engine) -> None:
    """Let each transaction of `engine`, which is one of PostgreSQL, say in whose name it is."""
    event.listen(engine, "connect", _leave_begin_to_us)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _say_who)
    event.listen(engine, "rollback_savepoint", _forget)


def _leave_begin_to_us(connection: Any, _record: object) -> None:
    connection.autocommit = True


def _begin(connection: Connection) -> None:
    now = acting.current()
    connection.info[_SAID] = now
    connection.exec_driver_sql(f"BEGIN; {_words(now)}", execution_options=_AS_IT_IS)


def _say_who(connection: Connection, _cursor: object, statement: str, *_: Any) -> None:
    now = acting.current()
    if connection.info.get(_SAID) == now or statement.startswith(_OF_SAVEPOINTS):
        return
    connection.info[_SAID] = now
    connection.exec_driver_sql(_words(now), execution_options=_AS_IT_IS)


def _forget(connection: Connection, *_: object) -> None:
    # What was said since the savepoint is undone with it.
    connection.info.pop(_SAID, None)


def _words(who: Acting) -> str:
    # Neither can hold a quote: one is a UUID, the other a word of ours.
    return f"SET LOCAL atelier.actor = '{who.user_id or ''}'; SET LOCAL atelier.work = '{who.work or ''}'"
