"""The two roles of an installation on PostgreSQL: one owns and migrates the tables, with the other the platform works."""

from collections.abc import Sequence

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.backend.core.db import Database
from app.backend.core.errors import AppError

_OWN_TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <> 'alembic_version'
AND relnamespace = current_schema()::regnamespace AND relowner = current_user::regrole
"""
_BYPASSES = "SELECT rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"


class RoleMissing(AppError):
    """The role that the platform is to work with is not there, and cannot be made."""

    code = "ROLE_MISSING"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"PostgreSQL has no role {name!r}, and the role of ATELIER_MIGRATION_DATABASE_URL may not make it. Make it as docs/deployment.md says, then migrate again."
        )


async def admit(db: Database, url: str) -> None:
    """Let the role of `url` work with the tables that the role of `db` owns; it is made when there is none.

    Raises:
        RoleMissing: there is none, and the role of `db` may not make it.
    """
    given = conninfo_to_dict(url)
    name, password = str(given["user"]), given.get("password")
    async with db.engine.begin() as connection:
        known = text("SELECT 1 FROM pg_roles WHERE rolname = :name")
        if await connection.scalar(known, {"name": name}) is None:
            try:
                await connection.exec_driver_sql(_create(name, password))
            except ProgrammingError as error:
                raise RoleMissing(name) from error
        tables = (await connection.execute(text(_OWN_TABLES))).scalars().all()
        for statement in _grants(name, tables):
            await connection.exec_driver_sql(statement)


async def find_bypass(db: Database) -> str | None:
    """Return the role that the platform works with, if PostgreSQL shows it all rows whatever their policies say."""
    async with db.engine.connect() as connection:
        return await connection.scalar(text(_BYPASSES))


def _create(name: str, password: object) -> str:
    made = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS").format(
        sql.Identifier(name)
    )
    if password:
        made += sql.SQL(" PASSWORD {}").format(sql.Literal(password))
    return made.as_string()


def _grants(name: str, tables: Sequence[str]) -> list[str]:
    role = sql.Identifier(name)
    listed = sql.SQL(", ").join(map(sql.Identifier, tables))
    wanted = (
        # It makes the tables of checkpoints by itself.
        sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {role}"),
        sql.SQL("GRANT SELECT ON alembic_version TO {role}"),
        sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {listed} TO {role}"),
    )
    return [one.format(role=role, listed=listed).as_string() for one in wanted]
