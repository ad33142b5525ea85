"""Agents as their owner, and those with whom they are shared, make, see and change them."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import SecretStr

from app.backend.agents import repository
from app.backend.agents.access import has_key, need_agent, to_view, to_views
from app.backend.agents.prompts import check_instructions
from app.backend.agents.schemas import (
    AgentDraft,
    AgentKind,
    AgentView,
    Execution,
    RunnableAgent,
)
from app.backend.agents.spec import AgentSpec
from app.backend.agents.tables import REMOTE_KEY_PURPOSE, AgentRow
from app.backend.core import acting, clock
from app.backend.core.actor import Actor, Role
from app.backend.core.crypto import Keyring
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.core.sealing import seal, unseal
from app.backend.identity import service as identity
from app.backend.identity.sharing_schemas import Level, Shown
from app.backend.models import service as models
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
    await _check(session, actor, draft, has_key=has_key(row))
    await _check_tools(session, actor, draft, row.model, tools)
    session.add(row)
    await session.flush()
    await repository.set_collections(session, row, _unique(draft))
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
        _keep_network_safe(actor, owner, row, draft)
        _keep_key_safe(row, draft)
    values = _values(draft, default_model)
    # Sealed for the agent's owner, whoever enters it.
    values |= await _remote_key(session, row.owner_id, keyring, draft)
    kept = row.model_dump(include={"remote_key", "remote_secret"}) | values
    has_one = bool(kept["remote_key"] or kept["remote_secret"])
    await _check(session, actor, draft, has_key=has_one)
    await _check_tools(session, owner, draft, values["model"], tools)
    unseen = await _check_for_owner(session, actor, owner, row, _unique(draft))
    with acting.as_user(row.owner_id):
        row.sqlmodel_update(values | {"updated_at": clock.now()})
        session.add(row)
        await session.flush()
        await repository.set_collections(session, row, [*_unique(draft), *unseen])
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


async def _check_for_owner(
    session: Session,
    actor: Actor,
    owner: Actor,
    row: AgentRow,
    wanted: Sequence[UUID],
) -> list[UUID]:
    """Check that the agent's owner may see what somebody else lets it search; returns what that person cannot see."""
    if owner is actor:
        return []
    found = await repository.collections_of(session, actor, [row.id])
    places = found.get(row.id, [])
    known = {one.collection_id for one in places}
    new = [one for one in wanted if one not in known]
    unseen = [one.collection_id for one in places if not one.is_visible]
    with acting.as_user(owner.user_id):
        visible = await repository.existing_collections(session, owner, [*new, *unseen])
    if not visible.issuperset(new):
        message = "The agent's owner may not see one of these collections, so the agent would skip it. Share it with them first."
        raise Invalid.field("collection_ids", message)
    return [one for one in unseen if one in visible]


def _keep_network_safe(
    actor: Actor, owner: Actor, row: AgentRow, draft: AgentDraft
) -> None:
    """Let only administrators change the address of an administrator's agent: it reaches the own network too."""
    url = _remote_url(draft)
    is_elsewhere = url not in {"", row.remote_url}
    if is_elsewhere and owner.role is Role.ADMIN and actor.role is not Role.ADMIN:
        message = "The agent belongs to an administrator, so only an administrator may let it run at another address. Make your own copy."
        raise Invalid.field("remote_url", message)


def _keep_key_safe(row: AgentRow, draft: AgentDraft) -> None:
    """Let nobody send a key or a secret of the agent's owner to another address."""
    is_elsewhere = _remote_url(draft) != row.remote_url
    if has_key(row) and is_elsewhere and not draft.remote_key:
        message = "The stored key is its owner's and only for the address before. Enter a key for this one."
        raise Invalid.field("remote_key", message)
    if references.is_reference((draft.remote_key or "").strip()):
        message = "A reference would be looked up among the secrets of the agent's owner. Enter the key itself."
        raise Invalid.field("remote_key", message)


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


async def _check_tools(
    session: Session,
    actor: Actor,
    draft: AgentDraft,
    model: str,
    tools: Collection[str],
) -> None:
    unknown = [name for name in draft.tools if name not in tools]
    if unknown:
        message = f"There is no tool {unknown[0]!r}. Choose from {', '.join(tools)}."
        raise Invalid.field("tools", message)
    if draft.kind != AgentKind.TOOLS:
        return
    if draft.execution == Execution.REMOTE:
        message = "An agent with tools runs here, where its effects are recorded. Choose “Here”."
        raise Invalid.field("execution", message)
    # Its owner's models, whoever changes the agent.
    with acting.as_user(actor.user_id):
        for name in (model, *draft.fallbacks):
            await models.need_tools(session, actor, name)


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
    if not _is_id(draft.remote_agent_id):
        details["remote_agent_id"] = [
            "A remote agent needs the id that the agent has over there. Copy it from the agent's page in that installation."
        ]
    if not has_key:
        details["remote_key"] = [
            "A remote agent needs an API key of the other installation."
        ]
    return details


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _values(draft: AgentDraft, default_model: str) -> dict[str, Any]:
    values = draft.model_dump(include=_FIELDS_OF_ROW)
    model = draft.model.strip() or default_model
    check_fallbacks(model, draft.fallbacks)
    return values | {
        "model": model,
        "tools": list(dict.fromkeys(draft.tools)),
        "remote_url": _remote_url(draft),
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


def _remote_url(draft: AgentDraft) -> str:
    return draft.remote_url.strip().rstrip("/")


def _unique(draft: AgentDraft) -> list[UUID]:
    return list(dict.fromkeys(draft.collection_ids))
