"""Runs migrations on the connection that the caller passes, or on the installation's database."""

import asyncio
from typing import Any, Literal

from sqlalchemy import Connection
from sqlmodel.sql.sqltypes import AutoString

from alembic import context
from app.backend.core import acting, settings
from app.backend.core.db import Database
from app.backend.core.rows import UtcDateTime
from app.backend.tables import metadata


def render(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Write plain SQLAlchemy types into revisions, so that they outlive our classes."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String({item.impl.length or ''})"
    return False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_installation() -> None:
    db = Database(settings.load().migration_sql_url)
    with acting.as_system():
        async with db.engine.begin() as connection:
            await connection.run_sync(migrate)
    await db.close()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    asyncio.run(migrate_installation())
