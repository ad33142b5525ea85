"""Commits what many ask for at once in one transaction: on SQLite they would wait for each other, on PostgreSQL for the disk."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

logger = structlog.get_logger(__name__)

R = TypeVar("R")
_Outcome = tuple[Any, BaseException | None]


@dataclass(frozen=True)
class _Asked:
    """What somebody wants to be written, in whose name, and who waits for it."""

    work: Callable[[Connection], Any]
    then: Callable[[Sequence[Any]], None] | None
    context: Context
    done: asyncio.Future[Any]


class GroupWriter:
    """Writes in a thread, one transaction after the other, for the event loop that asks it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Its own: what waits for Redis in the loop's threads holds up no row.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._asked: list[_Asked] = []
        self._is_writing = False
        self._changing = threading.Lock()

    async def write(
        self,
        work: Callable[[Connection], R],
        then: Callable[[Sequence[R]], None] | None = None,
    ) -> R:
        """Return what `work` has returned, once it is committed.

        Before that, in the thread, `then` is called, once for all works of the transaction that name it, with what they have returned.
        """
        loop = asyncio.get_running_loop()
        asked = _Asked(work, then, copy_context(), loop.create_future())
        with self._changing:
            self._asked.append(asked)
            is_first, self._is_writing = not self._is_writing, True
        if is_first:
            self._thread.submit(self._write_all)
        return await asked.done

    def close(self) -> None:
        """Return when the thread has ended: who forks after this has none."""
        self._thread.shutdown()

    def _write_all(self) -> None:
        while group := self._take():
            outcomes = self._write(group)
            # A loop that was closed meanwhile has nobody who waits.
            with suppress(RuntimeError):
                loop = group[0].done.get_loop()
                loop.call_soon_threadsafe(_tell, group, outcomes)

    def _take(self) -> Sequence[_Asked]:
        with self._changing:
            group, self._asked = self._asked, []
            self._is_writing = bool(group)
            return group

    def _write(self, group: Sequence[_Asked]) -> list[_Outcome]:
        is_begun = False
        try:
            with (
                self._engine.connect() as connection,
                # PostgreSQL is told with BEGIN in whose name it is, and again when the name changes.
                group[0].context.run(connection.begin),
            ):
                is_begun = True
                results = [one.context.run(one.work, connection) for one in group]
        except BaseException as error:  # noqa: BLE001 # lint-skip: edge-catch
            # Whoever asked for it is told.
            if len(group) == 1 or not is_begun or _is_of_all(error):
                return [(None, error)] * len(group)
            # One of them may have failed for the others.
            return [outcome for one in group for outcome in self._write([one])]
        _follow(group, results)
        return [(result, None) for result in results]


def _follow(group: Sequence[_Asked], results: Sequence[Any]) -> None:
    by_name: dict[Callable[[Sequence[Any]], None], list[Any]] = {}
    for one, result in zip(group, results, strict=True):
        if one.then is not None:
            by_name.setdefault(one.then, []).append(result)
    for then, found in by_name.items():
        try:
            then(found)
        except Exception:  # lint-skip: edge-catch
            # It is stored all the same, and others wait.
            logger.exception("write_not_followed")


def _is_of_all(error: BaseException) -> bool:
    # The connection is lost, or the commit was not answered.
    is_database = isinstance(error, DBAPIError)
    return is_database and (error.connection_invalidated or error.statement is None)


def _tell(group: Sequence[_Asked], outcomes: Sequence[_Outcome]) -> None:
    for one, (result, error) in zip(group, outcomes, strict=True):
        if one.done.done():
            continue
        if error is None:
            one.done.set_result(result)
        else:
            one.done.set_exception(error)
