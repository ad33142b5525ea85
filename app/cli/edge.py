"""The edge between commands and services: who asks, on which parts, and what a failure looks like."""

import asyncio
import functools
import json
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ParamSpec

import typer
from pydantic import ValidationError
from redis.exceptions import RedisError

from app.backend.core import acting, crypto, migrations
from app.backend.core.actor import Actor
from app.backend.core.crypto import Keyring
from app.backend.core.db import AWAY, Database, Session
from app.backend.core.errors import (
    AppError,
    Forbidden,
    Invalid,
    NotFound,
    ServiceUnavailable,
    Unauthorized,
)
from app.backend.core.settings import Settings
from app.backend.identity import service as identity
from app.cli import claims

P = ParamSpec("P")


class Exit(IntEnum):
    """Exit codes; 2 is also what a wrong option gives."""

    DONE = 0
    FAILED = 1
    INVALID = 2
    NOT_FOUND = 3
    FORBIDDEN = 4
    UNAVAILABLE = 5
    RUN_FAILED = 6
    RUN_STOPPED = 7
    INTERRUPTED = 130


class NotRunning(ServiceUnavailable):
    """The command needs parts that only run with the installation."""

    def __init__(self) -> None:
        super().__init__(
            "Atelier is not running on this data folder. Start it with `atelier up`, or choose another folder with ATELIER_DATA_DIR.",
            service="redis",
        )


class NotMigrated(AppError):
    """The tables are missing, or of another version."""

    code = "NOT_MIGRATED"

    def __init__(self) -> None:
        super().__init__(
            "The tables of this installation are missing or of another version. Run `atelier migrate`, or `atelier up`, which does it too."
        )


@dataclass(frozen=True)
class Rows:
    """What commands use that also work while the installation is stopped."""

    settings: Settings
    keyring: Keyring
    db: Database


def command(function: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Make a command of an async function; failures become a sentence and an exit code."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        is_json = bool(kwargs.get("is_json"))
        try:
            # Whoever has a shell here has the address of the database too.
            with acting.as_system():
                asyncio.run(_awaited(function(*args, **kwargs)))
        except AppError as error:
            raise _fail(error, is_json=is_json) from None
        except ValidationError as error:
            raise _fail(_invalid(error), is_json=is_json) from None
        except AWAY:
            message = "The database does not answer, or its disk is full. `atelier doctor` shows what is wrong."
            outage = ServiceUnavailable(message, service="database")
            raise _fail(outage, is_json=is_json) from None
        except RedisError:
            raise _fail(NotRunning(), is_json=is_json) from None
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED) from None

    return run


@asynccontextmanager
async def open_rows(*, is_new: bool = False) -> AsyncGenerator[Rows, None]:
    """Open the database of the installation that ATELIER_DATA_DIR names.

    Raises:
        NotMigrated: its tables are not of this version, unless `is_new`.
    """
    settings = claims.load_settings()
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = Database(settings.sql_url)
    try:
        if not is_new:
            await check_tables(db)
        yield Rows(settings, crypto.load_keyring(settings), db)
    finally:
        await db.close()


@asynccontextmanager
async def work(as_email: str | None) -> AsyncGenerator[tuple[Session, Actor], None]:
    """Open a transaction on behalf of a person, or of the owner; it commits at the end."""
    async with open_rows() as rows, rows.db.transaction() as session:
        yield session, await identity.find_actor_by_email(session, as_email)


@asynccontextmanager
async def read(as_email: str | None) -> AsyncGenerator[tuple[Session, Actor], None]:
    """Open a read-only transaction on behalf of a person, or of the owner."""
    async with open_rows() as rows, rows.db.read() as session:
        yield session, await identity.find_actor_by_email(session, as_email)


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def check_tables(db: Database) -> None:
    """Refuse tables that are not of this version."""
    if await migrations.current_revision(db) != migrations.newest_revision():
        raise NotMigrated


def _fail(error: AppError, *, is_json: bool) -> typer.Exit:
    if is_json:
        body: dict[str, Any] = {"error": error.message, "code": error.code}
        if isinstance(error, Invalid):
            body["details"] = error.details
        sys.stderr.write(json.dumps(body, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"{error.message}\n")
    return typer.Exit(_exit_code(error))


def _exit_code(error: AppError) -> Exit:
    match error:
        case Invalid():
            return Exit.INVALID
        case NotFound():
            return Exit.NOT_FOUND
        case Forbidden() | Unauthorized():
            return Exit.FORBIDDEN
        case ServiceUnavailable():
            return Exit.UNAVAILABLE
        case _:
            return Exit.FAILED


def _invalid(error: ValidationError) -> Invalid:
    details: dict[str, list[str]] = {}
    for item in error.errors():
        field = ".".join(str(part) for part in item["loc"]) or "input"
        details.setdefault(field, []).append(f"{field}: {item['msg'].rstrip('.')}.")
    return Invalid(details)
