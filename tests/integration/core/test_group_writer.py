"""What many write at once: one transaction, in each one's own name, and nobody fails for another."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
from sqlalchemy import Connection, event, func
from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core import acting
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.core.run_events import Log, RunStatus
from app.backend.runs.event_log import EventLog
from app.backend.runs.tables import RunEventRow, RunRow
from tests.factories.rows import MakeRun, RowFactory


@pytest.fixture
def commits(services: Services) -> list[str]:
    """What is noted for each transaction of the writer's engine."""
    found: list[str] = []
    engine = services.db._plain  # pyright: ignore[reportPrivateUsage]
    event.listen(engine, "commit", lambda _: found.append("commit"))
    return found


def _rename(run_id: UUID, name: str) -> Callable[[Connection], int]:
    def work(connection: Connection) -> int:
        table = RunRow.__table__  # pyright: ignore[reportAttributeAccessIssue]
        query = table.update().where(table.c.id == run_id).values(agent_name=name)
        return connection.execute(query).rowcount

    return work


async def _names(db: Database, rows: list[RunRow]) -> list[str]:
    async with db.read() as session:
        query = select(RunRow.id, RunRow.agent_name).where(
            col(RunRow.id).in_([row.id for row in rows])
        )
        found = dict((await session.exec(query)).all())
    return [found[row.id] for row in rows]


async def test_what_is_asked_for_at_once_is_one_transaction_after_the_first(
    services: Services, actor: Actor, make_run: MakeRun, commits: list[str]
) -> None:
    rows = [await make_run(actor) for _ in range(10)]
    told: list[Sequence[int]] = []
    tell = told.append

    changed = await asyncio.gather(
        *(
            services.db.write(_rename(row.id, f"Run {number}"), then=tell)
            for number, row in enumerate(rows)
        )
    )

    assert changed == [1] * 10
    assert await _names(services.db, rows) == [f"Run {number}" for number in range(10)]
    assert sum(len(changes) for changes in told) == 10
    assert len(told) == len(commits) <= 3


async def test_nobody_fails_for_another(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    rows = [await make_run(actor) for _ in range(4)]
    kept, told = rows[1].agent_name, list[str]()

    def fail(connection: Connection) -> int:
        _rename(rows[1].id, "Never")(connection)
        message = "This cannot be."
        raise ValueError(message)

    works = [_rename(rows[0].id, "One"), _rename(rows[2].id, "Two"), fail]
    found = await asyncio.gather(
        *(
            services.db.write(
                work, then=lambda _, number=number: told.append(str(number))
            )
            for number, work in enumerate([*works, _rename(rows[3].id, "Three")])
        ),
        return_exceptions=True,
    )

    assert [isinstance(one, ValueError) for one in found] == [False, False, True, False]
    assert await _names(services.db, rows) == ["One", kept, "Two", "Three"]
    assert sorted(told) == ["0", "1", "3"]


async def test_what_fails_after_the_commit_holds_up_nobody(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    row = await make_run(actor)

    def fail(_: Sequence[int]) -> None:
        message = "Nobody can be told."
        raise ValueError(message)

    assert await services.db.write(_rename(row.id, "Once"), then=fail) == 1
    assert await services.db.write(_rename(row.id, "Twice")) == 1
    assert await _names(services.db, [row]) == ["Twice"]


async def test_each_writes_in_its_own_name(
    services: Services, rows: RowFactory
) -> None:
    people = [await rows.user() for _ in range(3)]
    runs = [
        await rows.run(person, status=RunStatus.RUNNING, epoch=1) for person in people
    ]

    async def say(person: Actor, row: RunRow) -> None:
        with acting.as_user(person.user_id):
            log = EventLog(services.db, row, lambda _: None)
            for number in range(5):
                log.append(Log(message=f"Line {number}."))
                await log.flush()

    await asyncio.gather(*(say(*pair) for pair in zip(people, runs, strict=True)))

    with acting.as_system():
        async with services.db.read() as session:
            query = select(
                RunEventRow.run_id, RunEventRow.owner_id, func.count()
            ).where(col(RunEventRow.run_id).in_([run.id for run in runs]))
            grouped = query.group_by(col(RunEventRow.run_id), col(RunEventRow.owner_id))
            found = (await session.exec(grouped)).all()
    assert sorted(found) == sorted(
        (run.id, person.user_id, 5) for run, person in zip(runs, people, strict=True)
    )
