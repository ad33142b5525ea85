"""The signed-in user's own account: profile, password, keys, logins, and the login page."""

from sqlmodel import col

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.rows import visible_to
from app.backend.identity import service as identity
from app.backend.identity.schemas import UserDraft
from app.backend.identity.tables import AuditRow
from app.backend.identity.tries import TRIES_MAX
from app.state.api_keys import ApiKeysState
from app.state.login import LoginState
from app.state.secrets import SecretsState
from app.state.session import SessionState
from app.state.settings import SettingsState
from tests.factories.rows import MakeAgent
from tests.integration.state.conftest import SignIn
from tests.states import make_state


async def test_session_shows_who_is_signed_in(cookie: str, actor: Actor) -> None:
    state = make_state(SessionState, cookie=cookie)

    await SessionState.load.fn(state)

    assert (state.email, state.role, state.initial) == (actor.email, "admin", "O")


async def test_login_page_forgets_what_the_tab_showed() -> None:
    state = make_state(SessionState, email="ada@example.org")
    login = await state.get_state(LoginState)

    await LoginState.load.fn(login)

    assert state.email == ""


async def test_save_profile_keeps_the_name(cookie: str) -> None:
    state = make_state(SettingsState, path="/settings", cookie=cookie)

    await SettingsState.save_profile.fn(state, {"display_name": "Ada"})

    session = await state.get_state(SessionState)
    await SessionState.load.fn(session)
    assert session.display_name == "Ada"


async def test_set_times_keeps_the_choice(cookie: str) -> None:
    state = make_state(SettingsState, path="/settings", cookie=cookie)

    await SettingsState.set_times.fn(state, "utc")

    session = await state.get_state(SessionState)
    await SessionState.load.fn(session)
    assert session.times == "utc"


async def test_set_times_ignores_unknown_words(cookie: str) -> None:
    state = make_state(SettingsState, path="/settings", cookie=cookie)

    assert await SettingsState.set_times.fn(state, "<script>") is None


async def test_change_password_refuses_a_wrong_present_one(
    sign_in: SignIn, services: Services
) -> None:
    password = "correct horse battery"
    async with services.db.transaction() as session:
        draft = UserDraft.model_validate(
            {"email": "ada@example.org", "password": password}
        )
        await identity.bootstrap_owner(session, draft=draft)
        actor = await identity.find_actor_by_email(session, None)
    state = make_state(SettingsState, path="/settings", cookie=await sign_in(actor))

    await SettingsState.change_password.fn(
        state, {"current": "wrong", "new": "another long password"}
    )
    assert "not your present password" in state.errors["current"]

    await SettingsState.change_password.fn(
        state, {"current": password, "new": "another long password"}
    )
    assert (state.errors, state.password_key) == ({}, 1)


async def test_present_password_that_is_guessed_in_the_settings_is_in_the_audit(
    services: Services, actor: Actor, cookie: str
) -> None:
    guess = {"current": "wrong", "new": "another long password"}
    said = ""
    for _ in range(TRIES_MAX + 1):
        state = make_state(SettingsState, path="/settings", cookie=cookie)
        said = str(await SettingsState.change_password.fn(state, guess))

    assert "Too many wrong passwords" in said
    async with services.db.read() as session:
        query = visible_to(actor, AuditRow).where(col(AuditRow.result) == "refused")
        rows = (await session.exec(query)).all()
    assert [row.action for row in rows] == ["login_paused"]


async def test_key_is_shown_until_it_is_hidden_and_can_be_revoked(cookie: str) -> None:
    state = make_state(ApiKeysState, path="/settings", cookie=cookie)

    await ApiKeysState.create.fn(state, {"name": "ci"})
    (row,) = state.rows
    assert state.fresh_key.startswith(row.prefix)

    await ApiKeysState.hide.fn(state)
    assert state.fresh_key == ""

    await ApiKeysState.ask_revoke.fn(state, row.id, row.name)
    await ApiKeysState.revoke.fn(state)
    assert state.rows == []


async def test_secret_is_stored_replaced_and_deleted_without_being_held(
    cookie: str, make_agent: MakeAgent, actor: Actor
) -> None:
    await make_agent(actor, name="Scout", remote_secret="db:far")
    state = make_state(SecretsState, path="/settings", cookie=cookie)
    await SecretsState.load.fn(state)
    form = {"secret_name": "far", "secret_value": "canary-value"}

    await SecretsState.store.fn(state, {**form, "secret_value": "short"})
    assert set(state.errors) == {"secret_value"}
    await SecretsState.store.fn(state, form)
    await SecretsState.replace_value.fn(state, "far")
    assert (state.may_store, state.errors, state.form_name) == (True, {}, "far")
    (row,) = state.rows
    assert row.used_by == "agent 'Scout'"
    assert "canary-value" not in str(state.dict())

    await SecretsState.ask_delete.fn(state, row.name, row.used_by)
    await SecretsState.delete.fn(state)
    assert state.rows == []


async def test_end_others_signs_all_other_devices_out(
    cookie: str, sign_in: SignIn, actor: Actor
) -> None:
    elsewhere = [await sign_in(actor), await sign_in(actor)]
    state = make_state(SettingsState, path="/settings", cookie=cookie)

    said = await SettingsState.end_others.fn(state)

    assert "2 other logins have ended" in str(said)
    assert [login.is_current for login in state.logins] == [True]
    for one in elsewhere:
        there = make_state(SessionState, path="/settings", cookie=one)
        assert "/login" in str(await SessionState.stay.fn(there))
    here = make_state(SessionState, path="/settings", cookie=cookie)
    assert await SessionState.stay.fn(here) is None


async def test_end_login_signs_the_other_device_out(
    cookie: str, sign_in: SignIn, actor: Actor
) -> None:
    elsewhere = await sign_in(actor)
    state = make_state(SettingsState, path="/settings", cookie=cookie)
    await SettingsState.load.fn(state)
    other = next(login for login in state.logins if not login.is_current)

    await SettingsState.end_login.fn(state, other.id)

    assert len(state.logins) == 1
    there = make_state(SettingsState, path="/settings", cookie=elsewhere)
    assert "/login" in str(await SettingsState.load.fn(there))
