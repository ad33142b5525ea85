"""What was refused is in the audit: once a minute for each person and thing."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.identity import refusals
from app.backend.identity.tables import AuditRow


async def _refused(services: Services) -> list[AuditRow]:
    query = select(AuditRow).where(col(AuditRow.result) == "refused")
    async with services.db.read() as session:
        return list((await session.exec(query)).all())


async def test_repeated_refusal_is_noted_once_a_minute(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for who in (actor, actor, other_actor):
        for what in ("GET /a", "GET /b"):
            await refusals.note_access(services.db, who, what=what)
    first = await _refused(services)

    later = clock.now() + timedelta(minutes=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    await refusals.note_access(services.db, actor, what="GET /a")

    assert len(first) == 4
    assert {row.action for row in first} == {"access_refused"}
    assert len(await _refused(services)) == 5


async def test_pause_of_logins_is_noted_for_a_user_only(
    services: Services, actor: Actor
) -> None:
    await refusals.note_pause(services.db, f" {actor.email.upper()}")
    await refusals.note_pause(services.db, "nobody@example.org")

    (row,) = await _refused(services)
    assert (row.owner_id, row.action) == (actor.user_id, "login_paused")
