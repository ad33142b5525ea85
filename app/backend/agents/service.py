"""Agents as their owner, and those with whom they are shared, make, see and change them."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from app.backend.agents import checks, repository
from app.backend.agents.access import has_key, need_agent, to_view, to_views
from app.backend.agents.schemas import (
    AgentDraft,
    AgentView,
    RunnableAgent,
)
from app.backend.agents.spec import AgentSpec
from app.backend.agents.tables import REMOTE_KEY_PURPOSE, AgentRow
from app.backend.core import acting, clock
from app.backend.core.actor import Actor
from app.backend.core.crypto import Keyring
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, Forbidden
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.core.sealing import seal, unseal
from app.backend.identity import service as identity
from app.backend.identity.sharing_schemas import Level, Shown
from app.backend.models.fallbacks import check_fallbacks
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
        NotFound: a collection is not there, or neither the actor's nor shared with them.
    """
    values = _values(draft, default_model)
    values |= await _remote_key(session, actor.user_id, keyring, draft)
    row = AgentRow(owner_id=actor.user_id, **values)
    await checks.check_draft(session, actor, draft, has_key=has_key(row))
    await checks.check_tools(session, actor, draft, row.model, tools)
    session.add(row)
    await session.flush()
    await repository.set_collections(session, row, checks.wanted_collections(draft))
    return await to_view(session, actor, row)


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
    """Change an agent; runs that have begun go on with what it was.

    Collections that the actor may not see stay as they are.

    Raises:
        NotFound: the agent or a collection is not there, or neither the actor's nor shared with them.
        Forbidden: they may not change it.
        Invalid: a field is wrong.
    """
    row = await need_agent(session, actor, agent_id, Level.EDIT)
    owner = await _owner_of(session, actor, row)
    if owner is not actor:
        checks.keep_network_safe(actor, owner, row, draft)
        checks.keep_key_safe(row, draft)
    values = _values(draft, default_model)
    # Sealed for the agent's owner, whoever enters it.
    values |= await _remote_key(session, row.owner_id, keyring, draft)
    kept = row.model_dump(include={"remote_key", "remote_secret"}) | values
    has_one = bool(kept["remote_key"] or kept["remote_secret"])
    await checks.check_draft(session, actor, draft, has_key=has_one)
    await checks.check_tools(session, owner, draft, values["model"], tools)
    unseen = await checks.check_for_owner(
        session, actor, owner, row, checks.wanted_collections(draft)
    )
    with acting.as_user(row.owner_id):
        row.sqlmodel_update(values | {"updated_at": clock.now()})
        session.add(row)
        await session.flush()
        await repository.set_collections(
            session, row, [*checks.wanted_collections(draft), *unseen]
        )
    return await to_view(session, actor, row)


async def duplicate_agent(
    session: Session, actor: Actor, *, agent_id: UUID
) -> AgentView:
    """Make a copy of an agent that is the actor's own.

    What is not theirs stays behind: collections that they may not see, and the remote key of another owner.
    """
    row = await need_agent(session, actor, agent_id)
    kept = _FIELDS_OF_ROW
    if row.owner_id == actor.user_id:
        kept = kept | {"remote_key", "remote_secret"}
    values = row.model_dump(include=kept)
    values["name"] = f"{row.name[: _NAME_LENGTH_MAX - 7]} (copy)"
    copy = AgentRow(owner_id=actor.user_id, **values)
    session.add(copy)
    await session.flush()
    seen = (await to_view(session, actor, row)).collection_ids
    await repository.set_collections(session, copy, seen)
    return await to_view(session, actor, copy)


async def archive_agent(
    session: Session, actor: Actor, *, agent_id: UUID, is_archived: bool
) -> AgentView:
    """Take an agent out of the lists, or bring it back."""
    row = await need_agent(session, actor, agent_id, Level.EDIT)
    with acting.as_user(row.owner_id):
        row.archived_at = clock.now() if is_archived else None
        session.add(row)
        await session.flush()
    return await to_view(session, actor, row)


async def delete_agent(session: Session, actor: Actor, *, agent_id: UUID) -> None:
    """Delete an agent for good, which only its owner may; its runs stay, and a queued one fails and says why."""
    await session.delete(await need_agent(session, actor, agent_id, Level.OWN))
    await session.flush()


async def get_agent(session: Session, actor: Actor, *, agent_id: UUID) -> AgentView:
    """Return an agent."""
    return await to_view(session, actor, await need_agent(session, actor, agent_id))


async def get_owner(session: Session, actor: Actor, *, agent_id: UUID) -> Actor:
    """Return who owns an agent that the actor wants to change: in their name it asks its model.

    Raises:
        NotFound: it is not there, or neither the actor's nor shared with them.
        Forbidden: they may not change it.
    """
    row = await need_agent(session, actor, agent_id, Level.EDIT)
    return await _owner_of(session, actor, row)


async def get_agent_to_run(
    session: Session, actor: Actor, *, agent_id: UUID
) -> RunnableAgent:
    """Return an agent that the actor wants to run.

    Raises:
        NotFound: it is not there, or neither the actor's nor shared with them.
        Forbidden: they may only look at it, or their API key is for other agents.
    """
    row = await need_agent(session, actor, agent_id, Level.RUN)
    if actor.agent_ids is not None and row.id not in actor.agent_ids:
        message = "This API key may not run this agent. Use a key that may."
        raise Forbidden(message)
    return RunnableAgent.model_validate(row)


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
            return await to_view(session, actor, row)
    return None


async def list_named(session: Session, actor: Actor, *, name: str) -> list[AgentView]:
    """Return the agents in use that are called `name`, whatever its capitals, newest first."""
    rows = await repository.list_named(session, actor, name.strip())
    return await to_views(session, actor, rows)


async def list_agents(
    session: Session,
    actor: Actor,
    *,
    shown: Shown = Shown.MINE,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
    text: str = "",
    is_archived: bool = False,
) -> Page[AgentView]:
    """Return a page of the actor's agents, of those shared with them or of those for everybody, newest first.

    `text` is searched in names and descriptions.
    """
    rows = await repository.list_agents(
        session,
        actor,
        shown=shown,
        is_archived=is_archived,
        text=text.strip(),
        after=parse_cursor(cursor),
        limit=limit + 1,
    )
    return to_page(await to_views(session, actor, rows), limit)


async def get_spec(
    session: Session, owner: Actor, *, agent_id: UUID, keyring: Keyring
) -> AgentSpec:
    """Return what a run of the agent needs, its remote key included: for its owner, whoever runs it."""
    with acting.as_user(owner.user_id):
        row = await need_agent(session, owner, agent_id, Level.OWN)
        key = await _open_key(session, keyring, row) if row.remote_key else None
        found = await repository.collections_of(session, owner, [row.id])
    places = found.get(row.id, [])
    return AgentSpec(
        **row.model_dump(include=set(AgentSpec.model_fields) - {"remote_key"}),
        collection_ids=tuple(one.collection_id for one in places if one.is_visible),
        collections_lost=sum(not one.is_visible for one in places),
        remote_key=SecretStr(key) if key else None,
    )


async def _owner_of(session: Session, actor: Actor, row: AgentRow) -> Actor:
    if row.owner_id == actor.user_id:
        return actor
    return await identity.get_actor(session, row.owner_id)


def _values(draft: AgentDraft, default_model: str) -> dict[str, Any]:
    values = draft.model_dump(include=_FIELDS_OF_ROW)
    model = draft.model.strip() or default_model
    check_fallbacks(model, draft.fallbacks)
    return values | {
        "model": model,
        "tools": list(dict.fromkeys(draft.tools)),
        "remote_url": checks.remote_url(draft),
    }


async def _remote_key(
    session: Session, owner_id: UUID, keyring: Keyring, draft: AgentDraft
) -> dict[str, Any]:
    if draft.remote_key is None:
        return {}
    key = draft.remote_key.strip()
    if references.is_reference(key):
        references.parse(key, field="remote_key")
        return {"remote_key": "", "remote_secret": key}
    sealed = await _seal_key(session, owner_id, keyring, key) if key else ""
    return {"remote_key": sealed, "remote_secret": ""}


async def _seal_key(
    session: Session, owner_id: UUID, keyring: Keyring, key: str
) -> str:
    return await seal(
        session, keyring, key, owner_id=owner_id, purpose=REMOTE_KEY_PURPOSE
    )


async def _open_key(session: Session, keyring: Keyring, row: AgentRow) -> str:
    return await unseal(
        session,
        keyring,
        row.remote_key,
        owner_id=row.owner_id,
        purpose=REMOTE_KEY_PURPOSE,
    )
