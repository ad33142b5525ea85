"""P13: lists and searches in an installation with a million runs, a million threads and a million events.

The same queries as the pages and the API ask, through the services, on SQLite and on PostgreSQL; the floor is the
bare first page by the primary key in the same database. The plan of each hot query is looked at too.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from sqlalchemy import text

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.settings import Settings
from bench.million import MILLION, fill
from bench.p13_queries import Query, queries_of
from bench.report import Row, percentile, report
from tests.stack import start_stack

ROUNDS = 3
TIMES = 30
GOAL = "p95 at most 10 ms, no scan of a table in the plan of a hot query"


async def main(kind: str, settings: Settings) -> list[Row]:
    """Fill a database, ask every query, and return the rows of the table."""
    async with bootstrap.build(settings) as services:
        began = perf_counter()
        world = await fill(services)
        print(
            f"{kind}: {MILLION.runs:,} runs in {perf_counter() - began:.0f} s",
            flush=True,
        )
        queries = [_floor(), *queries_of(world)]
        spent: dict[str, list[float]] = {query.name: [] for query in queries}
        for _ in range(ROUNDS):
            for query in queries:
                spent[query.name] += await _ask(services, world.actor, query)
        return [
            {
                "query": query.name,
                "database": kind,
                "p50 ms": percentile(spent[query.name], 50),
                "p95 ms": percentile(spent[query.name], 95),
                "most ms": max(spent[query.name]),
                "met": "yes" if percentile(spent[query.name], 95) <= 10 else "NO",
            }
            for query in queries
        ]


def _floor() -> Query:
    async def first_page(session: Session, _: Actor) -> None:
        query = text("SELECT id, status, created_at FROM run ORDER BY id DESC LIMIT 50")
        await (await session.connection()).execute(query)

    return Query("bare first page by the primary key", first_page)


async def _ask(services: Services, actor: Actor, query: Query) -> list[float]:
    times: list[float] = []
    for _ in range(TIMES):
        async with services.db.read() as session:
            began = perf_counter()
            await query.ask(session, actor)
            times.append((perf_counter() - began) * 1000)
    return times[1:]  # the first one compiles the statement


if __name__ == "__main__":
    rows: list[Row] = []
    for name in sys.argv[1:] or ("sqlite", "postgres"):
        with (
            start_stack(name) as stack,
            tempfile.TemporaryDirectory(prefix="atelier-p13-") as folder,
            stack.make_installation(Path(folder) / "data") as chosen,
        ):
            rows += asyncio.run(main(name, chosen))
    report("p13_lists", f"Lists of {MILLION.runs:,} runs", rows, goal=GOAL)
