"""How the database means to answer what it is asked."""

import re
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from app.backend.bootstrap import Services
from app.backend.core.db import Session

EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}
Statement = tuple[str, Any]


async def scans_of(
    services: Services, big: str, ask: Callable[[Session], Awaitable[Any]]
) -> list[str]:
    """Return the queries of `ask`, with their plans, that read the whole of a table of `big`, names with `|` between."""
    pattern = {
        "sqlite": rf"\bSCAN ({big})\b",
        "postgresql": rf"\bSeq Scan on ({big})\b",
    }[services.db.engine.dialect.name]
    plans = await plans_of(services, ask)
    return [plan for plan in plans if re.search(pattern, plan)]


async def plans_of(
    services: Services,
    ask: Callable[[Session], Awaitable[Any]],
    *,
    settings: Sequence[str] = (),
) -> list[str]:
    """Return the queries of `ask`, with their plans; PostgreSQL plans with `settings`, such as `enable_sort = off`.

    A question that asks for nothing proves nothing, and fails.
    """
    with _statements(services) as statements:
        async with services.db.read() as session:
            await ask(session)
    selects = [each for each in statements if "SELECT" in each[0]]
    assert selects, "Nothing was asked."
    return [
        f"{words}\n{await _explain(services, words, given, settings)}"
        for words, given in selects
    ]


@contextmanager
def _statements(services: Services) -> Generator[list[Statement], None, None]:
    """Collect what is sent to the database."""
    found: list[Statement] = []

    def keep(_c: Any, _k: Any, statement: str, parameters: Any, *_: Any) -> None:
        found.append((statement, parameters))

    engine = services.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", keep)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", keep)


async def _explain(
    services: Services, words: str, parameters: Any, settings: Sequence[str]
) -> str:
    dialect = services.db.engine.dialect.name
    async with services.db.engine.connect() as connection:
        for setting in settings if dialect == "postgresql" else ():
            await connection.exec_driver_sql(f"SET LOCAL {setting}")
        plan = await connection.exec_driver_sql(
            f"{EXPLAIN[dialect]} {words}", parameters
        )
        return "\n".join(str(row[-1]) for row in plan)
