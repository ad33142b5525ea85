"""People as administrators manage them: invited by a link that works once, given roles, suspended."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import col, select, update

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.errors import AppError, Forbidden, NotFound
from app.backend.identity import keys, passwords, people, sessions
from app.backend.identity import service as identity
from app.backend.identity.errors import (
    EmailTaken,
    LastAdmin,
    PasswordLinkInvalid,
    WrongLogin,
)
from app.backend.identity.schemas import InviteDraft, NewLink, NewSession
from app.backend.identity.tables import AuditRow, OneTimeLinkRow, UserRow
from tests.factories.rows import MakeUser

PASSWORD = "correct horse battery"


@pytest.fixture
async def admin(services: Services, actor: Actor) -> Actor:
    """The owner, who can sign in."""
    async with services.db.transaction() as session:
        await identity.set_password(
            session, actor, email=actor.email, password=PASSWORD
        )
    return actor


async def _invite(services: Services, admin: Actor, role: Role = Role.USER) -> NewLink:
    draft = InviteDraft.model_validate({"email": " Ada@Example.org", "role": role})
    async with services.db.transaction() as session:
        return await people.invite(session, admin, draft=draft)


async def _choose(services: Services, token: str) -> NewSession:
    password_hash = await passwords.hash_password(PASSWORD)
    async with services.db.transaction() as session:
        new = await people.choose_password(
            session,
            token=token,
            password_hash=password_hash,
            user_agent="x",
            session_days=30,
        )
    assert isinstance(new, NewSession)
    return new


async def _find(services: Services, token: str) -> Actor | None:
    async with services.db.read() as session:
        return await sessions.find_actor_by_session(session, token)


async def _actions(services: Services) -> list[tuple[str, str]]:
    async with services.db.read() as session:
        rows = await session.exec(select(AuditRow).order_by(col(AuditRow.id)))
        return [(row.action, row.detail.get("email", "")) for row in rows]


async def test_invited_person_chooses_a_password_and_is_signed_in(
    services: Services, admin: Actor
) -> None:
    made = await _invite(services, admin, Role.VIEWER)
    with pytest.raises(WrongLogin):
        await sessions.check_login(services.db, email="ada@example.org", password="")
    async with services.db.read() as session:
        (waiting, _) = (await people.list_people(session, admin)).items
    new = await _choose(services, made.token)
    found = await _find(services, new.token)

    assert (waiting.email, waiting.has_password) == ("ada@example.org", False)
    assert found is not None
    assert (found.email, found.role) == ("ada@example.org", Role.VIEWER)
    await sessions.check_login(services.db, email=found.email, password=PASSWORD)
    assert (await _actions(services))[-2:] == [
        ("user_invited", "ada@example.org"),
        ("password_chosen", "ada@example.org"),
    ]


async def test_link_works_once_and_only_the_newest(
    services: Services, admin: Actor
) -> None:
    older = await _invite(services, admin)
    async with services.db.transaction() as session:
        newer = await people.make_password_link(session, admin, user_id=older.user.id)

    with pytest.raises(PasswordLinkInvalid):
        await _choose(services, older.token)
    await _choose(services, newer.token)
    with pytest.raises(PasswordLinkInvalid):
        await _choose(services, newer.token)


async def test_link_expires(services: Services, admin: Actor) -> None:
    made = await _invite(services, admin)
    late = clock.now() - timedelta(seconds=1)
    async with services.db.transaction() as session:
        await session.exec(update(OneTimeLinkRow).values(expires_at=late))

    with pytest.raises(PasswordLinkInvalid):
        await _choose(services, made.token)


async def test_link_of_the_owner_sets_no_password(services: Services) -> None:
    async with services.db.transaction() as session:
        token = await identity.make_owner_link(session)

    with pytest.raises(PasswordLinkInvalid):
        await _choose(services, token)


async def test_new_password_by_link_ends_the_logins(
    services: Services, admin: Actor
) -> None:
    first = await _choose(services, (await _invite(services, admin)).token)
    async with services.db.transaction() as session:
        made = await people.make_password_link(session, admin, user_id=first.user.id)
    assert await _find(services, first.token) is not None

    second = await _choose(services, made.token)

    assert await _find(services, first.token) is None
    assert await _find(services, second.token) is not None


async def test_address_that_is_there_is_not_invited(
    services: Services, admin: Actor
) -> None:
    await _invite(services, admin)

    with pytest.raises(EmailTaken):
        await _invite(services, admin)


async def test_suspension_ends_logins_keys_and_links_for_good(
    services: Services, admin: Actor
) -> None:
    new = await _choose(services, (await _invite(services, admin)).token)
    person = await _find(services, new.token)
    assert person is not None
    async with services.db.transaction() as session:
        key = await keys.create_key(session, person, name="ci")
        link = await people.make_password_link(session, admin, user_id=person.user_id)
    async with services.db.transaction() as session:
        await people.set_active(session, admin, user_id=person.user_id, is_active=False)
    assert await _find(services, new.token) is None
    with pytest.raises(PasswordLinkInvalid):
        await _choose(services, link.token)
    async with services.db.transaction() as session:
        with pytest.raises(NotFound):
            await people.make_password_link(session, admin, user_id=person.user_id)
    with pytest.raises(WrongLogin):
        await sessions.check_login(services.db, email=person.email, password=PASSWORD)

    async with services.db.transaction() as session:
        view = await people.set_active(
            session, admin, user_id=person.user_id, is_active=True
        )

    assert view.is_active
    assert await _find(services, new.token) is None
    async with services.db.read() as session:
        assert await keys.find_actor_by_key(session, key.key) is None
    await sessions.check_login(services.db, email=person.email, password=PASSWORD)
    assert [action for action, _ in await _actions(services)][-2:] == [
        "user_suspended",
        "user_reactivated",
    ]


async def test_role_counts_at_once(services: Services, admin: Actor) -> None:
    new = await _choose(services, (await _invite(services, admin)).token)
    async with services.db.transaction() as session:
        await people.set_role(session, admin, user_id=new.user.id, role=Role.ADMIN)

    found = await _find(services, new.token)

    assert found is not None
    assert found.may(Permission.CHANGE_USER)
    assert (await _actions(services))[-1] == ("role_changed", "ada@example.org")


async def test_last_administrator_stays(services: Services, admin: Actor) -> None:
    invited = await _invite(services, admin, Role.ADMIN)

    for _ in range(2):
        # Who was invited and has no password yet cannot manage anything.
        async with services.db.transaction() as session:
            with pytest.raises(LastAdmin):
                await people.set_role(
                    session, admin, user_id=admin.user_id, role=Role.USER
                )
            with pytest.raises(LastAdmin):
                await people.set_active(
                    session, admin, user_id=admin.user_id, is_active=False
                )

    await _choose(services, invited.token)
    async with services.db.transaction() as session:
        view = await people.set_role(
            session, admin, user_id=admin.user_id, role=Role.USER
        )
    assert view.role == Role.USER


async def test_two_administrators_cannot_demote_each_other_at_once(
    services: Services, admin: Actor
) -> None:
    new = await _choose(services, (await _invite(services, admin, Role.ADMIN)).token)
    other = await _find(services, new.token)
    assert other is not None

    async def demote(by: Actor, whom: Actor) -> None:
        async with services.db.transaction() as session:
            await people.set_role(session, by, user_id=whom.user_id, role=Role.USER)

    done = await asyncio.gather(
        demote(admin, other), demote(other, admin), return_exceptions=True
    )

    assert [type(one) for one in done if isinstance(one, AppError)] == [LastAdmin]
    async with services.db.read() as session:
        left = await session.exec(select(UserRow).where(col(UserRow.role) == "admin"))
        assert len(left.all()) == 1


async def test_people_are_searched_and_paged(
    services: Services, actor: Actor, make_user: MakeUser
) -> None:
    for name in ("ada", "bob", "100%"):
        await make_user(email=f"{name}@example.org")
    async with services.db.read() as session:
        first = await people.list_people(session, actor, limit=3)
        second = await people.list_people(
            session, actor, limit=3, cursor=first.next_cursor
        )
        found = [
            [
                view.email
                for view in (await people.list_people(session, actor, text=text)).items
            ]
            for text in (" ADA", "0%", "_")
        ]

    assert [view.email for view in (*first.items, *second.items)] == [
        "100%@example.org",
        "bob@example.org",
        "ada@example.org",
        "owner@example.org",
    ]
    assert second.next_cursor is None
    assert found == [["ada@example.org"], ["100%@example.org"], []]


async def test_only_administrators_manage_people(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    whom = actor.user_id
    async with services.db.transaction() as session:
        for asked in (
            people.list_people(session, other_actor),
            people.get_person(session, other_actor, user_id=whom),
            people.invite(
                session, other_actor, draft=InviteDraft(email="ada@example.org")
            ),
            people.make_password_link(session, other_actor, user_id=whom),
            people.set_role(session, other_actor, user_id=whom, role=Role.USER),
            people.set_active(session, other_actor, user_id=whom, is_active=False),
        ):
            with pytest.raises(Forbidden):
                await asked
