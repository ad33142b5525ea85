"""Secrets: stored sealed, read at the last moment, written down once, refused to others."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text as sql
from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core import ids, masking
from app.backend.core.actor import Actor
from app.backend.core.errors import AppError, Invalid, NotFound
from app.backend.identity.tables import AuditRow
from app.backend.runs import redaction
from app.backend.secrets import service
from app.backend.secrets.errors import SecretInUse, SecretMissing, SecretRefused
from app.backend.secrets.schemas import SecretDraft, SecretView
from app.backend.secrets.tables import SecretRow
from tests.factories.rows import MakeAgent

VALUE = "canary-of-the-store"


async def _set(
    services: Services, actor: Actor, name: str = "far", value: str = VALUE
) -> SecretView:
    draft = SecretDraft.model_validate({"name": name, "value": value})
    async with services.db.transaction() as session:
        return await service.set_secret(
            session, actor, draft=draft, keyring=services.keyring
        )


async def _resolve(
    services: Services, actor: Actor, reference: str, run_id: object = None
) -> str:
    async with services.db.transaction() as session:
        found = await service.resolve(
            session,
            actor,
            reference,
            parts=services,
            run_id=run_id,  # pyright: ignore[reportArgumentType] - an id of no run will do
        )
    return found.get_secret_value()


async def _listed(services: Services, actor: Actor) -> list[SecretView]:
    async with services.db.read() as session:
        return (await service.list_secrets(session, actor)).items


async def _noted(services: Services, action: str) -> list[AuditRow]:
    query = select(AuditRow).where(col(AuditRow.action) == action)
    async with services.db.read() as session:
        return list((await session.exec(query)).all())


async def test_stored_secret_is_sealed_read_and_replaced(
    services: Services, actor: Actor
) -> None:
    made = await _set(services, actor)
    async with services.db.read() as session:
        rows = list((await session.exec(select(SecretRow))).all())

    assert made.reference == "db:far"
    assert VALUE not in str([row.model_dump() for row in rows])
    assert await _resolve(services, actor, "db:far") == VALUE

    again = await _set(services, actor, value="another-canary")

    assert again.id == made.id
    assert await _resolve(services, actor, "db:far") == "another-canary"
    assert (await _listed(services, actor))[0].last_used_at is not None


async def test_secret_of_somebody_else_is_not_there(
    services: Services, actor: Actor, other_actor: Actor
) -> None:
    await _set(services, actor)

    with pytest.raises(SecretMissing, match=r"db:far.*settings"):
        await _resolve(services, other_actor, "db:far")
    with pytest.raises(NotFound):
        async with services.db.transaction() as session:
            await service.delete_secret(session, other_actor, name="far")
    assert await _listed(services, other_actor) == []


@pytest.mark.parametrize("moved", [("secret",), ("secret", "data_key")])
async def test_row_that_is_moved_to_somebody_else_opens_for_nobody(
    services: Services, actor: Actor, other_actor: Actor, moved: tuple[str, ...]
) -> None:
    await _set(services, actor)
    owner = other_actor.user_id
    bound = {"owner": owner.hex if services.db.is_sqlite else owner}
    async with services.db.engine.begin() as connection:
        for table in moved:
            move = sql(f"UPDATE {table} SET owner_id = :owner")
            await connection.execute(move, bound)

    with pytest.raises(AppError, match="cannot be read"):
        await _resolve(services, other_actor, "db:far")


async def test_use_is_written_down_once_for_each_run(
    services: Services, actor: Actor
) -> None:
    await _set(services, actor)
    first, second = ids.new_id(), ids.new_id()

    for run_id in (first, first, second, None, None):
        await _resolve(services, actor, "db:far", run_id)

    rows = await _noted(services, "secret_used")
    assert {row.object_id for row in rows} == {first, second, None}
    assert len(rows) == 3
    assert {row.detail["reference"] for row in rows} == {"db:far"}


async def test_value_that_was_read_is_masked_in_logs_and_events(
    services: Services, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_FAR", "canary-of-the-environment")

    await _resolve(services, actor, "env:SECRET_FAR")

    said = "It is canary-of-the-environment."
    assert redaction.installed().redact_text(said) == f"It is {masking.MASK}."
    assert masking.known().mask(said) == f"It is {masking.MASK}."


@pytest.mark.parametrize("name", ["ATELIER_SECRET_KEY", "HOME", "SECRET_ABSENT"])
async def test_environment_beyond_the_prefix_is_not_read(
    services: Services, actor: Actor, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("ATELIER_SECRET_KEY", "the-key-of-the-house")

    with pytest.raises(SecretMissing, match=f"env:{name}") as caught:
        await _resolve(services, actor, f"env:{name}")

    assert "the-key-of-the-house" not in caught.value.message


async def test_secrets_of_the_installation_are_for_administrators(
    services: Services, other_actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_FAR", "canary-of-the-environment")

    for reference in ("env:SECRET_FAR", "file:/etc/hostname"):
        with pytest.raises(SecretRefused, match="administrators"):
            await _resolve(services, other_actor, reference)


async def test_file_is_read_below_the_allowed_folder_only(
    services: Services, actor: Actor, tmp_path: Path
) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    allowed.mkdir()
    outside.write_text("canary-outside")
    (allowed / "far").write_text("canary-of-the-file\n")
    (allowed / "link").symlink_to(outside)
    (allowed / "up").symlink_to(tmp_path)
    settings = services.settings.model_copy(update={"secret_file_dir": allowed})
    parts = replace(services, settings=settings)

    async with services.db.transaction() as session:
        found = await service.resolve(
            session, actor, f"file:{allowed}/far", parts=parts
        )
    assert found.get_secret_value() == "canary-of-the-file"
    for path in ("link", "up/outside", "../outside", "absent", ""):
        with pytest.raises(SecretMissing) as caught:
            async with services.db.transaction() as session:
                await service.resolve(
                    session, actor, f"file:{allowed}/{path}", parts=parts
                )
        assert "canary" not in caught.value.message


async def test_used_secret_is_deleted_only_when_forced(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    await _set(services, actor)
    await make_agent(actor, name="Scout", remote_secret="db:far")

    with pytest.raises(SecretInUse, match="Scout"):
        async with services.db.transaction() as session:
            await service.delete_secret(session, actor, name="far")
    used_by = (await _listed(services, actor))[0].used_by
    async with services.db.transaction() as session:
        await service.delete_secret(session, actor, name="far", is_forced=True)

    assert used_by == ["agent 'Scout'"]
    assert await _listed(services, actor) == []
    assert len(await _noted(services, "secret_deleted")) == 1


async def test_what_is_no_reference_is_refused(
    services: Services, actor: Actor
) -> None:
    with pytest.raises(Invalid):
        await _resolve(services, actor, "far")
