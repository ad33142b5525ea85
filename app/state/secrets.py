"""Secrets of the signed-in user: stored here, and never shown again."""

from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.core.actor import Permission
from app.backend.secrets import service as secrets
from app.backend.secrets.schemas import (
    SecretDraft,
    SecretName,
    SecretValue,
    SecretView,
)
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.lines import iso

SECRETS_SHOWN = 200


class SecretLine(BaseModel):
    """A secret without its value."""

    model_config = ConfigDict(frozen=True)

    name: str
    reference: str
    updated_at: str
    last_used_at: str
    used_by: str


class _Form(BaseModel):
    secret_name: SecretName
    secret_value: SecretValue


class SecretsState(FormMixin, rx.State):
    """The user's secrets, and the form that stores one."""

    rows: rx.Field[list[SecretLine]] = rx.field(default_factory=list)
    may_store: rx.Field[bool] = rx.field(False)
    form_key: rx.Field[int] = rx.field(0)
    form_name: rx.Field[str] = rx.field("")
    doomed_name: rx.Field[str] = rx.field("")
    doomed_uses: rx.Field[str] = rx.field("")

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show the secrets of those who may have some."""
        actor = await edge.require_actor(self)
        self.may_store = actor.may(Permission.CHANGE_SECRET)
        if self.may_store:
            await self._show()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Ask nothing any more."""
        self._clear_errors()
        self.doomed_name, self.form_name = "", ""

    @rx.event
    @edge.requires(Permission.CHANGE_SECRET)
    async def store(self, form: dict[str, Any]) -> Any:
        """Store a value under a name, or replace it."""
        self._clear_errors()
        sent = _Form.model_validate(form)
        draft = SecretDraft(name=sent.secret_name, value=sent.secret_value)
        keyring = edge.services().keyring
        async with edge.work(self) as (session, actor):
            view = await secrets.set_secret(
                session, actor, draft=draft, keyring=keyring
            )
        self.form_name = ""
        self.form_key += 1
        await self._show()
        return notices.done(f"Stored. What needs it says {view.reference}")

    @rx.event
    @edge.requires(Permission.CHANGE_SECRET)
    async def replace_value(self, name: str) -> Any:
        """Ask for a new value of a secret."""
        self._clear_errors()
        self.form_name = name
        self.form_key += 1
        return rx.set_focus("secret_value")

    @rx.event
    @edge.requires(Permission.DELETE_SECRET)
    async def ask_delete(self, name: str, used_by: str) -> None:
        """Ask before deleting, and say what uses it."""
        self.doomed_name, self.doomed_uses = name, used_by

    @rx.event
    @edge.requires(Permission.DELETE_SECRET)
    async def keep(self) -> None:
        """Delete nothing."""
        self.doomed_name = ""

    @rx.event
    @edge.requires(Permission.DELETE_SECRET)
    async def delete(self) -> Any:
        """Delete the secret that was asked about; what uses it was named then."""
        doomed, self.doomed_name = self.doomed_name, ""
        async with edge.work(self) as (session, actor):
            await secrets.delete_secret(
                session, actor, name=doomed, is_forced=bool(self.doomed_uses)
            )
        await self._show()
        return notices.done(f"The secret {doomed} is deleted.")

    async def _show(self) -> None:
        async with edge.read(self) as (session, actor):
            page = await secrets.list_secrets(session, actor, limit=SECRETS_SHOWN)
        self.rows = [_line(view) for view in page.items]


def _line(view: SecretView) -> SecretLine:
    return SecretLine(
        name=view.name,
        reference=view.reference,
        updated_at=iso(view.updated_at),
        last_used_at=iso(view.last_used_at),
        used_by=", ".join(view.used_by),
    )
