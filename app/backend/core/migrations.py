"""Brings the tables of a database to the version of this code."""

import re
from functools import cache

from sqlalchemy import Connection, inspect, text

from app.backend.core import acting, roles
from app.backend.core.db import Database
from app.backend.core.project import MIGRATIONS
from app.backend.core.settings import Settings

_NAMES = re.compile(r'^(revision|down_revision) = "(\w+)"$', re.MULTILINE)


async def migrate_installation(settings: Settings) -> str:
    """Apply the migrations that an installation lacks, as the role that owns its tables; returns the revision before.

    Raises:
        RoleMissing: the role that the platform works with cannot be made.
    """
    db = Database(settings.migration_sql_url)
    try:
        before = await current_revision(db)
        await migrate(db)
        if settings.migration_url:
            await roles.admit(db, settings.database_url)
        return before
    finally:
        await db.close()


async def migrate(db: Database) -> None:
    """Apply the migrations that `db` lacks, in one transaction."""
    # A migration may have to change everybody's rows.
    with acting.as_system():
        async with db.engine.begin() as connection:
            await connection.run_sync(_upgrade)


async def current_revision(db: Database) -> str:
    """Return the revision that the tables of `db` are at; "" for an empty database."""
    async with db.engine.connect() as connection:
        return await connection.run_sync(_current)


@cache
def newest_revision() -> str:
    """Return the revision that this code expects: the one that no other follows."""
    names: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for path in (MIGRATIONS / "versions").glob("*.py"):
        for kind, name in _NAMES.findall(path.read_text()):
            names[kind].add(name)
    (newest,) = names["revision"] - names["down_revision"]
    return newest


def _current(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or ""


def _upgrade(connection: Connection) -> None:
    # 7 MB of libraries, for the process that migrates.
    from alembic.config import Config

    from alembic import command

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
