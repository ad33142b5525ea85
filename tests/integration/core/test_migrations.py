"""The migrations and the tables say the same, on every database, in both directions."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlmodel import col, select

from alembic import command
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Database
from app.backend.core.migrations import current_revision, migrate, newest_revision
from app.backend.core.project import MIGRATIONS
from app.backend.identity import keys
from app.backend.identity.tables import ApiKeyRow, RefreshTokenRow, SessionRow
from app.backend.runs import tags
from app.backend.runs.tables import RunTagRow
from app.backend.tables import metadata
from tests.factories.rows import RowFactory


def _differences(connection: Connection) -> list[object]:
    is_sqlite = connection.dialect.name == "sqlite"

    def is_compared(
        item: object, name: str | None, kind: str, is_found: bool, _: object
    ) -> bool:
        # SQLite has a full-text table instead of this index; it and those that it keeps itself in have no class.
        if kind == "table":
            return not (is_found and (name or "").startswith("run_fts"))
        # Of a reference that stands in a column of SQLite, SQLAlchemy reads no ON DELETE; tests of what they do see it.
        if kind == "foreign_key_constraint" and is_sqlite:
            keys = str(getattr(item, "column_keys", ""))
            return "tier_id" not in keys and "reads_user_id" not in keys
        return not (is_sqlite and name == "ix_run_text_words")

    opts = {"include_object": is_compared}
    context = MigrationContext.configure(connection, opts=opts)
    return list(compare_metadata(context, metadata))


def _downgrade(connection: Connection, revision: str = "base") -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_migrated_database_has_the_tables_of_the_code(services: Services) -> None:
    async with services.db.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_revisions_are_what_alembic_says(owner_db: Database) -> None:
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert newest_revision() == newest == await current_revision(owner_db)

    async with owner_db.engine.begin() as connection:
        await connection.run_sync(_downgrade, "0021b")
    assert await current_revision(owner_db) == "0021b"

    async with owner_db.engine.begin() as connection:
        await connection.run_sync(_downgrade)
    assert await current_revision(owner_db) == ""


async def test_database_without_any_table_has_no_revision(tmp_path: Path) -> None:
    db = Database(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")

    assert await current_revision(db) == ""

    await db.close()


async def test_downgrade_to_base_leaves_no_table_and_upgrade_brings_them_back(
    owner_db: Database,
) -> None:
    async with owner_db.engine.begin() as connection:
        await connection.run_sync(_downgrade)
        assert set(metadata.tables) & await connection.run_sync(_tables) == set()

    await migrate(owner_db)

    async with owner_db.engine.connect() as connection:
        assert set(metadata.tables) <= await connection.run_sync(_tables)


async def test_migrating_a_new_database_again_changes_nothing(
    owner_db: Database,
) -> None:
    await migrate(owner_db)

    async with owner_db.engine.connect() as connection:
        assert await connection.run_sync(_differences) == []


async def test_downgrade_ends_keys_with_limits_and_no_others(
    services: Services, owner_db: Database, actor: Actor
) -> None:
    async with services.db.transaction() as session:
        await keys.create_key(session, actor, name="whole")
        await keys.create_key(session, actor, name="read", scopes=[Permission.VIEW_RUN])
        await keys.create_key(session, actor, name="no agent", agent_ids=[])

    async with owner_db.engine.begin() as connection:
        await connection.run_sync(_downgrade, "0021b")
        query = select(ApiKeyRow.name).where(col(ApiKeyRow.revoked_at).is_(None))
        working = (await connection.execute(query)).scalars().all()

    assert working == ["whole"]


async def test_runs_of_an_earlier_version_are_found_by_two_tags(
    services: Services, owner_db: Database, actor: Actor
) -> None:
    run = await RowFactory(services.db).run(actor)
    async with services.db.transaction() as session:
        await tags.set_tags(session, actor, run_id=run.id, tags=["ä", "z", "b"])

    async def kept() -> set[str]:
        async with services.db.read() as session:
            return set((await session.exec(select(RunTagRow.tag))).all())

    before = await kept()
    async with owner_db.engine.begin() as connection:
        await connection.run_sync(_downgrade, "0036")
    assert await kept() == {"ä", "z", "b"}
    await migrate(owner_db)

    assert await kept() == before == {"ä", "z", "b", "z\nä", "b\nz", "b\nä"}


async def test_programs_stay_signed_in_when_logins_can_read(
    services: Services, owner_db: Database, actor: Actor
) -> None:
    rows = RowFactory(services.db)
    login = await rows.add(
        SessionRow(owner_id=actor.user_id, token_hash="a", expires_at=clock.now())
    )
    token = RefreshTokenRow(
        owner_id=actor.user_id,
        session_id=login.id,
        token_hash="b",
    )
    await rows.add(token)

    async with owner_db.engine.begin() as connection:
        await connection.run_sync(_downgrade, "0029")
    await migrate(owner_db)

    async with services.db.read() as session:
        assert len((await session.exec(select(RefreshTokenRow))).all()) == 1
