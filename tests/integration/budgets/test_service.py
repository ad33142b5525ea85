"""Who may set, see and change which budget, and what is shown of them."""

from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.budgets import service as budgets
from app.backend.budgets.errors import BudgetImposed
from app.backend.budgets.schemas import BudgetChange, BudgetDraft
from app.backend.core import ids
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import Forbidden, Invalid, NotFound
from tests.factories.rows import MakeAgent
from tests.factories.usage import add_usage


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
    (seen,) = await _list(services, other_actor)
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


async def test_wrong_budgets_are_refused(services: Services, actor: Actor) -> None:
    for draft, words in (
        ({"policy": "cheaper"}, "Choose the model"),
        ({"amount": 1e-9}, "too small"),
        ({"scope": "agent"}, "Choose the agent"),
    ):
        with pytest.raises(Invalid, match=words):
            await _set(services, actor, **draft)
    budget = await _set(services, actor)
    with pytest.raises(Invalid, match="Say how much"):
        await _change(services, actor, budget, unit="tokens")
    with pytest.raises(NotFound):
        await _set(services, actor, user_id=ids.new_id())
