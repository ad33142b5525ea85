"""Providers as people connect, change, switch off and delete them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol
from uuid import UUID

from pydantic import SecretStr, ValidationError

from app.backend.core import acting, clock
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.crypto import Keyring
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.backend.core.settings import Settings
from app.backend.identity import audit, sharing
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.providers import forms, repository
from app.backend.providers.handler import KeyNeed
from app.backend.providers.registry import TYPES, find_type
from app.backend.providers.schemas import ProviderDraft, ProviderView
from app.backend.providers.tables import ProviderRow
from app.backend.secrets import service as secrets
from app.backend.secrets.errors import SecretInUse
from app.backend.secrets.schemas import SecretDraft

# First parts of the names of models that the settings make.
RESERVED = frozenset({"local", "ollama", "openai", "scripted"})
SECRET_PREFIX = "provider-"  # noqa: S105 - of a name
NO_NAMES: Mapping[UUID, str] = {}
_FOR_ALL = "Only an administrator who is signed in shares a provider with everybody."


class ProviderParts(Protocol):
    """What it takes to keep a provider; a process's Services has it all."""

    @property
    def settings(self) -> Settings:
        """Rules of the installation."""
        ...

    @property
    def keyring(self) -> Keyring:
        """Seals a key."""
        ...


async def create_provider(
    session: Session, actor: Actor, *, draft: ProviderDraft, parts: ProviderParts
) -> ProviderView:
    """Connect a provider.

    Raises:
        Invalid: a field is wrong, or the name is taken.
        Forbidden: it is for administrators.
    """
    require(actor, Permission.ADD_PROVIDER)
    settings = check_draft(actor, draft, rules=parts.settings)
    if draft.name in RESERVED:
        message = f"{draft.name!r} is the name of a provider of the settings. Choose another, such as my-{draft.name}."
        raise Invalid.field("name", message)
    if await repository.find_own(session, actor, draft.name) is not None:
        message = f"You have a provider {draft.name!r} already. Choose another name."
        raise Invalid.field("name", message)
    row = ProviderRow(
        owner_id=actor.user_id, name=draft.name, type=draft.type, settings=settings
    )
    await _fill(session, actor, row, draft, parts)
    need_key(row.type, has_key=bool(row.secret_ref))
    session.add(row)
    await session.flush()
    _record(session, actor, Action.PROVIDER_CREATED, row)
    return to_view(actor, row)


async def update_provider(
    session: Session,
    actor: Actor,
    *,
    provider_id: UUID,
    draft: ProviderDraft,
    parts: ProviderParts,
) -> ProviderView:
    """Change a provider; its name and type stay, and so does its key unless another one is given; who calls has seen that no agent loses it.

    Raises:
        NotFound: there is none, or it is not the actor's to change.
        Invalid: a field is wrong.
        Forbidden: only an administrator may move it.
    """
    require(actor, Permission.CHANGE_PROVIDER)
    row = await need_changeable(session, actor, provider_id)
    if (draft.type, draft.name) != (row.type, row.name):
        message = "The type and the name of a provider stay as they are, since agents name them. Connect another one."
        raise Invalid.field("name", message)
    settings = check_draft(actor, draft, rules=parts.settings)
    if settings != row.settings:
        _need_same_trust(actor, row)
    if settings != row.settings and row.secret_ref:
        # Whoever moves the address of a key moves the key.
        _need_owner(actor, row)
        if not (_typed_key(draft) or draft.secret_ref):
            keep_key_safe(row, settings)
    # What is shared belongs to the administrator who has connected it, and others change it too.
    with acting.as_user(row.owner_id):
        row.settings = settings
        await _fill(session, actor, row, draft, parts)
        need_key(row.type, has_key=bool(row.secret_ref))
        await _keep(session, row)
    _record(session, actor, Action.PROVIDER_CHANGED, row)
    return to_view(actor, row)


async def set_enabled(
    session: Session, actor: Actor, *, provider_id: UUID, is_enabled: bool
) -> ProviderView:
    """Switch a provider off, or on again; nothing of it is lost."""
    require(actor, Permission.CHANGE_PROVIDER)
    row = await need_changeable(session, actor, provider_id)
    with acting.as_user(row.owner_id):
        row.is_enabled = is_enabled
        await _keep(session, row)
    _record(session, actor, Action.PROVIDER_CHANGED, row)
    return to_view(actor, row)


async def share_with_all(
    session: Session, actor: Actor, *, provider_id: UUID, is_shared: bool
) -> ProviderView:
    """Let everybody use a provider, or only those with whom it is shared; who calls has seen that no agent loses it.

    Raises:
        NotFound: there is none for the actor.
        Forbidden: it is not theirs to change, or they are no administrator.
        Invalid: the installation has another one of that name.
    """
    require(actor, Permission.CHANGE_PROVIDER)
    row = await need_changeable(session, actor, provider_id)
    if not actor.may(Permission.CHANGE_SYSTEM):
        raise Forbidden(_FOR_ALL)
    if row.is_shared != is_shared:
        with acting.as_user(row.owner_id):
            await _share(session, row, is_shared=is_shared)
            session.add(row)
            await session.flush()
        action = Action.MADE_PUBLIC if is_shared else Action.MADE_PRIVATE
        _record(session, actor, action, row)
    return to_view(actor, row)


async def delete_provider(session: Session, actor: Actor, *, provider_id: UUID) -> None:
    """Delete a provider with its models, and the key that was stored for it; who calls has seen that no agent needs it."""
    require(actor, Permission.DELETE_PROVIDER)
    row = await need_changeable(session, actor, provider_id)
    with acting.as_user(row.owner_id):
        await session.delete(row)
        await session.flush()
    _record(session, actor, Action.PROVIDER_DELETED, row)
    name = f"{SECRET_PREFIX}{row.name}"
    is_own = row.owner_id == actor.user_id and row.secret_ref == f"db:{name}"
    if is_own and actor.may(Permission.DELETE_SECRET):
        with suppress(NotFound, SecretInUse):
            await secrets.delete_secret(session, actor, name=name)


async def get_provider(
    session: Session, actor: Actor, *, provider_id: UUID
) -> ProviderView:
    """Return a provider that the actor may use."""
    require(actor, Permission.VIEW_PROVIDER)
    row = await repository.find_provider(session, actor, provider_id)
    if row is None:
        raise NotFound("provider", provider_id)
    return to_view(actor, row, await _names_of(session, actor, [row]))


async def list_providers(session: Session, actor: Actor) -> list[ProviderView]:
    """Return the providers that the actor may use, by name."""
    require(actor, Permission.VIEW_PROVIDER)
    rows = await repository.list_providers(session, actor)
    names, meant = (
        await _names_of(session, actor, rows),
        repository.ids_meant(actor, rows),
    )
    return [to_view(actor, row, names, is_behind=row.id not in meant) for row in rows]


async def need_changeable(
    session: Session, actor: Actor, provider_id: UUID
) -> ProviderRow:
    """Return a provider that the actor may change.

    Raises:
        NotFound: there is none for the actor.
        Forbidden: it is somebody else's, or the installation's and the actor no administrator.
    """
    row = await repository.find_provider(session, actor, provider_id)
    if row is None:
        raise NotFound("provider", provider_id)
    if not may_change(actor, row):
        whose, whom = keeper(is_shared=row.is_shared)
        message = f"{row.name!r} is a provider of {whose}. Ask {whom} to change it."
        raise Forbidden(message)
    return row


def keeper(*, is_shared: bool) -> tuple[str, str]:
    """Return in words whose a provider is that is not the reader's, and whom they ask to change it."""
    if is_shared:
        return "the installation", "an administrator"
    return "somebody else", "them"


async def need_own(session: Session, actor: Actor, provider_id: UUID) -> ProviderRow:
    """Return a provider that the actor may share: whoever shares it, shares their key.

    Raises:
        NotFound: there is none for the actor.
        Forbidden: it is not theirs, or not theirs to change.
    """
    row = await need_changeable(session, actor, provider_id)
    if row.owner_id != actor.user_id:
        message = f"Only who connected {row.name!r} shares it with people, since it is their key that is used."
        raise Forbidden(message)
    return row


def may_change(actor: Actor, row: ProviderRow) -> bool:
    """Tell whether the actor may change a provider: one's own, and as an administrator those for everybody."""
    if row.is_shared:
        return actor.may(Permission.CHANGE_SYSTEM)
    return row.owner_id == actor.user_id


def check_draft(
    actor: Actor, draft: ProviderDraft, *, rules: Settings
) -> dict[str, Any]:
    """Return the settings of a draft as they are stored.

    Raises:
        Invalid: a field is wrong.
        Forbidden: it is for administrators.
    """
    handler = find_type(draft.type)
    form = forms.check_settings(handler, draft.settings)
    forms.check_place(actor, handler, form, rules=rules)
    if draft.is_shared and not actor.may(Permission.CHANGE_SYSTEM):
        raise Invalid.field("is_shared", f"{_FOR_ALL} Leave this off.")
    if draft.secret_ref:
        secrets.check_reference(actor, draft.secret_ref, settings=rules)
    return form.model_dump(mode="json")


def keep_key_safe(row: ProviderRow, settings: dict[str, Any]) -> None:
    """Raise Invalid when the stored key of a provider would go to another place than the one it was entered for."""
    if row.secret_ref and settings != row.settings:
        message = "The stored key is only for the address and the settings before. Enter the key again."
        raise Invalid.field("api_key", message)


def need_key(type_key: str, *, has_key: bool) -> None:
    """Raise Invalid when a type needs a key and there is none."""
    info = find_type(type_key).info
    if info.key_need is KeyNeed.REQUIRED and not has_key:
        message = f"{info.label} needs a key. Write it here."
        raise Invalid.field("api_key", message)


def to_view(
    actor: Actor,
    row: ProviderRow,
    names: Mapping[UUID, str] = NO_NAMES,
    *,
    is_behind: bool = False,
) -> ProviderView:
    """Return what the actor sees of a provider; `names` are those of owners, and one `is_behind` another of its name."""
    mine = may_change(actor, row)
    info = TYPES[row.type].info
    kept = set(ProviderView.model_fields) - {"settings", "secret_ref", "trouble"}
    return ProviderView(
        **row.model_dump(include=kept),
        settings=row.settings if mine else {},
        secret_ref=row.secret_ref if mine else "",
        trouble=row.trouble if mine else "",
        type_label=info.label,
        icon=info.icon,
        has_key=bool(row.secret_ref),
        may_change=mine,
        is_own=actor.user_id == row.owner_id,
        is_behind=is_behind,
        owner_name=names.get(row.owner_id, ""),
    )


async def _names_of(
    session: Session, actor: Actor, rows: Sequence[ProviderRow]
) -> dict[UUID, str]:
    # Those for everybody are the installation's, whoever has connected them.
    single = [row for row in rows if not row.is_shared]
    others = [row for row in single if actor.user_id != row.owner_id]
    return await sharing.names_of(session, others)


async def _fill(
    session: Session,
    actor: Actor,
    row: ProviderRow,
    draft: ProviderDraft,
    parts: ProviderParts,
) -> None:
    row.label = draft.label.strip()
    if draft.is_enabled is not None:
        row.is_enabled = draft.is_enabled
    if draft.is_shared not in (None, row.is_shared):
        await _share(session, row, is_shared=bool(draft.is_shared))
    key = _typed_key(draft)
    if key:
        row.secret_ref = await _store_key(session, actor, row, key, parts)
    elif draft.secret_ref and draft.secret_ref != row.secret_ref:
        _need_owner(actor, row)
        row.secret_ref = draft.secret_ref


def _typed_key(draft: ProviderDraft) -> str:
    return draft.api_key.get_secret_value().strip() if draft.api_key else ""


async def _share(session: Session, row: ProviderRow, *, is_shared: bool) -> None:
    other = await repository.find_shared(session, row.name) if is_shared else None
    if other is not None and other.id != row.id:
        message = f"The installation has a provider {row.name!r} already. Choose another name."
        raise Invalid.field("name", message)
    row.is_shared = is_shared


async def _store_key(
    session: Session, actor: Actor, row: ProviderRow, key: str, parts: ProviderParts
) -> str:
    _need_owner(actor, row)
    try:
        secret = SecretDraft(name=f"{SECRET_PREFIX}{row.name}", value=SecretStr(key))
    except ValidationError:
        message = "This is too short for a key. Copy the whole key."
        raise Invalid.field("api_key", message) from None
    view = await secrets.set_secret(session, actor, draft=secret, keyring=parts.keyring)
    return view.reference


def _need_same_trust(actor: Actor, row: ProviderRow) -> None:
    # It is connected to with what its owner may reach, and not with what the actor may.
    if row.owner_id != actor.user_id and actor.role is not Role.ADMIN:
        message = f"Only an administrator may change the settings of {row.name!r}. Ask one, or connect another provider."
        raise Forbidden(message)


def _need_owner(actor: Actor, row: ProviderRow) -> None:
    if row.owner_id != actor.user_id:
        message = "The key of this provider is a secret of the administrator who connected it. Ask them to change it, or connect another one."
        raise Conflict(message)


async def _keep(session: Session, row: ProviderRow) -> None:
    row.version += 1
    row.trouble, row.trouble_at = "", None
    row.updated_at = clock.now()
    session.add(row)
    await session.flush()


def _record(session: Session, actor: Actor, action: Action, row: ProviderRow) -> None:
    audit.record(
        session,
        actor,
        action,
        object_kind="provider",
        object_id=row.id,
        name=row.name,
        type=row.type,
    )
