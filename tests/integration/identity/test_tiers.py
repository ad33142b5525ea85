"""Tiers: who is in which, what follows from it, and that there is always one for all others."""

from uuid import UUID

import pytest
from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import Conflict, Forbidden
from app.backend.identity import tiers
from app.backend.identity.tables import AuditRow
from app.backend.identity.tier_schemas import (
    Limits,
    PersonLimits,
    PersonLimitsDraft,
    TierDraft,
    TierView,
)


async def _all(services: Services, actor: Actor) -> dict[str, TierView]:
    async with services.db.read() as session:
        page = await tiers.list_tiers(session, actor)
    return {one.name: one for one in page.items}


async def _create(services: Services, actor: Actor, draft: TierDraft) -> TierView:
    async with services.db.transaction() as session:
        return await tiers.create_tier(session, actor, draft=draft)


async def _give(
    services: Services, actor: Actor, user_id: UUID, draft: PersonLimitsDraft
) -> PersonLimits:
    async with services.db.transaction() as session:
        return await tiers.set_person_limits(
            session, actor, user_id=user_id, draft=draft
        )


async def _limits(services: Services, user_id: UUID) -> Limits:
    async with services.db.read() as session:
        return await tiers.limits_of(session, user_id)


async def test_people_are_in_the_default_tier_which_limits_nobody(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    found = await _all(services, actor)

    assert {name: one.people for name, one in found.items()} == {
        "Standard": 2,
        "Limited": 0,
        "Trial": 0,
    }
    assert [one.name for one in found.values() if one.is_default] == ["Standard"]
    assert await _limits(services, other_actor.user_id) == Limits()


async def test_tier_and_own_limits_count_together(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    trial = (await _all(services, actor))["Trial"]
    own = Limits(runs_per_day=7)

    view = await _give(
        services,
        actor,
        other_actor.user_id,
        PersonLimitsDraft(tier_id=trial.id, own=own),
    )

    expected = own.instead_of(Limits.model_validate(trial.model_dump()))
    assert (view.limits, view.tier.name) == (expected, "Trial")
    assert await _limits(services, other_actor.user_id) == expected
    assert await _limits(services, actor.user_id) == Limits()
    assert (await _all(services, actor))["Trial"].people == 1


async def test_people_of_a_deleted_tier_are_in_the_default_one(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    made = await _create(services, actor, TierDraft(name="Team", runs_active=1))
    await _give(
        services, actor, other_actor.user_id, PersonLimitsDraft(tier_id=made.id)
    )

    async with services.db.transaction() as session:
        await tiers.delete_tier(session, actor, tier_id=made.id)

    assert await _limits(services, other_actor.user_id) == Limits()


async def test_there_is_always_one_default_tier(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    standard = (await _all(services, actor))["Standard"]
    as_it_is = TierDraft(name="Standard")
    for change in (
        lambda session: tiers.delete_tier(session, actor, tier_id=standard.id),
        lambda session: tiers.change_tier(
            session, actor, tier_id=standard.id, draft=as_it_is
        ),
    ):
        with pytest.raises(Conflict, match="Make another one the default first"):
            async with services.db.transaction() as session:
                await change(session)

    draft = TierDraft(name="Small", is_default=True, storage_mb=5)
    await _create(services, actor, draft)

    found = await _all(services, actor)
    assert [one.name for one in found.values() if one.is_default] == ["Small"]
    assert await _limits(services, other_actor.user_id) == Limits(storage_mb=5)


async def test_two_tiers_of_one_name_are_refused(
    services: Services, actor: Actor
) -> None:
    trial = (await _all(services, actor))["Trial"]
    with pytest.raises(Conflict, match="already a tier 'Trial'"):
        await _create(services, actor, TierDraft(name="Trial"))
    with pytest.raises(Conflict, match="already a tier 'Limited'"):
        async with services.db.transaction() as session:
            await tiers.change_tier(
                session, actor, tier_id=trial.id, draft=TierDraft(name="Limited")
            )


async def test_only_administrators_see_and_change_tiers(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    draft = PersonLimitsDraft()
    with pytest.raises(Forbidden):
        await _all(services, other_actor)
    with pytest.raises(Forbidden):
        await _create(services, other_actor, TierDraft(name="Mine"))
    with pytest.raises(Forbidden):
        await _give(services, other_actor, other_actor.user_id, draft)
    async with services.db.read() as session:
        with pytest.raises(Forbidden):
            await tiers.get_person_limits(session, other_actor, user_id=actor.user_id)
        own = await tiers.get_person_limits(
            session, other_actor, user_id=other_actor.user_id
        )
    assert own.tier.name == "Standard"


async def test_changes_are_in_the_audit_once(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    made = await _create(services, actor, TierDraft(name="Team", runs_per_day=3))
    draft = PersonLimitsDraft(tier_id=made.id, own=Limits(storage_mb=9))
    for _ in range(2):
        await _give(services, actor, other_actor.user_id, draft)

    async with services.db.read() as session:
        query = select(AuditRow).order_by(col(AuditRow.id))
        rows = (await session.exec(query)).all()
    assert [(row.action, row.detail) for row in rows] == [
        ("tier_created", {"name": "Team", "limits": "runs_per_day: 3"}),
        (
            "limits_changed",
            {"email": other_actor.email, "tier": "Team", "own": "storage_mb: 9"},
        ),
    ]
