"""What fails in the middle leaves nothing behind: no row, no job, no message; and the next one works."""

from typing import Any

import pytest
from sqlmodel import select

from app.backend.bootstrap import Services
from app.backend.core import db
from app.backend.core.actor import Actor
from app.backend.core.jobs import QueueName
from app.backend.runs import service as runs
from app.backend.runs.schemas import RunDraft
from app.backend.runs.tables import RunEventRow, RunRow
from app.backend.threads.tables import MessageRow, ThreadRow
from tests.factories.rows import MakeAgent


async def _counts(services: Services) -> list[Any]:
    async with services.db.read() as session:
        tables: list[Any] = [RunRow, RunEventRow, ThreadRow, MessageRow]
        rows = [len((await session.exec(select(table))).all()) for table in tables]
    queue = f"rq:queue:{QueueName.RUNS}"
    return [*rows, await services.redis.execute_command("LLEN", queue)]


async def test_run_whose_start_fails_half_way_was_never_started(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    told: list[str] = []

    async def tell() -> None:
        told.append("committed")

    async def start(*, fails: bool) -> None:
        async with services.db.transaction() as session:
            db.after_commit(session, tell)
            await runs.start_run(
                session,
                actor,
                agent_id=agent.id,
                draft=RunDraft(input={"query": "What?"}),
                parts=services,
            )
            if fails:
                message = "the disk is full"
                raise OSError(message)

    # More often than the pool has connections: none is lost.
    for _ in range(40):
        with pytest.raises(OSError, match="the disk is full"):
            await start(fails=True)
    await services.outbox.settle()
    assert await _counts(services) == [0, 0, 0, 0, 0]
    assert told == []

    await start(fails=False)
    await services.outbox.settle()
    assert await _counts(services) == [1, 1, 1, 1, 1]
    assert told == ["committed"]


async def test_savepoint_that_fails_takes_back_what_was_to_happen_after_the_commit(
    services: Services,
) -> None:
    done: list[str] = []

    def note(session: db.Session, name: str) -> None:
        async def act() -> None:
            done.append(name)

        db.after_commit(session, act)

    async def fail(session: db.Session) -> None:
        async with db.savepoint(session):
            note(session, "inside")
            message = "refused"
            raise OSError(message)

    async with services.db.transaction() as session:
        note(session, "before")
        with pytest.raises(OSError, match="refused"):
            await fail(session)
        async with db.savepoint(session):
            note(session, "good")
        note(session, "after")

    assert done == ["before", "good", "after"]
