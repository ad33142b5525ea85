"""Usage is added up by day, agent, model and user, for oneself, and for everybody by administrators."""

import csv
import io
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.core.errors import Forbidden, Invalid
from app.backend.usage import repository, service
from app.backend.usage.schemas import UsageGroup, UsageReport, UsageWish
from app.backend.usage.tables import UsageRecordRow
from tests.factories.usage import usage_row

TODAY = date(2026, 11, 20)
AGENT = UUID(int=7)


def _row(actor: Actor, **values: Any) -> UsageRecordRow:
    return usage_row(actor, **{"day": TODAY, "agent_id": AGENT, **values})


async def _add(services: Services, *rows: UsageRecordRow) -> None:
    async with services.db.transaction() as session:
        session.add_all(rows)


async def _report(
    services: Services, actor: Actor, by: UsageGroup, **wish: Any
) -> UsageReport:
    days = {"since": TODAY - timedelta(days=9), "until": TODAY}
    asked = UsageWish.model_validate({**days, **wish})
    async with services.db.read() as session:
        return await service.report_usage(session, actor, wish=asked, group_by=by)


async def test_sums_of_each_model_with_its_latency_and_errors(
    services: Services, actor: Actor
) -> None:
    slow = [_row(actor, model="p/a", milliseconds=float(n)) for n in range(1, 21)]
    await _add(
        services,
        *slow,
        _row(actor, model="p/b", outcome="failed", cost_micros=None, tokens_out=0),
        _row(actor, model="p/b", is_estimated=True, cost_micros=9000),
        _row(actor, day=TODAY - timedelta(days=10)),
    )

    report = await _report(services, actor, UsageGroup.MODEL)

    dear, cheap = report.items
    assert (dear.key, dear.calls, dear.failed) == ("p/b", 2, 1)
    assert (dear.cost_micros, dear.unpriced, dear.estimated) == (9000, 1, 1)
    assert (cheap.key, cheap.calls, cheap.cost_micros) == ("p/a", 20, 300)
    assert (cheap.tokens_in, cheap.tokens_out) == (200, 100)
    assert (cheap.p50, cheap.p95) == (10.0, 19.0)
    assert (report.total.calls, report.total.cost_micros) == (22, 9300)


async def test_days_come_in_order_and_agents_by_their_names(
    services: Services, actor: Actor
) -> None:
    await _add(
        services,
        _row(actor, cost_micros=1),
        _row(actor, day=TODAY - timedelta(days=3), cost_micros=99),
        _row(actor, agent_id=None, agent_name="Gone", cost_micros=1),
    )

    days = await _report(services, actor, UsageGroup.DAY)
    agents = await _report(services, actor, UsageGroup.AGENT)
    one = await _report(services, actor, UsageGroup.AGENT, agent_id=AGENT)

    assert [(line.key, line.cost_micros) for line in days.items] == [
        ("2026-11-17", 99),
        ("2026-11-20", 2),
    ]
    assert [(line.key, line.name) for line in agents.items] == [
        (str(AGENT), "Clerk"),
        ("", "Gone"),
    ]
    assert (one.total.calls, one.total.cost_micros) == (2, 100)


async def test_providers_are_added_up_with_what_came_from_caches(
    services: Services, actor: Actor
) -> None:
    kept = {"tokens_in": 0, "tokens_out": 0, "cost_micros": 0}
    await _add(
        services,
        _row(actor, provider="p", tokens_cached=5),
        _row(actor, provider="p", **kept),
        _row(actor, provider="p", outcome="failed", **kept),
        _row(actor, provider="q", model="q/a"),
    )

    report = await _report(services, actor, UsageGroup.PROVIDER)
    one = await _report(services, actor, UsageGroup.MODEL, provider="q")

    found = {line.key: line for line in report.items}
    assert set(found) == {"p", "q"}
    assert (found["p"].calls, found["p"].failed, found["p"].from_cache) == (3, 1, 1)
    assert (found["p"].tokens_in, found["p"].tokens_cached) == (10, 5)
    assert [line.key for line in one.items] == ["q/a"]


async def test_others_usage_is_for_administrators(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    await _add(services, _row(actor), _row(other_actor, cost_micros=50))

    own = await _report(services, other_actor, UsageGroup.MODEL)
    everyone = await _report(services, actor, UsageGroup.USER, is_everyone=True)
    theirs = await _report(
        services, actor, UsageGroup.MODEL, user_id=other_actor.user_id
    )

    assert (own.total.calls, own.total.cost_micros) == (1, 50)
    assert [(line.name, line.calls) for line in everyone.items] == [
        (other_actor.email, 1),
        (actor.email, 1),
    ]
    assert theirs.total.cost_micros == 50
    for wish in ({"is_everyone": True}, {"user_id": actor.user_id}):
        with pytest.raises(Forbidden):
            await _report(services, other_actor, UsageGroup.MODEL, **wish)
    with pytest.raises(Forbidden):
        await _report(services, other_actor, UsageGroup.USER)


async def test_days_that_make_no_sense_are_refused() -> None:
    with pytest.raises(Invalid, match="The last day is before the first"):
        UsageWish(since=TODAY, until=TODAY - timedelta(days=1))
    with pytest.raises(Invalid, match="At most 366 days"):
        UsageWish(since=TODAY - timedelta(days=366), until=TODAY)


async def test_file_has_every_call_once_and_no_formula(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    await _add(
        services,
        *[_row(actor, agent_name="=1+1") for _ in range(1001)],
        _row(other_actor),
    )
    wish = UsageWish(since=TODAY, until=TODAY)

    file = "".join(
        [text async for text in service.export_usage(services.db, actor, wish=wish)]
    )

    lines = list(csv.DictReader(io.StringIO(file)))
    assert len({line["run_id"] for line in lines}) == len(lines) == 1001
    assert {line["agent"] for line in lines} == {"'=1+1"}
    assert {line["cost_usd"] for line in lines} == {"0.000015"}


async def test_no_question_reads_the_whole_table(
    services: Services, owner_db: Database, actor: Actor, other_actor: Actor
) -> None:
    first = TODAY - timedelta(days=360)
    rows = [
        _row(other_actor if n % 10 else actor, day=first + timedelta(days=n % 360))
        for n in range(4000)
    ]
    await _add(services, *rows)
    is_postgres = services.db.engine.dialect.name == "postgresql"
    if is_postgres:
        async with owner_db.engine.begin() as connection:
            await connection.exec_driver_sql("ANALYZE usage_record")

    selects = await _asked(services, actor, rows)

    explain = "EXPLAIN" if is_postgres else "EXPLAIN QUERY PLAN"
    scan = "Seq Scan on usage_record" if is_postgres else "SCAN usage_record"
    assert len(selects) >= 7
    async with services.db.engine.connect() as connection:
        for words, parameters in selects:
            plan = await connection.exec_driver_sql(f"{explain} {words}", parameters)
            text = "\n".join(str(line[-1]) for line in plan)
            assert scan not in text, f"{words}\n{text}"


async def _asked(
    services: Services, actor: Actor, rows: list[UsageRecordRow]
) -> list[tuple[str, Any]]:
    """Ask everything that pages ask, and return what the database was sent."""
    asked: list[tuple[str, Any]] = []
    engine = services.db.engine.sync_engine

    def keep(_c: Any, _k: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            asked.append((statement, parameters))

    wish = UsageWish(since=TODAY - timedelta(days=6), until=TODAY)
    owner = actor.user_id
    event.listen(engine, "before_cursor_execute", keep)
    try:
        async with services.db.read() as session:
            for by in UsageGroup:
                await repository.summarize(session, wish, owner_id=owner, by=by)
            await repository.cost_of_runs(session, [rows[5].run_id, rows[6].run_id])
            for after in (None, (rows[0].ts, rows[0].run_id, 1)):
                await repository.list_records(
                    session, wish, owner_id=owner, after=after, limit=50
                )
    finally:
        event.remove(engine, "before_cursor_execute", keep)
    return asked
