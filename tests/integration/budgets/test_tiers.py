"""Budgets of tiers: each person of a tier has the amount by themselves."""

from uuid import UUID

import pytest

from app.backend.bootstrap import Services
from app.backend.budgets import service as budgets
from app.backend.budgets.schemas import (
    BudgetChange,
    BudgetDraft,
    BudgetPolicy,
    BudgetView,
)
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.errors import Forbidden, Invalid, NotFound
from app.backend.core.run_events import RunStatus
from app.backend.identity import tiers
from app.backend.identity.tier_schemas import PersonLimitsDraft, TierDraft
from tests.factories.usage import add_usage
from tests.integration.budgets.conftest import CENT, Purse, words


async def _tier(services: Services, actor: Actor, *people: Actor) -> UUID:
    """Make a tier, and put people into it."""
    async with services.db.transaction() as session:
        tier = await tiers.create_tier(session, actor, draft=TierDraft(name="Guests"))
        for person in people:
            await tiers.set_person_limits(
                session,
                actor,
                user_id=person.user_id,
                draft=PersonLimitsDraft(tier_id=tier.id),
            )
    return tier.id


async def _list(services: Services, actor: Actor) -> list[BudgetView]:
    async with services.db.read() as session:
        return (await budgets.list_budgets(session, actor)).items


async def test_each_person_of_a_tier_has_the_amount_by_themselves(
    purse: Purse, other_actor: Actor
) -> None:
    services, actor = purse.services, purse.actor
    tier_id = await _tier(services, actor, actor, other_actor)
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    budget = await purse.limit(0.15, scope="tier", tier_id=tier_id)
    await add_usage(services.db, other_actor, cost_micros=99 * CENT)

    runs = [await purse.run(agent) for _ in range(3)]

    assert [run.status for run in runs] == [
        RunStatus.COMPLETED,
        RunStatus.COMPLETED,
        RunStatus.TIMED_OUT,
    ]
    said = runs[2].error
    assert "The budget of your tier ($0.1500 a day) is used up ($0.2000)" in said
    assert "ask an administrator to raise it" in said
    (mine,), (theirs,) = [await _list(services, one) for one in (actor, other_actor)]
    assert (mine.id, mine.tier_name, mine.spent) == (budget.id, "Guests", 0.2)
    assert (theirs.spent, theirs.amount, theirs.is_used_up) == (0.99, 0.15, True)
    assert (mine.may_change, theirs.may_change) == (True, False)


async def test_that_it_is_nearly_used_up_is_said_once_to_each_person(
    purse: Purse,
) -> None:
    tier_id = await _tier(purse.services, purse.actor, purse.actor)
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    await purse.limit(1, scope="tier", tier_id=tier_id, period="month")
    await add_usage(purse.services.db, purse.actor, cost_micros=80 * CENT)

    first, second = [await purse.run(agent) for _ in range(2)]

    (notice,) = await purse.events(first.id, "budget_noticed")
    assert "your tier ($1.00 a month) is nearly used up" in notice.payload["message"]
    assert second.status == RunStatus.COMPLETED, second.error
    assert await purse.events(second.id, "budget_noticed") == []


async def test_budget_that_was_changed_is_told_anew(purse: Purse) -> None:
    tier_id = await _tier(purse.services, purse.actor, purse.actor)
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    budget = await purse.limit(1, scope="tier", tier_id=tier_id, period="month")
    await add_usage(purse.services.db, purse.actor, cost_micros=80 * CENT)
    await purse.run(agent)
    async with purse.services.db.transaction() as session:
        await budgets.change_budget(
            session, purse.actor, budget_id=budget.id, change=BudgetChange(amount=2)
        )
    await add_usage(purse.services.db, purse.actor, cost_micros=80 * CENT)
    # As if the rows had been read again meanwhile.
    await purse.services.redis.delete(*await purse.services.redis.keys("*:2???-??"))

    run = await purse.run(agent)

    (notice,) = await purse.events(run.id, "budget_noticed")
    assert "($2.00 a month) is nearly used up (85 %)" in notice.payload["message"]


async def test_budget_of_the_default_tier_is_for_all_who_have_no_other(
    purse: Purse, other_actor: Actor
) -> None:
    services, actor = purse.services, purse.actor
    guests = await _tier(services, actor, other_actor)
    async with services.db.read() as session:
        page = await tiers.list_tiers(session, actor)
    standard = next(tier.id for tier in page.items if tier.is_default)
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    await purse.limit(0.05, scope="tier", tier_id=standard)
    await purse.limit(5, scope="tier", tier_id=guests)

    runs = [await purse.run(agent) for _ in range(2)]

    assert [run.status for run in runs] == [RunStatus.COMPLETED, RunStatus.TIMED_OUT]
    (seen,) = await _list(services, other_actor)
    assert (seen.tier_id, seen.spent) == (guests, 0)
    told = {one.tier_id: one.spent for one in await _list(services, actor)}
    # Somebody who is not in a tier has used nothing of its budget.
    assert told == {standard: 0.1, guests: None}


async def test_only_administrators_limit_tiers(
    purse: Purse, other_actor: Actor
) -> None:
    tier_id = await _tier(purse.services, purse.actor)
    with pytest.raises(Forbidden):
        await purse.limit(1, by=other_actor, scope="tier", tier_id=tier_id)
    with pytest.raises(NotFound):
        await purse.limit(1, scope="tier", tier_id=ids.new_id())
    with pytest.raises(Invalid, match="would be asked"):
        await purse.limit(1, scope="tier", tier_id=tier_id, policy=BudgetPolicy.ASK)
    with pytest.raises(Invalid, match="Choose the tier"):
        BudgetDraft.model_validate({"amount": 1, "scope": "tier"})

    await purse.limit(1, scope="tier", tier_id=tier_id)
    async with purse.services.db.transaction() as session:
        await tiers.delete_tier(session, purse.actor, tier_id=tier_id)

    assert await _list(purse.services, purse.actor) == []
