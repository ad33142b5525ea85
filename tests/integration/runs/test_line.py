"""Whose run is next, how many there may be, and that a job is only a hint."""

import asyncio
from dataclasses import replace
from uuid import UUID

import psutil
from sqlalchemy import text

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.core.errors import TooMany
from app.backend.core.run_events import RunStatus
from app.backend.runs.claiming import claim_next
from app.backend.runs.line import next_in_line
from app.backend.runs.tables import RunRow
from tests.factories.rows import MakeAgent, MakeRun, MakeUser
from tests.runs import Runs


def _queued(owner: Actor, turn: int) -> RunRow:
    return RunRow(
        owner_id=owner.user_id,
        agent_name="Librarian",
        status=RunStatus.QUEUED,
        trigger="api",
        correlation_id=ids.new_id(),
        input={"query": "What?"},
        turn=turn,
    )


async def _take(services: Services) -> RunRow | None:
    taken = await claim_next(services, worker="test")
    return taken[0] if taken else None


async def test_first_run_of_another_user_is_not_held_up_by_three_hundred(
    services: Services, actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    theirs = await make_agent(other_actor)
    async with services.db.transaction() as session:
        session.add_all([_queued(actor, turn) for turn in range(300)])
    begun = [await _take(services) for _ in range(2)]
    others = Runs(services, other_actor)
    first, second = await others.start(theirs.id), await others.start(theirs.id)

    taken = [await _take(services) for _ in range(4)]

    owners = [row.owner_id for row in taken if row is not None]
    assert all(row is not None for row in begun)
    assert set(owners[:2]) == {actor.user_id, other_actor.user_id}
    assert set(owners[2:]) == {actor.user_id, other_actor.user_id}
    assert {first.id, second.id} <= {row.id for row in taken if row is not None}


async def test_many_new_runs_of_others_do_not_starve_who_has_waited(
    services: Services, actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    mine, theirs = await make_agent(actor), await make_agent(other_actor)
    for _ in range(4):
        await Runs(services, actor).start(mine.id)
    taken: list[UUID] = []

    for _ in range(8):
        await Runs(services, other_actor).start(theirs.id)
        row = await _take(services)
        assert row is not None
        taken.append(row.owner_id)

    assert taken.count(actor.user_id) == 4


async def test_run_that_goes_on_is_before_those_that_never_began(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    await make_run(actor, turn=7)
    again = await make_run(actor, turn=3, epoch=2)

    row = await _take(services)

    assert row is not None
    assert row.id == again.id


async def test_of_a_hundred_jobs_for_a_run_one_has_it(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    run = await runs.start((await make_agent(actor)).id)

    claims = await asyncio.gather(*(_take(services) for _ in range(100)))

    owners = [row for row in claims if row is not None]
    assert [(row.id, row.epoch) for row in owners] == [(run.id, 1)]
    started = [e for e in await runs.events(run.id) if e.type == "run_started"]
    assert len(started) == 1


async def test_a_hundred_workers_take_a_hundred_runs(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    made = {(await make_run(actor, turn=n)).id for n in range(100)}

    claims = await asyncio.gather(*(_take(services) for _ in range(100)))

    # Who finds its run taken at that moment does nothing; the sweep asks for another job.
    taken = [row.id for row in claims if row is not None]
    assert len(taken) == len(set(taken))
    while (row := await _take(services)) is not None:
        taken.append(row.id)
    assert set(taken) == made


async def test_of_starts_at_once_exactly_as_many_as_the_cap_are_accepted(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    limits = services.settings.model_copy(update={"runs_active_max": 20})
    starter = Runs(replace(services, settings=limits), actor)
    agent = await make_agent(actor)
    process = psutil.Process()
    before = process.memory_info().rss

    ends = await asyncio.gather(
        *(starter.start(agent.id) for _ in range(60)), return_exceptions=True
    )

    refused = [end for end in ends if isinstance(end, TooMany)]
    assert len(refused) == 40
    assert {end.retry_after for end in refused} == {10}
    assert sum(not isinstance(end, BaseException) for end in ends) == 20
    assert process.memory_info().rss - before < 64 * 1024 * 1024


# Queued runs of a hundred users, written by the database itself.
LONG_LINE = {
    "sqlite": """
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
        INSERT INTO run ({columns}) SELECT lower(hex(randomblob(16))), {values} FROM n, line_owner o WHERE o.n = i % 100
    """,
    "postgresql": """
        INSERT INTO run ({columns}) SELECT gen_random_uuid(), {values}
        FROM generate_series(0, 4999) i, line_owner o WHERE o.n = i % 100
    """,
}
VALUES = {
    "created_at": "o.created_at",
    "owner_id": "o.id",
    "agent_name": "'Librarian'",
    "status": "'queued'",
    "trigger": "'api'",
    "correlation_id": "o.id",
    "input": "'{}'",
    "turn": "i / 100",
    **dict.fromkeys(("error", "error_code", "model", "worker", "interruption"), "''"),
    **dict.fromkeys(("tokens_in", "tokens_out", "epoch", "attempt", "last_seq"), "0"),
    "dispatch": "1",
}


async def test_claim_reads_only_the_end_of_an_index_in_a_long_line(
    services: Services,
    owner_db: Database,
    make_user: MakeUser,
    make_agent: MakeAgent,
) -> None:
    users = [await make_user() for _ in range(100)]
    dialect = services.db.engine.dialect
    columns, values = ", ".join(["id", *VALUES]), ", ".join(VALUES.values())
    fill = LONG_LINE[dialect.name].format(columns=columns, values=values)
    # Half-built statistics are worse than none.
    owners = 'CREATE TEMPORARY TABLE line_owner AS SELECT id, created_at, row_number() OVER (ORDER BY id) - 1 AS n FROM "user"'
    async with owner_db.engine.begin() as connection:
        for statement in (owners, fill, "ANALYZE"):
            await connection.execute(text(statement))
    async with services.db.engine.begin() as connection:
        query = next_in_line(first_turn=0).compile(
            dialect=dialect, compile_kwargs={"literal_binds": True}
        )
        explain = "EXPLAIN QUERY PLAN" if services.db.is_sqlite else "EXPLAIN"
        plan = (await connection.execute(text(f"{explain} {str(query)[1:-1]}"))).all()

    began = clock.monotonic()
    rows = [await _take(services) for _ in range(20)]
    seconds = (clock.monotonic() - began) / 20

    assert "ix_run_status_turn_id" in str(plan)
    assert "SCAN" not in str(plan).upper().replace("INDEX ONLY SCAN", "").replace(
        "INDEX SCAN", ""
    )
    assert {row.owner_id for row in rows if row is not None} < {
        user.user_id for user in users
    }
    assert len({row.owner_id for row in rows if row is not None}) == 20
    # Some twenty times what it takes: the line's length must not tell.
    assert seconds < 0.2
