from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor, Role
from app.backend.core.errors import Forbidden, Invalid, NotFound
from app.backend.identity import keys, sessions
from app.backend.identity import service as identity
from app.backend.identity.errors import (
    EmailTaken,
    LinkInvalid,
    OwnerExists,
    WrongLogin,
)
from app.backend.identity.schemas import (
    NewSession,
    PasswordDraft,
    ProfileDraft,
    UserDraft,
)
from app.backend.identity.tables import (
    ApiKeyRow,
    AuditRow,
    OneTimeLinkRow,
    SessionRow,
    UserRow,
)

PASSWORD = "correct horse battery"


def _draft(**overrides: Any) -> UserDraft:
    values = {"email": "Ada@Example.org ", "password": PASSWORD, **overrides}
    return UserDraft.model_validate(values)


async def _link(services: Services) -> str:
    async with services.db.transaction() as session:
        return await identity.make_owner_link(session)


async def _create_owner(services: Services, token: str) -> NewSession:
    async with services.db.transaction() as session:
        return await identity.create_owner(
            session, link_token=token, draft=_draft(), user_agent="x", session_days=30
        )


async def _login(services: Services, email: str, password: str) -> NewSession:
    verified = await sessions.check_login(services.db, email=email, password=password)
    async with services.db.transaction() as session:
        return await sessions.login(
            session,
            verified=verified,
            keyring=services.keyring,
            user_agent="x" * 1000,
            session_days=30,
        )


async def _find(services: Services, token: str) -> Actor | None:
    async with services.db.read() as session:
        return await sessions.find_actor_by_session(session, token)


async def _find_by_key(services: Services, key: str) -> Actor | None:
    async with services.db.read() as session:
        return await keys.find_actor_by_key(session, key)


async def _actions(services: Services) -> list[str]:
    async with services.db.read() as session:
        rows = await session.exec(select(AuditRow).order_by(col(AuditRow.id)))
        return [row.action for row in rows]


async def _owner(services: Services) -> tuple[NewSession, Actor]:
    new = await _create_owner(services, await _link(services))
    actor = await _find(services, new.token)
    assert actor is not None
    return new, actor


async def test_owner_link_creates_the_owner_and_signs_in(services: Services) -> None:
    new, actor = await _owner(services)

    assert actor.email == "ada@example.org"
    assert actor.role == Role.ADMIN
    assert actor.session_id == new.session_id
    assert await _actions(services) == ["owner_created"]


async def test_secrets_are_stored_as_hashes_only(services: Services) -> None:
    new, actor = await _owner(services)
    async with services.db.transaction() as session:
        key = await keys.create_key(session, actor, name="ci")
    async with services.db.read() as session:
        rows = [
            row.model_dump_json()
            for table in (UserRow, SessionRow, ApiKeyRow, OneTimeLinkRow, AuditRow)
            for row in await session.exec(select(table))
        ]

    assert not [
        row
        for row in rows
        for secret in (PASSWORD, new.token, key.key)
        if secret in row
    ]


async def test_owner_link_works_once(services: Services) -> None:
    token = await _link(services)
    await _create_owner(services, token)

    with pytest.raises(OwnerExists):
        await _create_owner(services, token)


@pytest.mark.parametrize("token", ["", "nonsense"])
async def test_unknown_link_is_refused(services: Services, token: str) -> None:
    await _link(services)

    with pytest.raises(LinkInvalid):
        await _create_owner(services, token)


async def test_newer_link_replaces_older_ones(services: Services) -> None:
    older = await _link(services)
    newer = await _link(services)

    with pytest.raises(LinkInvalid):
        await _create_owner(services, older)
    assert (await _create_owner(services, newer)).user.role == Role.ADMIN


async def test_link_expires(services: Services) -> None:
    token = await _link(services)
    async with services.db.transaction() as session:
        row = (await session.exec(select(OneTimeLinkRow))).one()
        row.expires_at = clock.now() - timedelta(seconds=1)

    with pytest.raises(LinkInvalid):
        await _create_owner(services, token)


async def test_no_link_once_there_is_an_owner(services: Services, actor: Actor) -> None:
    with pytest.raises(OwnerExists):
        await _link(services)


async def test_login_and_logout(services: Services) -> None:
    await _owner(services)

    new = await _login(services, " ADA@example.org", PASSWORD)
    actor = await _find(services, new.token)
    assert actor is not None
    async with services.db.transaction() as session:
        await sessions.logout(session, actor)

    assert await _find(services, new.token) is None
    assert await _actions(services) == ["owner_created", "logged_in", "logged_out"]


@pytest.mark.parametrize(
    ("email", "password"),
    [("ada@example.org", "wrong password"), ("nobody@example.org", PASSWORD), ("", "")],
)
async def test_wrong_login_does_not_say_what_is_wrong(
    services: Services, email: str, password: str
) -> None:
    await _owner(services)

    with pytest.raises(WrongLogin, match="e-mail address or the password"):
        await _login(services, email, password)


async def test_suspended_user_is_out_at_once(services: Services) -> None:
    new, actor = await _owner(services)
    async with services.db.transaction() as session:
        key = (await keys.create_key(session, actor, name="ci")).key
    async with services.db.transaction() as session:
        row = await session.get(UserRow, actor.user_id)
        assert row is not None
        row.is_active = False

    assert await _find(services, new.token) is None
    assert await _find_by_key(services, key) is None
    with pytest.raises(WrongLogin):
        await _login(services, "ada@example.org", PASSWORD)
    async with services.db.read() as session:
        with pytest.raises(NotFound):
            await identity.get_actor(session, actor.user_id)


async def test_session_expires(services: Services) -> None:
    new, _ = await _owner(services)
    async with services.db.transaction() as session:
        row = (await session.exec(select(SessionRow))).one()
        row.expires_at = clock.now() - timedelta(seconds=1)

    assert await _find(services, new.token) is None


async def test_new_password_ends_the_other_logins(services: Services) -> None:
    first, _ = await _owner(services)
    second = await _login(services, "ada@example.org", PASSWORD)
    actor = await _find(services, second.token)
    assert actor is not None
    draft = PasswordDraft.model_validate(
        {"current": PASSWORD, "new": "another password"}
    )
    await identity.change_password(services.db, actor, draft=draft)

    assert await _find(services, first.token) is None
    assert await _find(services, second.token) == actor
    assert await _login(services, "ada@example.org", "another password")
    with pytest.raises(WrongLogin):
        await _login(services, "ada@example.org", PASSWORD)


async def test_present_password_is_asked_for(services: Services) -> None:
    _, actor = await _owner(services)
    draft = PasswordDraft.model_validate(
        {"current": "guess", "new": "another password"}
    )

    with pytest.raises(Invalid, match="not your present password"):
        await identity.change_password(services.db, actor, draft=draft)


async def test_administrator_sets_a_password(services: Services) -> None:
    _, actor = await _owner(services)
    async with services.db.transaction() as session:
        await identity.create_user(session, actor, draft=_draft(email="b@example.org"))
    login = await _login(services, "b@example.org", PASSWORD)
    async with services.db.transaction() as session:
        await identity.set_password(
            session, actor, email="B@example.org", password="another password"
        )

    assert await _find(services, login.token) is None
    assert await _login(services, "b@example.org", "another password")


async def test_taken_address_is_refused(services: Services) -> None:
    _, actor = await _owner(services)

    with pytest.raises(EmailTaken):
        async with services.db.transaction() as session:
            await identity.create_user(session, actor, draft=_draft())


async def test_other_users_keys_and_logins_do_not_exist(
    services: Services, other_actor: Actor
) -> None:
    new, actor = await _new_user(services)
    async with services.db.transaction() as session:
        key = await keys.create_key(session, actor, name="ci")
    async with services.db.transaction() as session:
        with pytest.raises(NotFound):
            await keys.revoke_key(session, other_actor, key_id=key.view.id)
        with pytest.raises(NotFound):
            await sessions.revoke_session(
                session, other_actor, session_id=new.session_id
            )
        assert (await keys.list_keys(session, other_actor)).items == []
        assert await sessions.list_sessions(session, other_actor) == []


async def _new_user(services: Services) -> tuple[NewSession, Actor]:
    async with services.db.transaction() as session:
        admin = await identity.find_actor_by_email(session, None)
        await identity.create_user(session, admin, draft=_draft())
    new = await _login(services, "ada@example.org", PASSWORD)
    actor = await _find(services, new.token)
    assert actor is not None
    return new, actor


async def test_user_without_the_role_makes_no_users(
    services: Services, actor: Actor
) -> None:
    _, user = await _new_user(services)

    with pytest.raises(Forbidden):
        async with services.db.transaction() as session:
            await identity.create_user(session, user, draft=_draft(email="c@d.org"))


async def test_sessions_are_listed_and_revoked(services: Services) -> None:
    first, _ = await _owner(services)
    second = await _login(services, "ada@example.org", PASSWORD)
    actor = await _find(services, second.token)
    assert actor is not None
    async with services.db.transaction() as session:
        listed = await sessions.list_sessions(session, actor)
        await sessions.revoke_session(session, actor, session_id=first.session_id)

    assert [(view.id, view.is_current) for view in listed] == [
        (second.session_id, True),
        (first.session_id, False),
    ]
    assert await _find(services, first.token) is None


async def test_all_other_logins_end_at_once(services: Services) -> None:
    first, _ = await _owner(services)
    second = await _login(services, "ada@example.org", PASSWORD)
    actor = await _find(services, second.token)
    assert actor is not None
    async with services.db.transaction() as session:
        ended = await sessions.revoke_others(session, actor)
        again = await sessions.revoke_others(session, actor)

    assert (ended, again) == (1, 0)
    assert await _find(services, first.token) is None
    assert await _find(services, second.token) == actor
    assert (await _actions(services)).count("other_sessions_revoked") == 1


async def test_use_is_recorded(services: Services) -> None:
    new, actor = await _owner(services)
    async with services.db.transaction() as session:
        key = (await keys.create_key(session, actor, name="ci")).key
    by_key = await _find_by_key(services, key)
    assert by_key is not None
    async with services.db.transaction() as session:
        await identity.record_use(session, actor)
        await identity.record_use(session, by_key)
    async with services.db.read() as session:
        used = await keys.find_by_key(session, key)
        seen = await sessions.find_by_session(session, new.token)

    assert used is not None
    assert used.used_at is not None
    assert seen is not None
    assert seen.used_at is not None


async def test_profile_and_preferences(services: Services) -> None:
    _, actor = await _owner(services)
    async with services.db.transaction() as session:
        await identity.update_profile(
            session, actor, draft=ProfileDraft(display_name="Ada", avatar_url="")
        )
        await identity.update_preferences(
            session, actor, preferences={"theme": "dark", "times": "utc"}
        )
    async with services.db.transaction() as session:
        await identity.update_preferences(session, actor, preferences={"times": ""})
    async with services.db.read() as session:
        profile = await identity.get_profile(session, actor)

    assert profile.display_name == "Ada"
    assert profile.preferences == {"theme": "dark"}


async def test_command_line_acts_as_the_earliest_administrator(
    services: Services,
) -> None:
    _, actor = await _owner(services)
    async with services.db.transaction() as session:
        later = _draft(email="b@example.org", role=Role.ADMIN)
        await identity.create_user(session, actor, draft=later)
    async with services.db.read() as session:
        by_default = await identity.find_actor_by_email(session, None)
        by_name = await identity.find_actor_by_email(session, "B@example.org")
        with pytest.raises(NotFound):
            await identity.find_actor_by_email(session, "c@example.org")

    assert by_default.user_id == actor.user_id
    assert by_name.email == "b@example.org"


async def test_first_account_can_be_made_on_the_command_line(
    services: Services,
) -> None:
    token = await _link(services)
    async with services.db.transaction() as session:
        owner = await identity.bootstrap_owner(session, draft=_draft())

    assert owner.role == Role.ADMIN
    with pytest.raises(OwnerExists):
        await _create_owner(services, token)
