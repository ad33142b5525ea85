"""The pages of tiers and limits: what an administrator writes, and what somebody sees of their own."""

from typing import Any
from uuid import UUID

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.identity import tiers
from app.backend.identity.tier_schemas import Limits, PersonLimitsDraft
from app.state.groups import GroupsState
from app.state.limits import LimitsState
from app.state.person_limits import PersonLimitsState
from app.state.tiers import TiersState
from tests.integration.state.conftest import SignIn
from tests.states import make_state

FORM = {
    "name": "Team",
    "requests_per_minute": "",
    "runs_per_day": "20",
    "runs_active": "",
    "storage_mb": "1500",
}


async def _opened(cookie: str) -> TiersState:
    state = make_state(TiersState, path="/people?show=tiers", cookie=cookie)
    await TiersState.load.fn(state)
    return state


def _by_name(state: TiersState) -> dict[str, Any]:
    return {row.name: row for row in state.rows}


async def test_tier_is_made_changed_and_deleted(cookie: str) -> None:
    state = await _opened(cookie)

    await TiersState.open_new.fn(state)
    await TiersState.save.fn(state, FORM)
    made = _by_name(state)["Team"]
    await TiersState.open.fn(state, made.id)
    filled = dict(state.values)
    await TiersState.save.fn(state, {**FORM, "runs_per_day": "", "storage_mb": ""})
    changed = _by_name(state)["Team"].limits
    await TiersState.ask_delete.fn(state, made.id, made.name)
    said = await TiersState.delete.fn(state)

    assert (made.limits, made.people) == ("20 runs a day · 1,500 MB stored", 0)
    assert filled == FORM
    assert changed == "No limits"
    assert "tier Team is deleted" in str(said)
    assert sorted(_by_name(state)) == ["Limited", "Standard", "Trial"]


async def test_wrong_limit_is_said_beside_its_field_and_the_form_stays(
    cookie: str,
) -> None:
    state = await _opened(cookie)

    await TiersState.open_new.fn(state)
    await TiersState.save.fn(state, {**FORM, "runs_per_day": "many"})

    assert state.errors == {"runs_per_day": "Write a whole number."}
    assert state.opened_id == "new"
    assert "Team" not in _by_name(state)


async def test_default_tier_stays_when_it_is_saved_and_is_not_deleted(
    cookie: str,
) -> None:
    state = await _opened(cookie)
    standard = _by_name(state)["Standard"]

    await TiersState.open.fn(state, standard.id)
    # A box that is switched off is not sent.
    await TiersState.save.fn(state, {**FORM, "name": "Standard"})
    await TiersState.ask_delete.fn(state, standard.id, standard.name)
    said = await TiersState.delete.fn(state)

    saved = _by_name(state)["Standard"]
    assert (saved.is_default, saved.limits) == (True, "20 runs a day · 1,500 MB stored")
    assert "Make another one the default first" in str(said)


async def test_person_is_put_into_a_tier_with_limits_of_their_own(
    services: Services, cookie: str, other_actor: Actor
) -> None:
    trial = _by_name(await _opened(cookie))["Trial"]
    state = make_state(PersonLimitsState, cookie=cookie)

    theirs = str(other_actor.user_id)
    await PersonLimitsState.open.fn(state, theirs, other_actor.email)
    assert (state.tier, state.values["runs_active"]) == ("", "")
    await PersonLimitsState.save.fn(state, {"tier": trial.id, "runs_active": "9"})
    async with services.db.read() as session:
        found = await tiers.limits_of(session, other_actor.user_id)
    await PersonLimitsState.open.fn(state, theirs, other_actor.email)

    assert (found.runs_active, found.runs_per_day) == (9, 50)
    assert (state.tier, state.values["runs_active"]) == (trial.id, "9")


async def test_tiers_are_not_for_others(other_cookie: str) -> None:
    state = await _opened(other_cookie)

    assert state.rows == []
    assert "role does not allow" in str(await TiersState.open_new.fn(state))


async def test_own_limits_are_shown_as_far_as_they_are_used(
    services: Services, actor: Actor, cookie: str
) -> None:
    draft = PersonLimitsDraft(own=Limits(runs_per_day=10, storage_mb=5))
    async with services.db.transaction() as session:
        await tiers.set_person_limits(
            session, actor, user_id=actor.user_id, draft=draft
        )
    state = make_state(LimitsState, cookie=cookie)

    await LimitsState.load.fn(state)

    assert state.tier == "Standard"
    assert {row.id: row.words for row in state.rows} == {
        "runs_per_day": "0 of 10",
        "runs_active": "0 of 500",
        "storage_mb": "0 of 5",
    }


async def test_page_that_does_too_much_is_told_and_does_nothing_more(
    services: Services, actor: Actor, sign_in: SignIn
) -> None:
    draft = PersonLimitsDraft(own=Limits(requests_per_minute=2))
    async with services.db.transaction() as session:
        await tiers.set_person_limits(
            session, actor, user_id=actor.user_id, draft=draft
        )
    state = make_state(GroupsState, cookie=await sign_in(actor))

    said = [
        str(await GroupsState.create.fn(state, {"name": name}))
        for name in ("One", "Two", "Three")
    ]
    await GroupsState.open.fn(state, str(UUID(int=0)), "Nothing")

    assert ["more than your 2 requests a minute" in text for text in said] == [
        False,
        False,
        True,
    ]
    assert "Try again in" in said[2]
    assert [row.name for row in state.rows] == ["Two", "One"]
