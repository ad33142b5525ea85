"""What a draft of an agent must fulfil before it is kept, also one by somebody else than the agent's owner."""

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit
from uuid import UUID

from app.backend.agents import repository
from app.backend.agents.access import has_key
from app.backend.agents.prompts import check_instructions
from app.backend.agents.schemas import AgentDraft, AgentKind, Execution
from app.backend.agents.tables import AgentRow
from app.backend.core import acting, ids
from app.backend.core.actor import Actor, Role
from app.backend.core.db import Session
from app.backend.core.errors import Invalid, NotFound
from app.backend.models import service as models
from app.backend.secrets import references


async def check_for_owner(
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


def keep_network_safe(
    actor: Actor, owner: Actor, row: AgentRow, draft: AgentDraft
) -> None:
    """Let only administrators change the address of an administrator's agent: it reaches the own network too."""
    url = remote_url(draft)
    is_elsewhere = url not in {"", row.remote_url}
    if is_elsewhere and owner.role is Role.ADMIN and actor.role is not Role.ADMIN:
        message = "The agent belongs to an administrator, so only an administrator may let it run at another address. Make your own copy."
        raise Invalid.field("remote_url", message)


def keep_key_safe(row: AgentRow, draft: AgentDraft) -> None:
    """Let nobody send a key or a secret of the agent's owner to another address."""
    is_elsewhere = remote_url(draft) != row.remote_url
    if has_key(row) and is_elsewhere and not draft.remote_key:
        message = "The stored key is its owner's and only for the address before. Enter a key for this one."
        raise Invalid.field("remote_key", message)
    if references.is_reference((draft.remote_key or "").strip()):
        message = "A reference would be looked up among the secrets of the agent's owner. Enter the key itself."
        raise Invalid.field("remote_key", message)


async def check_draft(
    session: Session, actor: Actor, draft: AgentDraft, *, has_key: bool
) -> None:
    """Check what an agent says and searches, and a remote one where it runs.

    Raises:
        NotFound: a collection is not there, or neither the actor's nor shared with them.
        Invalid: a field is wrong.
    """
    wanted = wanted_collections(draft)
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


async def check_tools(
    session: Session,
    actor: Actor,
    draft: AgentDraft,
    model: str,
    tools: Collection[str],
) -> None:
    """Check that the tools are there, and that the models, which are the actor's, can call them.

    Raises:
        Invalid: a tool or a model is wrong, or the agent runs elsewhere.
    """
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
    if not ids.is_id(draft.remote_agent_id):
        details["remote_agent_id"] = [
            "A remote agent needs the id that the agent has over there. Copy it from the agent's page in that installation."
        ]
    if not has_key:
        details["remote_key"] = [
            "A remote agent needs an API key of the other installation."
        ]
    return details


def remote_url(draft: AgentDraft) -> str:
    """Return the address at which a draft lets its agent run, as it is stored."""
    return draft.remote_url.strip().rstrip("/")


def wanted_collections(draft: AgentDraft) -> list[UUID]:
    """Return the collections of a draft, each once."""
    return list(dict.fromkeys(draft.collection_ids))
