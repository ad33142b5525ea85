"""Rows with sensible values, added to the database of a test."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import SQLModel, col, delete

from app.backend.agents.schemas import AgentKind, Execution
from app.backend.agents.tables import AgentCollectionRow, AgentRow, AgentShareRow
from app.backend.core import clock, ids
from app.backend.core.actor import Actor, Role
from app.backend.core.crypto import hash_token
from app.backend.core.db import Database
from app.backend.core.run_events import RunStatus
from app.backend.identity.scopes import permissions_of
from app.backend.identity.tables import SessionRow, UserRow
from app.backend.knowledge.tables import CollectionRow, CollectionShareRow
from app.backend.models.tables import ModelRow
from app.backend.providers.tables import ProviderRow, ProviderShareRow
from app.backend.runs.tables import RunRow
from app.backend.threads.tables import ThreadRow

R = TypeVar("R", bound=SQLModel)
Shared = AgentRow | CollectionRow | ProviderRow
_SHARES: dict[type[Any], Any] = {
    AgentRow: AgentShareRow,
    CollectionRow: CollectionShareRow,
    ProviderRow: ProviderShareRow,
}


class RowFactory:
    """Adds rows; `owner` is the actor that they belong to."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def user(self, **overrides: Any) -> Actor:
        """Add a user without a usable password and return who they are."""
        role = Role(overrides.pop("role", Role.USER))
        values: dict[str, Any] = {
            "email": f"{ids.new_id().hex}@example.org",
            "role": role,
            "password_hash": "",
            **overrides,
        }
        row = await self._add(UserRow(**values))
        return Actor(
            user_id=row.id,
            email=row.email,
            role=role,
            permissions=permissions_of(role),
        )

    async def login(self, owner: Actor) -> str:
        """Add a login, and return its token."""
        token = ids.new_token()
        login = SessionRow(
            owner_id=owner.user_id,
            token_hash=hash_token(token),
            expires_at=clock.now() + timedelta(days=1),
        )
        await self._add(login)
        return token

    async def agent(
        self,
        owner: Actor,
        *,
        collection_ids: list[UUID] | None = None,
        **overrides: Any,
    ) -> AgentRow:
        """Add an agent that searches `collection_ids`."""
        values: dict[str, Any] = {
            "owner_id": owner.user_id,
            "name": "Librarian",
            "kind": AgentKind.ANSWER,
            "model": "scripted/hello",
            "temperature": 0.0,
            "max_tokens": 200,
            "passages": 4,
            "execution": Execution.WORKER,
            **overrides,
        }
        row = await self._add(AgentRow(**values))
        for collection_id in collection_ids or []:
            link = AgentCollectionRow(
                owner_id=owner.user_id, agent_id=row.id, collection_id=collection_id
            )
            await self._add(link)
        return row

    async def collection(self, owner: Actor, **overrides: Any) -> CollectionRow:
        """Add an empty collection."""
        values: dict[str, Any] = {
            "owner_id": owner.user_id,
            "name": "Handbook",
            "embedding_model": "minilm-int8",
            **overrides,
        }
        return await self._add(CollectionRow(**values))

    async def share(self, shared: Shared, other: Actor, level: str) -> None:
        """Share an agent, a collection or a provider with `other`."""
        table = _SHARES[type(shared)]
        values: dict[str, Any] = {"owner_id": shared.owner_id, "level": level}
        await self._add(table(object_id=shared.id, user_id=other.user_id, **values))

    async def unshare(self, shared: Shared) -> None:
        """Take every share of an agent, a collection or a provider back."""
        table = _SHARES[type(shared)]
        async with self._db.transaction() as session:
            await session.exec(delete(table).where(col(table.object_id) == shared.id))

    async def default_model(self, owner: Actor) -> str:
        """Add a provider of the owner with their default model, and return its name."""
        provider = await self._add(
            ProviderRow(owner_id=owner.user_id, name="own", type="openai_compatible")
        )
        model = await self._add(
            ModelRow(
                owner_id=owner.user_id,
                provider_id=provider.id,
                name="best",
                kind="chat",
                environment="LAB",
                is_default=True,
            )
        )
        return f"{provider.name}/{model.name}"

    async def thread(self, owner: Actor, **overrides: Any) -> ThreadRow:
        """Add an empty thread."""
        return await self._add(ThreadRow(owner_id=owner.user_id, **overrides))

    async def run(
        self, owner: Actor, *, agent: AgentRow | None = None, **overrides: Any
    ) -> RunRow:
        """Add a queued run without events."""
        values: dict[str, Any] = {
            "owner_id": owner.user_id,
            "agent_id": agent.id if agent else None,
            "agent_name": agent.name if agent else "Librarian",
            "status": RunStatus.QUEUED,
            "trigger": "user",
            "correlation_id": ids.new_id(),
            "input": {"query": "What is this?"},
            "turn": 0,
            **overrides,
        }
        return await self._add(RunRow(**values))

    async def add(self, row: R) -> R:
        """Add any other row."""
        return await self._add(row)

    async def _add(self, row: R) -> R:
        async with self._db.transaction() as session:
            session.add(row)
        return row


MakeUser = Callable[..., Awaitable[Actor]]
MakeAgent = Callable[..., Awaitable[AgentRow]]
MakeCollection = Callable[..., Awaitable[CollectionRow]]
MakeThread = Callable[..., Awaitable[ThreadRow]]
MakeRun = Callable[..., Awaitable[RunRow]]
