"""The people of the prover, and all that belongs to one of them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import inspect
from sqlmodel import SQLModel, delete

from app.backend import tables
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Role
from app.backend.core.db import Session
from app.backend.core.rows import owned_by
from app.backend.identity import cookies, probes
from app.backend.identity.tables import AuditRow, ShareRow

# They change when somebody only looks.
_NOTED_AT_USE = {"last_used_at", "last_seen_at"}
# Of what somebody did, and of what is cleared later by itself.
_KEPT = {"audit", "checkpoint_link"}

Owned = Mapping[str, list[UUID]]


@dataclass(frozen=True)
class Person:
    """A probe; `word` is in every text that belongs to them."""

    actor: Actor
    word: str
    cookie: str

    def headers(self, address: str) -> dict[str, str]:
        """Return what their browser sends from a page of this installation."""
        return {"Cookie": self.cookie, "Origin": address}


async def wake(services: Services, name: str, role: Role, *, word: str) -> Person:
    """Return a probe that is signed in."""
    async with services.db.transaction() as session:
        actor = await probes.wake(session, name=name, role=role)
        await _clear(session, actor)
    return await sign_in(services, actor, word=word)


async def sign_in(services: Services, actor: Actor, *, word: str) -> Person:
    """Return the probe with a login of its own."""
    async with services.db.transaction() as session:
        token = await probes.open_login(session, actor)
    return Person(actor, word, f"{cookies.cookie_name(services.keyring)}={token}")


async def rest(services: Services, actor: Actor) -> None:
    """Suspend a probe, and delete what is left of its things."""
    async with services.db.transaction() as session:
        await probes.rest(session, actor)
        await _clear(session, actor)


async def list_owned(services: Services, actor: Actor) -> Owned:
    """Return the ids of all that somebody owns, by table; shares of all kinds together."""
    found: dict[str, list[UUID]] = defaultdict(list)
    async with services.db.read() as session:
        for kind in _owned_tables():
            if "id" in kind.model_fields:
                rows = (await session.exec(owned_by(actor, kind))).all()
                name = "share" if issubclass(kind, ShareRow) else kind.__tablename__
                found[name] += [row.id for row in rows]
    return found


async def read_rows(services: Services, actor: Actor) -> dict[str, list[str]]:
    """Return every row that somebody owns, but for what is noted when they look at it."""
    found: dict[str, list[str]] = {}
    async with services.db.read() as session:
        for kind in _owned_tables():
            name = str(kind.__tablename__)
            if name not in _KEPT:
                rows = (await session.exec(owned_by(actor, kind))).all()
                found[name] = sorted(map(_text, rows))
    return found


def _text(row: SQLModel) -> str:
    return repr(row.model_dump(exclude=_NOTED_AT_USE))


async def _clear(session: Session, actor: Actor) -> None:
    for kind in reversed(list(_owned_tables())):
        if str(kind.__tablename__) not in _KEPT:
            await session.exec(delete(kind).where(kind.owner_id == actor.user_id))


def _owned_tables() -> Iterator[Any]:
    """Yield every table of owned rows, those that others refer to first."""
    mappers = inspect(AuditRow).registry.mappers
    kinds = {mapper.local_table: mapper.class_ for mapper in mappers}
    for table in tables.metadata.sorted_tables:
        if "owner_id" in table.columns:
            yield kinds[table]


def client_of(address: str, headers: dict[str, str]) -> httpx.AsyncClient:
    """Return a client that sends these headers with every request."""
    return httpx.AsyncClient(base_url=address, headers=headers, timeout=20)
