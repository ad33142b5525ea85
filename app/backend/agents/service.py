"""Agents as their owner makes and changes them."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import SecretStr

from app.backend.agents import repository
from app.backend.agents.prompts import check_instructions
from app.backend.agents.schemas import AgentDraft, AgentKind, AgentView, Execution
from app.backend.agents.spec import AgentSpec
from app.backend.agents.tables import REMOTE_KEY_PURPOSE, AgentRow
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.crypto import Keyring
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, Invalid, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.core.sealing import seal, unseal
from app.backend.models.capabilities import need_tools
from app.backend.secrets import references

_NAME_LENGTH_MAX = 100
_FIELDS_OF_ROW = set(AgentDraft.model_fields) - {"collection_ids", "remote_key"}


async def create_agent(
    session: Session,
    actor: Actor,
    *,
    draft: AgentDraft,
    keyring: Keyring,
    default_model: str,
    tools: Collection[str],
) -> AgentView:
    """Make an agent; without a model it gets the installation's default one. `tools` are the names of all there are.

    Raises:
        Invalid: a field is wrong, or a remote agent lacks what it needs.
        NotFound: a collection is not there, or not the actor's.
    """
    row = AgentRow(
        owner_id=actor.user_id,
        **_values(draft, default_model),
        **await _remote_key(session, actor, keyring, draft),
    )
    await _check(session, actor, draft, has_key=_has_key(row))
    _check_tools(draft, row.model, tools)
    session.add(row)
    await session.flush()
    await repository.set_collections(session, actor, row.id, _unique(draft))
    return _to_view(row, _unique(draft))


async def update_agent(
    session: Session,
    actor: Actor,
    *,
    agent_id: UUID,
    draft: AgentDraft,
    keyring: Keyring,
    default_model: str,
    tools: Collection[str],
) -> AgentView:
    """Change an agent; runs that have begun go on with what it was."""
    row = await _need_agent(session, actor, agent_id)
    values = _values(draft, default_model) | {"updated_at": clock.now()}
    row.sqlmodel_update(values | await _remote_key(session, actor, keyring, draft))
    await _check(session, actor, draft, has_key=_has_key(row))
    _check_tools(draft, row.model, tools)
    session.add(row)
    await session.flush()
    await repository.set_collections(session, actor, row.id, _unique(draft))
    return _to_view(row, _unique(draft))


async def duplicate_agent(
    session: Session, actor: Actor, *, agent_id: UUID
) -> AgentView:
    """Make a copy of an agent, its collections and remote key included."""
    row = await _need_agent(session, actor, agent_id)
    kept = _FIELDS_OF_ROW | {"owner_id", "remote_key", "remote_secret"}
    values = row.model_dump(include=kept)
    values["name"] = f"{row.name[: _NAME_LENGTH_MAX - 7]} (copy)"
    copy = AgentRow(**values)
    session.add(copy)
    await session.flush()
    collection_ids = await _collections(session, actor, row.id)
    await repository.set_collections(session, actor, copy.id, collection_ids)
    return _to_view(copy, collection_ids)


async def archive_agent(
    session: Session, actor: Actor, *, agent_id: UUID, is_archived: bool
) -> AgentView:
    """Take an agent out of the lists, or bring it back."""
    row = await _need_agent(session, actor, agent_id)
    row.archived_at = clock.now() if is_archived else None
    session.add(row)
    await session.flush()
    return _to_view(row, await _collections(session, actor, row.id))


async def delete_agent(session: Session, actor: Actor, *, agent_id: UUID) -> None:
    """Delete an agent for good; its runs stay, and a queued one fails and says why."""
    await session.delete(await _need_agent(session, actor, agent_id))
    await session.flush()


async def get_agent(session: Session, actor: Actor, *, agent_id: UUID) -> AgentView:
    """Return an agent."""
    row = await _need_agent(session, actor, agent_id)
    return _to_view(row, await _collections(session, actor, agent_id))


async def find_named(session: Session, actor: Actor, *, name: str) -> AgentView | None:
    """Return the agent in use that is called `name`, or has it as its id; None when there is none.

    Raises:
        Conflict: several are called so.
    """
    found = await list_named(session, actor, name=name)
    if len(found) > 1:
        message = f"There are several agents called {name!r}. Use the id of one."
        raise Conflict(message)
    if found:
        return found[0]
    with suppress(ValueError):
        row = await repository.find_agent(session, actor, UUID(name))
        if row is not None and row.archived_at is None:
            return _to_view(row, await _collections(session, actor, row.id))
    return None


async def list_named(session: Session, actor: Actor, *, name: str) -> list[AgentView]:
    """Return the agents in use that are called `name`, whatever its capitals, newest first."""
    rows = await repository.list_named(session, actor, name.strip())
    found = await repository.collections_of(session, actor, [row.id for row in rows])
    return [_to_view(row, found.get(row.id, [])) for row in rows]


async def list_agents(
    session: Session,
    actor: Actor,
    *,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
    text: str = "",
    is_archived: bool = False,
) -> Page[AgentView]:
    """Return a page of agents, newest first; `text` is searched in names and descriptions."""
    rows = await repository.list_agents(
        session,
        actor,
        is_archived=is_archived,
        text=text.strip(),
        after=parse_cursor(cursor),
        limit=limit + 1,
    )
    found = await repository.collections_of(session, actor, [row.id for row in rows])
    return to_page([_to_view(row, found.get(row.id, [])) for row in rows], limit)


async def get_spec(
    session: Session, actor: Actor, *, agent_id: UUID, keyring: Keyring
) -> AgentSpec:
    """Return what a run of the agent needs, its remote key included."""
    row = await _need_agent(session, actor, agent_id)
    key = await _open_key(session, keyring, row) if row.remote_key else None
    return AgentSpec(
        **row.model_dump(include=set(AgentSpec.model_fields) - {"remote_key"}),
        collection_ids=tuple(await _collections(session, actor, agent_id)),
        remote_key=SecretStr(key) if key else None,
    )


async def _need_agent(session: Session, actor: Actor, agent_id: UUID) -> AgentRow:
    row = await repository.find_agent(session, actor, agent_id)
    if row is None:
        raise NotFound("agent", agent_id)
    return row


async def _collections(session: Session, actor: Actor, agent_id: UUID) -> list[UUID]:
    found = await repository.collections_of(session, actor, [agent_id])
    return found.get(agent_id, [])


async def _check(
    session: Session, actor: Actor, draft: AgentDraft, *, has_key: bool
) -> None:
    wanted = _unique(draft)
    existing = await repository.existing_collections(session, actor, wanted)
    for collection_id in wanted:
        if collection_id not in existing:
            raise NotFound("collection", collection_id)
    details = {
        "instructions": check_instructions(draft.instructions),
        **_check_remote(draft, has_key=has_key),
    }
    details = {field: texts for field, texts in details.items() if texts}
    if details:
        raise Invalid(details)


def _check_tools(draft: AgentDraft, model: str, tools: Collection[str]) -> None:
    unknown = [name for name in draft.tools if name not in tools]
    if unknown:
        message = f"There is no tool {unknown[0]!r}. Choose from {', '.join(tools)}."
        raise Invalid.field("tools", message)
    if draft.kind != AgentKind.TOOLS:
        return
    if draft.execution == Execution.REMOTE:
        message = "An agent with tools runs here, where its effects are recorded. Choose “Here”."
        raise Invalid.field("execution", message)
    need_tools(model)


def _check_remote(draft: AgentDraft, *, has_key: bool) -> dict[str, list[str]]:
    # Without a URL, "remote" is the runtime of this installation, which needs no key of its own.
    if draft.execution != Execution.REMOTE or not draft.remote_url:
        return {}
    details: dict[str, list[str]] = {}
    parts = urlsplit(draft.remote_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        details["remote_url"] = [
            f"{draft.remote_url!r} is no URL of a runtime. Write one such as https://host:8001."
        ]
    if not draft.remote_agent_id:
        details["remote_agent_id"] = [
            "A remote agent needs the id that the agent has over there."
        ]
    if not has_key:
        details["remote_key"] = [
            "A remote agent needs an API key of the other installation."
        ]
    return details


def _values(draft: AgentDraft, default_model: str) -> dict[str, Any]:
    values = draft.model_dump(include=_FIELDS_OF_ROW)
    return values | {
        "model": draft.model.strip() or default_model,
        "tools": list(dict.fromkeys(draft.tools)),
        "remote_url": draft.remote_url.strip().rstrip("/"),
    }


async def _remote_key(
    session: Session, actor: Actor, keyring: Keyring, draft: AgentDraft
) -> dict[str, str]:
    if draft.remote_key is None:
        return {}
    key = draft.remote_key.strip()
    if references.is_reference(key):
        references.parse(key, field="remote_key")
        return {"remote_key": "", "remote_secret": key}
    sealed = await _seal_key(session, actor, keyring, key) if key else ""
    return {"remote_key": sealed, "remote_secret": ""}


async def _seal_key(session: Session, actor: Actor, keyring: Keyring, key: str) -> str:
    return await seal(
        session, keyring, key, owner_id=actor.user_id, purpose=REMOTE_KEY_PURPOSE
    )


async def _open_key(session: Session, keyring: Keyring, row: AgentRow) -> str:
    return await unseal(
        session,
        keyring,
        row.remote_key,
        owner_id=row.owner_id,
        purpose=REMOTE_KEY_PURPOSE,
    )


def _has_key(row: AgentRow) -> bool:
    return bool(row.remote_key or row.remote_secret)


def _unique(draft: AgentDraft) -> list[UUID]:
    return list(dict.fromkeys(draft.collection_ids))


def _to_view(row: AgentRow, collection_ids: Sequence[UUID]) -> AgentView:
    return AgentView(
        **row.model_dump(include=set(AgentView.model_fields)),
        collection_ids=list(collection_ids),
        has_remote_key=_has_key(row),
    )
