"""The chains of all models: read from the rows, known to all processes through Redis, compiled once for each process."""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from langchain_core.messages import AIMessageChunk
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from redis.asyncio import Redis

from app.backend.core import acting
from app.backend.core import redis as names
from app.backend.core.db import Database
from app.backend.core.errors import AppError
from app.backend.core.run_events import Level, MiddlewareActed
from app.backend.middleware import repository
from app.backend.middleware.base import Middleware, Parts
from app.backend.middleware.errors import MiddlewareBroken
from app.backend.middleware.memory import Memory
from app.backend.middleware.registry import check_config, find_type
from app.backend.middleware.schemas import Entry
from app.backend.models.request import Ask, ModelRequest

# Whatever happens, a process knows what the rows say after this.
KEPT_SECONDS = 60
_COMPILED_MAX = 500
_VERSION = names.middleware("all", "version")
_ENTRIES = TypeAdapter(list[Entry])
logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Compiled:
    """The middlewares of a model in their order; `left_out` says which could not be started, and why.

    `guards` are the types of those that must not be left out.
    """

    digest: str
    middlewares: Sequence[Middleware]
    left_out: Sequence[tuple[str, str]] = ()
    guards: frozenset[str] = frozenset()

    @property
    def asks_again(self) -> bool:
        """Whether one of them asks a model again that does not answer."""
        return any(one.asks_again for one in self.middlewares)

    def stream(self, request: ModelRequest, ask: Ask) -> AsyncIterator[AIMessageChunk]:
        """Yield the answer: each does its work before the model in this order, and after it in the opposite one."""
        for label, reason in self.left_out:
            request.caller.emit(
                MiddlewareActed(
                    name=label,
                    message=f"Left out: {reason}",
                    milliseconds=0,
                    level=Level.WARNING,
                )
            )
        for one in reversed(self.middlewares):
            ask = _link(one, ask)
        return ask(request)


class _Known(BaseModel):
    """What Redis has of a model: its entries at a version of all rows."""

    model_config = ConfigDict(frozen=True)

    version: str
    entries: list[Entry]


class RowChains:
    """Finds what stands before a model."""

    def __init__(self, db: Database, redis: Redis) -> None:
        self._db = db
        self._memory = Memory(redis)
        self._compiled: dict[str, Compiled] = {}

    async def find(self, name: str, model_id: UUID | None) -> Compiled | None:
        """Return what stands before a model; None for nothing.

        Raises:
            MiddlewareBroken: one that must not be left out cannot be started.
        """
        entries = await self._entries(name, model_id)
        if not entries:
            return None
        key = str(model_id or name)
        digest = digest_of(entries)
        found = self._compiled.get(key)
        if found is None or found.digest != digest:
            if len(self._compiled) >= _COMPILED_MAX:
                self._compiled.clear()
            found = self._compiled[key] = compile_chain(name, entries, self._memory)
        return found

    async def warm(self, name: str, model_id: UUID | None) -> None:
        """Make ready for all processes what stands before a model that will be asked soon."""
        try:
            await self.find(name, model_id)
        except MiddlewareBroken as error:
            logger.warning("model_not_asked", model=name, reason=error.message)

    async def renew(self) -> None:
        """Let all processes look at the rows again."""
        await self._memory.raise_version(_VERSION)

    async def _entries(self, name: str, model_id: UUID | None) -> list[Entry]:
        key = names.middleware(str(model_id or name), "chain")
        values = await self._memory.get(_VERSION, key)
        if values is None:
            return await self._read(name, model_id)
        version, value = values[0] or "0", values[1]
        known = _parse(value)
        if known is not None and known.version == version:
            return known.entries
        entries = await self._read(name, model_id)
        # Named by the version from before the look: what changes meanwhile makes it out of date at once.
        fresh = _Known(version=version, entries=entries).model_dump_json()
        await self._memory.keep(key, fresh, seconds=KEPT_SECONDS)
        return entries

    async def _read(self, name: str, model_id: UUID | None) -> list[Entry]:
        # Whoever asks has found the model, or somebody has for them; and what is read here is kept for everybody.
        with acting.as_system():
            async with self._db.read() as session:
                rows = await repository.list_active(session, name, model_id)
                return [Entry.model_validate(row) for row in rows]


def compile_chain(name: str, entries: Sequence[Entry], memory: Memory) -> Compiled:
    """Return the chain of a model.

    Raises:
        MiddlewareBroken: one that must not be left out cannot be started.
    """
    made: list[Middleware] = []
    left_out: list[tuple[str, str]] = []
    digest = digest_of(entries)
    for entry in entries:
        one, reason = start(entry, memory, digest)
        if one is not None:
            made.append(one)
        elif entry.is_critical:
            message = f"{name} is not asked: its middleware {entry.type!r} cannot be started, and must not be left out. {reason} Correct it under Models."
            raise MiddlewareBroken(message)
        else:
            left_out.append((entry.type, reason))
    guards = frozenset(one.type for one in entries if one.is_critical)
    return Compiled(digest, tuple(made), tuple(left_out), guards)


def start(entry: Entry, memory: Memory, digest: str) -> tuple[Middleware | None, str]:
    """Return the middleware of an entry; without one, why it cannot be started."""
    try:
        kind = find_type(entry.type)
        form = check_config(kind, entry.config)
        return kind(form, Parts(str(entry.id), memory, digest)), ""
    except Exception as error:  # lint-skip: edge-catch - of others' code
        logger.exception("middleware_not_started", type=entry.type)
        is_told = isinstance(error, AppError | ValueError)
        return None, str(error) if is_told else f"{type(error).__name__}."


def digest_of(entries: Sequence[Entry]) -> str:
    """Return what changes whenever an entry, its place or its configuration does."""
    plain = _ENTRIES.dump_python(list(entries), mode="json")
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _parse(value: str | None) -> _Known | None:
    try:
        return _Known.model_validate_json(value) if value else None
    except ValidationError:
        return None


def _link(one: Middleware, ask: Ask) -> Ask:
    def asked(request: ModelRequest) -> AsyncIterator[AIMessageChunk]:
        return one(request, ask)

    return asked
