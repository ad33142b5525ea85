"""API keys: shown once, of fewer rights than their user, useless when they are over."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import Forbidden, Invalid
from app.backend.identity import keys
from app.backend.identity.tables import ApiKeyRow, AuditRow


async def _find_by_key(services: Services, key: str) -> Actor | None:
    async with services.db.read() as session:
        return await keys.find_actor_by_key(session, key)


async def test_key_acts_as_its_user_with_less_rights(
    services: Services, actor: Actor
) -> None:
    async with services.db.transaction() as session:
        new = await keys.create_key(session, actor, name=" ci ")
    found = await _find_by_key(services, new.key)

    assert found is not None
    assert (found.user_id, found.api_key_id) == (actor.user_id, new.view.id)
    assert found.may(Permission.ADD_RUN)
    with pytest.raises(Forbidden):
        async with services.db.transaction() as session:
            await keys.create_key(session, found, name="more")
    assert new.view.name == "ci"
    assert new.key.startswith(new.view.prefix)


async def test_revoked_key_is_useless_and_stays_listed(
    services: Services, actor: Actor
) -> None:
    async with services.db.transaction() as session:
        new = await keys.create_key(session, actor, name="ci")
    async with services.db.transaction() as session:
        await keys.revoke_key(session, actor, key_id=new.view.id)
    async with services.db.transaction() as session:
        again = await keys.revoke_key(session, actor, key_id=new.view.id)
        listed = await keys.list_keys(session, actor)

    assert await _find_by_key(services, new.key) is None
    assert listed.items == [again]
    async with services.db.read() as session:
        revoked = select(AuditRow).where(col(AuditRow.action) == "key_revoked")
        assert len((await session.exec(revoked)).all()) == 1


async def test_key_expires(services: Services, actor: Actor) -> None:
    soon = clock.now() + timedelta(minutes=5)
    async with services.db.transaction() as session:
        new = await keys.create_key(session, actor, name="ci", expires_at=soon)
    assert await _find_by_key(services, new.key) is not None
    async with services.db.transaction() as session:
        row = (await session.exec(select(ApiKeyRow))).one()
        row.expires_at = clock.now() - timedelta(seconds=1)

    assert await _find_by_key(services, new.key) is None


async def test_key_that_has_expired_already_is_refused(
    services: Services, actor: Actor
) -> None:
    past = clock.now() - timedelta(minutes=5)

    with pytest.raises(Invalid, match="expired already"):
        async with services.db.transaction() as session:
            await keys.create_key(session, actor, name="ci", expires_at=past)
