"""Brings the tables of a database to the version of this code."""

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from alembic import command
from app.backend.core.db import Database
from app.backend.core.project import MIGRATIONS


async def migrate(db: Database) -> None:
    """Apply the migrations that `db` lacks, in one transaction."""
    async with db.engine.begin() as connection:
        await connection.run_sync(_upgrade)


def newest_revision() -> str:
    """Return the revision that this code expects."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
