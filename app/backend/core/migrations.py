"""Brings the tables of a database to the version of this code."""

from functools import cache

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from alembic import command
from app.backend.core.db import Database
from app.backend.core.project import MIGRATIONS


async def migrate(db: Database) -> None:
    """Apply the migrations that `db` lacks, in one transaction."""
    async with db.engine.begin() as connection:
        await connection.run_sync(_upgrade)


async def current_revision(db: Database) -> str:
    """Return the revision that the tables of `db` are at; "" for an empty database."""
    async with db.engine.connect() as connection:
        return await connection.run_sync(_current)


@cache
def newest_revision() -> str:
    """Return the revision that this code expects."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def _current(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
