"""Secrets as their owner stores them, and as what needs them reads them at the last moment."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from pydantic import SecretStr

from app.backend.core import acting, clock, masking
from app.backend.core.actor import Actor, Permission
from app.backend.core.crypto import Keyring
from app.backend.core.db import Session
from app.backend.core.errors import Forbidden, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.core.sealing import seal, unseal
from app.backend.core.settings import Settings
from app.backend.identity import audit
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.secrets import references, repository, sources
from app.backend.secrets.errors import SecretInUse, SecretMissing, SecretRefused
from app.backend.secrets.references import Reference, Source
from app.backend.secrets.schemas import SecretDraft, SecretView
from app.backend.secrets.tables import VALUE_PURPOSE, SecretRow

# What is used without a run, such as to list models, is written down this often.
_NOTED_AGAIN = timedelta(hours=1)


class SecretParts(Protocol):
    """What it takes to read a secret; a process's Services has it all."""

    @property
    def settings(self) -> Settings:
        """Which sources there are."""
        ...

    @property
    def keyring(self) -> Keyring:
        """Opens what is sealed."""
        ...


async def set_secret(
    session: Session, actor: Actor, *, draft: SecretDraft, keyring: Keyring
) -> SecretView:
    """Store a value under a name, or put it in the place of the one that is there; it is never shown again."""
    require(actor, Permission.CHANGE_SECRET)
    value = draft.value.get_secret_value()
    masking.learn(value, actor.user_id)
    sealed = await seal(
        session, keyring, value, owner_id=actor.user_id, purpose=VALUE_PURPOSE
    )
    row = await repository.find_secret(session, actor, draft.name)
    if row is None:
        row = SecretRow(owner_id=actor.user_id, name=draft.name, value=sealed)
    row.value, row.updated_at = sealed, clock.now()
    session.add(row)
    await session.flush()
    _record(session, actor, Action.SECRET_SET, row)
    return (await _to_views(session, actor, [row]))[0]


async def list_secrets(
    session: Session, actor: Actor, *, cursor: str | None = None, limit: int = PAGE_SIZE
) -> Page[SecretView]:
    """Return a page of the actor's secrets without their values, newest first."""
    require(actor, Permission.VIEW_SECRET)
    rows = await repository.list_secrets(
        session, actor, after=parse_cursor(cursor), limit=limit + 1
    )
    return to_page(await _to_views(session, actor, rows), limit)


async def delete_secret(
    session: Session, actor: Actor, *, name: str, is_forced: bool = False
) -> None:
    """Delete a secret for good.

    Raises:
        NotFound: the actor has none of that name.
        SecretInUse: something refers to it, and the deletion is not forced.
    """
    require(actor, Permission.DELETE_SECRET)
    row = await repository.find_secret(session, actor, name)
    if row is None:
        raise NotFound("secret", name)
    view = (await _to_views(session, actor, [row]))[0]
    if view.used_by and not is_forced:
        raise SecretInUse(name, view.used_by)
    _record(session, actor, Action.SECRET_DELETED, row)
    await session.delete(row)
    await session.flush()


def check_reference(actor: Actor, reference: str, *, settings: Settings) -> None:
    """Refuse what `resolve` would refuse whatever the secret is, so that who writes a reference is told at once.

    Raises:
        Invalid: it is no reference.
        SecretRefused: it is not for the actor.
        Forbidden: the actor is an API key that may not change secrets.
    """
    found = references.parse(reference)
    if actor.api_key_id is not None and not actor.may(Permission.CHANGE_SECRET):
        # Who names a secret also says where it is sent, which is as good as reading it.
        message = "This API key may name no secrets. Use one with the permission change_secret."
        raise Forbidden(message)
    _need_right(actor, found, settings)


async def resolve(
    session: Session,
    actor: Actor,
    reference: str,
    *,
    parts: SecretParts,
    run_id: UUID | None = None,
) -> SecretStr:
    """Return the secret that a reference leads to; keep it nowhere.

    Call it when the secret is needed, with a transaction that has done nothing yet: others are asked before a row is
    touched. The use is written into the audit, once for each run and secret, and the value is masked from now on in
    what this process logs and in what its runs say.

    Raises:
        Invalid: it is no reference.
        SecretMissing: it leads to nothing; the message says what to do.
        SecretRefused: it is not for the actor.
    """
    found = references.parse(reference)
    _need_right(actor, found, parts.settings)
    # The key of a shared provider or agent is its owner's, whoever runs it.
    with acting.as_user(actor.user_id):
        if found.source is Source.DB:
            value = await _read_stored(session, actor, found, parts.keyring)
        else:
            value = await sources.fetch(parts.settings, found)
        masking.learn(value, actor.user_id)
        await _note_use(session, actor, reference, run_id)
        await session.flush()
    return SecretStr(value)


def _need_right(actor: Actor, reference: Reference, settings: Settings) -> None:
    if reference.source is Source.DB or settings.secret_sources_for_all:
        return
    if not actor.may(Permission.USE_INSTALLATION_SECRET):
        raise SecretRefused(str(reference))


async def _read_stored(
    session: Session, actor: Actor, reference: Reference, keyring: Keyring
) -> str:
    row = await repository.find_secret(session, actor, reference.name)
    if row is None:
        what = "there is none of that name. Store it in the settings, or with `atelier secret set`."
        raise SecretMissing(str(reference), what)
    row.last_used_at = clock.now()
    session.add(row)
    return await unseal(
        session, keyring, row.value, owner_id=row.owner_id, purpose=VALUE_PURPOSE
    )


async def _note_use(
    session: Session, actor: Actor, reference: str, run_id: UUID | None
) -> None:
    since = None if run_id else clock.now() - _NOTED_AGAIN
    is_noted = await repository.was_noted(
        session,
        actor,
        action=Action.SECRET_USED,
        reference=reference,
        object_id=run_id,
        since=since,
    )
    if not is_noted:
        audit.record(
            session,
            actor,
            Action.SECRET_USED,
            object_kind="run" if run_id else "",
            object_id=run_id,
            reference=reference,
        )


async def _to_views(
    session: Session, actor: Actor, rows: Sequence[SecretRow]
) -> list[SecretView]:
    names = [f"{Source.DB}:{row.name}" for row in rows]
    uses = await repository.list_uses(session, actor, names)
    return [
        SecretView(
            **row.model_dump(include=set(SecretView.model_fields)),
            reference=name,
            used_by=uses[name],
        )
        for row, name in zip(rows, names, strict=True)
    ]


def _record(session: Session, actor: Actor, action: Action, row: SecretRow) -> None:
    audit.record(
        session, actor, action, object_kind="secret", object_id=row.id, name=row.name
    )
