"""Which model goes on where a budget that is used up names none."""

from typing import Any
from uuid import UUID

import pytest

from app.backend.budgets.caps import Payer
from app.backend.budgets.spending import RunSpending
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.run_events import Event, RunStatus
from app.backend.core.spending import OverBudget, PlannedCall
from app.backend.identity import tiers
from app.backend.identity.tier_schemas import PersonLimitsDraft, TierDraft
from app.backend.models import service as models
from app.backend.models.schemas import DefaultKind
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft, ProviderView
from tests.factories.rows import MakeUser
from tests.factories.usage import add_usage
from tests.integration.budgets.conftest import CENT, Purse, words
from tests.integration.models.test_rows import add

DEAR = "scripted/dear"


def _local(purse: Purse) -> str:
    return f"local/{purse.services.settings.local_model_name}"


def _tell_nobody(event: Event) -> None:
    """What is said is of no matter."""


def _spending(purse: Purse, actor: Actor) -> RunSpending:
    run_id = ids.new_id()
    payer = Payer(actor.user_id, None, run_id, run_id, None, actor.user_id)
    return RunSpending(purse.services, payer, _tell_nobody)


async def _instead(spending: RunSpending, model: str) -> str:
    """Return what is asked in the place of a model that a budget does not allow."""
    with pytest.raises(OverBudget) as over:
        await _reserve(spending, model)
    return over.value.instead


async def _reserve(spending: RunSpending, model: str) -> None:
    await spending.reserve(PlannedCall(ids.new_id(), model, 1, 1, cost_micros=CENT))


async def _connect(purse: Purse, actor: Actor, name: str, **of: bool) -> ProviderView:
    draft = ProviderDraft.model_validate({"type": "scripted", "name": name, **of})
    async with purse.services.db.transaction() as session:
        return await providers.create_provider(
            session, actor, draft=draft, parts=purse.services
        )


async def _mark(purse: Purse, actor: Actor, name: str, **of: bool) -> str:
    """Connect a provider, and make its model the cheap default."""
    provider = await _connect(purse, actor, name, **of)
    view = await add(purse.services, actor, provider, "hello", is_cheap=True)
    return view.full_name


async def _tier_of(purse: Purse, person: Actor) -> UUID:
    async with purse.services.db.transaction() as session:
        tier = await tiers.create_tier(
            session, purse.actor, draft=TierDraft(name="Guests")
        )
        draft = PersonLimitsDraft(tier_id=tier.id)
        await tiers.set_person_limits(
            session, purse.actor, user_id=person.user_id, draft=draft
        )
    return tier.id


async def _use_up(purse: Purse, person: Actor) -> None:
    await add_usage(purse.services.db, person, cost_micros=99 * CENT)


async def _make_cheap(purse: Purse, name: str) -> None:
    async with purse.services.db.transaction() as session:
        views = await models.list_models(session, purse.actor)
        (wanted,) = [view for view in views if view.full_name == name]
        await models.set_cheap(session, purse.actor, model_id=wanted.id, is_cheap=True)


async def test_cheap_default_answers_where_the_budget_names_no_model(
    purse: Purse, other_actor: Actor
) -> None:
    model, cheap = await purse.models(words(10), words(1))
    agent = await purse.agent(model, is_public=True)
    await purse.limit(0.05, scope="agent", agent_id=agent.id, policy="cheaper")
    await _make_cheap(purse, cheap)

    await purse.run(agent)
    own = await purse.run(agent)
    # It is asked with the keys of the agent's owner, whoever runs it.
    other = await purse.run(agent, by=other_actor)

    assert own.status == RunStatus.COMPLETED, own.error
    asked = [one.payload for one in await purse.events(own.id, "fallback_asked")]
    assert [(one["model"], one["instead_of"]) for one in asked] == [(cheap, model)]
    assert other.status == RunStatus.COMPLETED, other.error
    assert await purse.spent() == 12 * CENT


async def test_model_on_this_machine_is_meant_where_there_is_no_cheap_default(
    purse: Purse,
) -> None:
    await purse.limit(0.05, policy="cheaper")
    await _use_up(purse, purse.actor)

    async with _spending(purse, purse.actor) as spending:
        before = await _instead(spending, DEAR)
        cheap = await _mark(purse, purse.actor, "mine")
        after = await _instead(spending, DEAR)
        await _reserve(spending, after)

    assert (before, after) == (_local(purse), cheap)


async def test_cheap_default_that_is_asked_already_does_not_go_on(
    purse: Purse,
) -> None:
    cheap = await _mark(purse, purse.actor, "mine")
    await purse.limit(0.05, policy="cheaper")
    await _use_up(purse, purse.actor)

    async with _spending(purse, purse.actor) as spending:
        assert await _instead(spending, cheap) == _local(purse)
        assert spending.model_for(cheap) == _local(purse)


async def test_nothing_goes_on_where_the_model_on_this_machine_is_asked_already(
    purse: Purse,
) -> None:
    await purse.limit(0.05, policy="cheaper")
    await _use_up(purse, purse.actor)

    async with _spending(purse, purse.actor) as spending:
        assert await _instead(spending, _local(purse)) == ""


@pytest.mark.parametrize("scope", ["user", "tier", "installation"])
async def test_budget_that_others_set_leads_to_no_model_that_its_person_marked(
    purse: Purse, other_actor: Actor, make_user: MakeUser, scope: str
) -> None:
    # What people of no concern call theirs is of none.
    await _connect(purse, await make_user(), "ours")
    whose: dict[str, dict[str, Any]] = {
        "user": {"user_id": other_actor.user_id},
        "tier": {"tier_id": await _tier_of(purse, other_actor)},
        "installation": {},
    }
    await purse.limit(0.05, scope=scope, policy="cheaper", **whose[scope])
    await _use_up(purse, other_actor)
    own = await _mark(purse, other_actor, "own")

    async with _spending(purse, other_actor) as spending:
        assert await _instead(spending, own) == _local(purse)
        shared = await _mark(purse, purse.actor, "ours", is_shared=True)
        assert await _instead(spending, DEAR) == shared
        await _reserve(spending, shared)


async def test_own_model_of_the_name_of_the_shared_one_does_not_stand_for_it(
    purse: Purse, other_actor: Actor
) -> None:
    await purse.limit(0.05, user_id=other_actor.user_id, policy="cheaper")
    await _use_up(purse, other_actor)
    await _mark(purse, purse.actor, "ours", is_shared=True)
    await _connect(purse, other_actor, "ours")

    async with _spending(purse, other_actor) as spending:
        assert await _instead(spending, DEAR) == _local(purse)


async def test_what_one_budget_leads_to_is_what_the_others_allow(
    purse: Purse, other_actor: Actor
) -> None:
    await purse.limit(0.05, by=other_actor, policy="cheaper")
    await purse.limit(0.05, scope="installation", policy="cheaper")
    await _use_up(purse, other_actor)
    await _mark(purse, purse.actor, "ours", is_shared=True)
    await _mark(purse, other_actor, "own")

    async with _spending(purse, other_actor) as spending:
        instead = await _instead(spending, DEAR)
        await _reserve(spending, instead)

    assert instead == _local(purse)


async def test_budgets_that_allow_no_common_model_stop(purse: Purse) -> None:
    for name in ("scripted/one", "scripted/other"):
        await purse.limit(0.05, policy="cheaper", cheaper_model=name)
    await _use_up(purse, purse.actor)

    async with _spending(purse, purse.actor) as spending:
        assert await _instead(spending, DEAR) == ""


async def test_cheap_default_is_looked_up_only_when_a_budget_is_used_up(
    purse: Purse, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[DefaultKind] = []
    find = models.chosen_default

    async def counting(*given: object, kind: DefaultKind, **more: object) -> str:
        asked.append(kind)
        return await find(*given, kind=kind, **more)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(models, "chosen_default", counting)
    model, cheap = await purse.models(words(10), words(1))
    await _make_cheap(purse, cheap)
    agent = await purse.agent(model)
    await purse.limit(0.15, policy="cheaper")

    counts: list[int] = []
    for _ in range(3):
        await purse.run(agent)
        counts.append(asked.count(DefaultKind.CHEAP))

    assert counts[:2] == [0, 0]
    assert counts[2] > 0
