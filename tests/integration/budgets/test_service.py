"""Who may set, see and change which budget, and what is shown of them."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from app.backend.bootstrap import Services
from app.backend.budgets import service as budgets
from app.backend.budgets.errors import BudgetImposed
from app.backend.budgets.schemas import BudgetChange, BudgetDraft
from app.backend.core import clock, ids
from app.backend.core.actor import Actor, Permission
from app.backend.core.counts import ELSEWHERE
from app.backend.core.db import Database
from app.backend.core.errors import Forbidden, Invalid, NotFound
from tests.factories.rows import MakeAgent
from tests.factories.usage import add_usage


@contextmanager
def kept_queries(db: Database) -> Generator[list[str]]:
    """Give the statements that are sent, as they are sent."""
    seen: list[str] = []

    def keep(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", keep)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", keep)


async def _set(services: Services, actor: Actor, **draft: Any) -> Any:
    async with services.db.transaction() as session:
        return await budgets.create_budget(
            session, actor, draft=BudgetDraft.model_validate({"amount": 1, **draft})
        )


async def _change(services: Services, actor: Actor, budget: Any, **values: Any) -> Any:
    async with services.db.transaction() as session:
        return await budgets.change_budget(
            session,
            actor,
            budget_id=budget.id,
            change=BudgetChange.model_validate(values),
            is_everyone=actor.may(Permission.VIEW_USER),
        )


async def _list(services: Services, actor: Actor, **wanted: Any) -> list[Any]:
    async with services.db.read() as session:
        return (await budgets.list_budgets(session, actor, **wanted)).items


async def test_people_limit_themselves_and_their_agents(
    services: Services, actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    own, foreign = await make_agent(other_actor), await make_agent(actor)
    of_agent = {"scope": "agent", "agent_id": own.id}

    await _set(services, other_actor)
    await _set(services, other_actor, **of_agent)
    with pytest.raises(NotFound):
        await _set(services, other_actor, scope="agent", agent_id=foreign.id)
    for draft in ({"scope": "installation"}, {"user_id": actor.user_id}):
        with pytest.raises(Forbidden):
            await _set(services, other_actor, **draft)

    found = await _list(services, other_actor)
    assert [(one.scope, one.agent_name, one.may_change) for one in found] == [
        ("agent", own.name, True),
        ("user", "", True),
    ]
    assert [one.id for one in await _list(services, other_actor, agent_id=own.id)] == [
        found[0].id
    ]
    with pytest.raises(Forbidden):
        await _list(services, other_actor, is_everyone=True)
    assert await _list(services, actor) == []
    with pytest.raises(NotFound):
        await _set(services, actor, **of_agent)
    imposed = await _set(services, actor, **of_agent, is_everyone=True)
    assert (imposed.is_imposed, imposed.user_email) == (True, other_actor.email)
    assert len(await _list(services, actor, is_everyone=True)) == 3


async def test_what_an_administrator_imposes_only_they_change(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    imposed = await _set(services, actor, user_id=other_actor.user_id)
    of_all = await _set(services, actor, scope="installation")

    assert [one.id for one in await _list(services, actor)] == [of_all.id]
    others, seen = await _list(services, other_actor)
    assert (others.id, others.may_change) == (of_all.id, False)
    assert (seen.id, seen.is_imposed, seen.may_change) == (imposed.id, True, False)
    with pytest.raises(BudgetImposed):
        await _change(services, other_actor, imposed, amount=100)
    with pytest.raises(BudgetImposed):
        async with services.db.transaction() as session:
            await budgets.delete_budget(session, other_actor, budget_id=imposed.id)
    changed = await _change(services, actor, imposed, amount=2, is_active=False)
    assert (changed.amount, changed.is_active) == (2, False)


async def test_what_is_spent_is_shown(services: Services, actor: Actor) -> None:
    await add_usage(services.db, actor, cost_micros=850_000)
    budget = await _set(services, actor)
    tokens = await _set(services, actor, unit="tokens", amount=60, period="month")

    assert (budget.spent, budget.percent) == (0.85, 85)
    assert (tokens.spent, tokens.percent, tokens.since.day) == (15, 25, 1)


async def test_sums_of_all_budgets_come_from_one_query(
    services: Services, actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    other = await make_agent(actor)
    db, day = services.db, clock.now().date()
    await add_usage(db, actor, agent_id=agent.id, root_agent_id=agent.id)
    below = {"agent_id": other.id, "root_agent_id": agent.id, "cost_micros": 1_000_000}
    await add_usage(db, actor, **below)
    past = day.replace(year=day.year - 1)
    await add_usage(db, actor, day=past, agent_id=agent.id, cost_micros=40_000_000)
    await add_usage(db, other_actor, cost_micros=7_000_000)
    await add_usage(db, other_actor, price=ELSEWHERE, cost_micros=9_000_000)
    of_agent = {"scope": "agent", "agent_id": agent.id}
    drafts: list[dict[str, Any]] = [
        {},
        {"period": "total"},
        {"period": "run"},
        {"unit": "tokens", "period": "month", "amount": 100},
        of_agent,
        {**of_agent, "period": "total"},
        {"scope": "agent", "agent_id": other.id},
        {"scope": "installation"},
        {"user_id": other_actor.user_id},
    ]
    for draft in drafts:
        await _set(services, actor, **draft)

    with kept_queries(services.db) as queries:
        found = await _list(services, actor, is_everyone=True)

    day_of_agent, in_all = 1.000015, 41.000015
    own = [day_of_agent, in_all, None, 30]
    others = [day_of_agent, in_all, 1.0, 8.000015, 7.0]
    assert [one.spent for one in reversed(found)] == [*own, *others]
    assert len([query for query in queries if "usage_record" in query]) == 1


async def test_others_see_that_a_budget_of_all_exists_and_whether_it_is_used_up(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    budget = await _set(services, actor, scope="installation", period="total")
    await add_usage(services.db, actor, cost_micros=400_000)
    (before,) = await _list(services, other_actor)
    await add_usage(services.db, actor, cost_micros=700_000)

    (after,) = await _list(services, other_actor)

    hidden = (budget.id, None, None, None)
    assert (before.id, before.amount, before.spent, before.percent) == hidden
    assert (after.id, after.amount, after.spent, after.percent) == hidden
    assert (before.is_used_up, after.is_used_up) == (False, True)
    (told,) = await _list(services, actor)
    assert (told.amount, told.spent, told.is_used_up) == (1, 1.1, True)


async def test_wrong_budgets_are_refused(services: Services, actor: Actor) -> None:
    for draft, words in (
        ({"amount": 1e-9}, "too small"),
        ({"scope": "agent"}, "Choose the agent"),
        ({"scope": "tier"}, "Choose the tier"),
    ):
        with pytest.raises(Invalid, match=words):
            await _set(services, actor, **draft)
    budget = await _set(services, actor)
    with pytest.raises(Invalid, match="Say how much"):
        await _change(services, actor, budget, unit="tokens")
    with pytest.raises(NotFound):
        await _set(services, actor, user_id=ids.new_id())
