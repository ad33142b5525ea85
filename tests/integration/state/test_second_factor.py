"""The second factor in the settings, and where it is asked for before anything else."""

from dataclasses import replace

import pytest
from pyotp.totp import TOTP

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.identity import passwords
from app.backend.identity.tables import UserRow
from app.state import edge
from app.state.agent_list import AgentListState
from app.state.second_factor import SecondFactorState
from tests.states import make_state

PASSWORD = "correct horse battery"


@pytest.fixture
async def cookie_of_ada(services: Services, actor: Actor, cookie: str) -> str:
    """The cookie of the owner's login; the owner has a password."""
    async with services.db.transaction() as session:
        user = await session.get(UserRow, actor.user_id)
        assert user is not None
        user.password_hash = await passwords.hash_password(PASSWORD)
    return cookie


async def test_it_is_set_up_step_by_step(cookie_of_ada: str) -> None:
    state = make_state(SecondFactorState, path="/settings", cookie=cookie_of_ada)
    await SecondFactorState.load.fn(state)
    before = state.is_on

    await SecondFactorState.ask.fn(state, "begin")
    await SecondFactorState.begin.fn(state, {"password": "wrong password"})
    wrong = (dict(state.errors), state.qr)
    await SecondFactorState.begin.fn(state, {"password": PASSWORD})
    shown = (state.errors, state.qr[:10], state.asked)
    await SecondFactorState.confirm.fn(state, {"code": TOTP(state.secret).now()})

    assert before is False
    assert wrong == ({"password": "This is not your present password."}, "")
    assert shown == ({}, "data:image", "")
    assert (state.is_on, state.codes_left, len(state.codes)) == (True, 10, 10)
    assert (state.secret, state.qr) == ("", "")

    first = state.codes
    await SecondFactorState.close.fn(state)
    await SecondFactorState.ask.fn(state, "make_codes")
    await SecondFactorState.make_codes.fn(state, {"password": PASSWORD})
    assert not set(first) & set(state.codes)
    await SecondFactorState.leave.fn(state)
    assert state.codes == []

    await SecondFactorState.turn_off.fn(state, {"password": PASSWORD})
    assert state.is_on is False


async def test_whoever_must_set_one_up_is_led_there_and_sees_nothing_else(
    services: Services, cookie: str
) -> None:
    settings = services.settings.model_copy(update={"second_factor": "admins"})
    edge.install(replace(services, settings=settings))
    agents = make_state(AgentListState, path="/agents", cookie=cookie)
    before = agents.dict()
    setup = make_state(SecondFactorState, path="/second-factor", cookie=cookie)

    led = await AgentListState.load.fn(agents)
    fine = await SecondFactorState.load.fn(setup)

    assert "/second-factor" in str(led)
    assert agents.dict() == before
    assert fine is None
