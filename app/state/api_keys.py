"""API keys of the signed-in user."""

from datetime import timedelta
from typing import Any, ClassVar

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.agents import api_keys
from app.backend.agents import service as agents
from app.backend.core import clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Invalid
from app.backend.identity import keys
from app.backend.identity.schemas import (
    ApiKeyDraft,
    ApiKeyView,
    KeyRotation,
    NewApiKey,
)
from app.backend.identity.sharing_schemas import Level, Shown
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.lines import Line, iso
from app.state.shown_once import ShownOnceMixin

KEYS_SHOWN = 200
SEARCHED_FROM = 5
AGENTS_OFFERED = 50
DAYS_MAX = 3650
_SCOPE, _AGENT = "scope:", "agent:"


class ApiKeyLine(Line):
    """An API key without its secret; `limits` says in words what it is limited to."""

    name: str
    prefix: str
    created_at: str
    last_used_at: str
    expires_at: str
    is_over: bool
    limits: str


class LimitChoice(BaseModel):
    """A permission, or an agent, to which a key can be limited."""

    model_config = ConfigDict(frozen=True)

    field: str
    label: str


class ApiKeysState(ShownOnceMixin, FormMixin, rx.State):
    """The user's API keys; a new one is shown once."""

    shown_once: ClassVar = ("fresh_key",)
    rows: rx.Field[list[ApiKeyLine]] = rx.field(default_factory=list)
    scopes: rx.Field[list[LimitChoice]] = rx.field(default_factory=list)
    agents: rx.Field[list[LimitChoice]] = rx.field(default_factory=list)
    text: rx.Field[str] = rx.field("")
    is_searchable: rx.Field[bool] = rx.field(False)
    fresh_key: rx.Field[str] = rx.field("")
    form_key: rx.Field[int] = rx.field(0)
    doomed_key: rx.Field[str] = rx.field("")
    doomed_name: rx.Field[str] = rx.field("")
    rotated_key: rx.Field[str] = rx.field("")
    rotated_name: rx.Field[str] = rx.field("")

    @rx.event
    @edge.requires(Permission.VIEW_APIKEY)
    async def load(self) -> None:
        """Show the keys that are not revoked, and what a new one can be limited to."""
        self.text = ""
        await self._show()
        async with edge.read(self) as (session, actor):
            self.scopes = [
                LimitChoice(field=_SCOPE + one, label=one.replace("_", " "))
                for one in keys.list_scopes(actor)
            ]
            self.agents = await _agents(session, actor)

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Put the fresh key away for good, and ask nothing any more."""
        self._clear_errors()
        self.fresh_key, self.doomed_key, self.rotated_key = "", "", ""

    @rx.event
    @edge.requires(Permission.VIEW_APIKEY)
    async def search(self, text: str) -> None:
        """Show the keys that begin with `text`, or have it in their name."""
        self.text = text
        await self._show()

    @rx.event
    @edge.requires(Permission.ADD_APIKEY)
    async def create(self, form: dict[str, Any]) -> None:
        """Make a key and show it, this once."""
        self._clear_errors()
        draft = _draft_of(form)
        async with edge.work(self) as (session, actor):
            made = await api_keys.create_key(session, actor, draft=draft)
        await self._show_fresh(made)

    @rx.event
    @edge.requires(Permission.VIEW_APIKEY)
    async def hide(self) -> None:
        """Put the fresh key away for good."""
        self.fresh_key = ""

    @rx.event
    @edge.requires(Permission.DELETE_APIKEY)
    async def ask_revoke(self, key_id: str, name: str) -> None:
        """Ask before revoking."""
        self.doomed_key, self.doomed_name = key_id, name

    @rx.event
    @edge.requires(Permission.ADD_APIKEY)
    async def ask_rotate(self, key_id: str, name: str) -> None:
        """Ask how long the old secret still works."""
        self.rotated_key, self.rotated_name = key_id, name

    @rx.event
    @edge.requires(Permission.VIEW_APIKEY)
    async def keep(self) -> None:
        """Leave all keys as they are."""
        self.doomed_key = self.rotated_key = ""

    @rx.event
    @edge.requires(Permission.DELETE_APIKEY)
    async def revoke(self) -> Any:
        """Revoke the key that was asked about."""
        doomed, self.doomed_key = edge.parse_id(self.doomed_key, "API key"), ""
        async with edge.work(self) as (session, actor):
            await keys.revoke_key(session, actor, key_id=doomed)
        await self._show()
        return notices.done(f"The key {self.doomed_name} is revoked.")

    @rx.event
    @edge.requires(Permission.ADD_APIKEY)
    async def rotate(self, form: dict[str, Any]) -> None:
        """Make a new secret for the key that was asked about, and show it, this once."""
        wanted, self.rotated_key = edge.parse_id(self.rotated_key, "API key"), ""
        rotation = KeyRotation.model_validate(form)
        async with edge.work(self) as (session, actor):
            made = await keys.rotate_key(
                session, actor, key_id=wanted, rotation=rotation
            )
        await self._show_fresh(made)

    async def _show_fresh(self, made: NewApiKey) -> None:
        self.fresh_key, self.text = made.key, ""
        self.form_key += 1
        await self._show()

    async def _show(self) -> None:
        async with edge.read(self) as (session, actor):
            page = await keys.list_keys(
                session, actor, text=self.text, limit=KEYS_SHOWN
            )
        self.rows = [_line(key) for key in page.items if key.revoked_at is None]
        self.is_searchable = bool(self.text) or len(self.rows) >= SEARCHED_FROM


def _line(key: ApiKeyView) -> ApiKeyLine:
    return ApiKeyLine(
        id=str(key.id),
        name=key.name,
        prefix=key.prefix,
        created_at=iso(key.created_at),
        last_used_at=iso(key.last_used_at),
        expires_at=iso(key.expires_at),
        is_over=key.expires_at is not None and key.expires_at <= clock.now(),
        limits=_limits(key),
    )


def _limits(key: ApiKeyView) -> str:
    told: list[str] = []
    if key.scopes is not None:
        told.append(
            f"May only: {', '.join(one.replace('_', ' ') for one in key.scopes)}."
        )
    if key.agent_ids is not None:
        count = len(key.agent_ids)
        told.append(f"Runs {'1 agent' if count == 1 else f'{count} agents'} only.")
    return " ".join(told)


def _draft_of(form: dict[str, Any]) -> ApiKeyDraft:
    days = str(form.get("days") or "")
    if days and not (days.isdecimal() and int(days) <= DAYS_MAX):
        raise Invalid.field("days", f"Choose at most {DAYS_MAX} days.")
    expires_at = clock.now() + timedelta(days=int(days)) if days else None
    return ApiKeyDraft.model_validate(
        {
            "name": form.get("name") or "",
            "expires_at": expires_at,
            "scopes": _ticked(form, _SCOPE),
            "agent_ids": _ticked(form, _AGENT),
        }
    )


def _ticked(form: dict[str, Any], prefix: str) -> list[str] | None:
    """Return what is ticked; nothing means no limit."""
    found = [
        name.removeprefix(prefix)
        for name, value in form.items()
        if name.startswith(prefix) and value
    ]
    return found or None


async def _agents(session: Session, actor: Actor) -> list[LimitChoice]:
    return [
        LimitChoice(field=f"{_AGENT}{agent.id}", label=agent.name)
        for shown in (Shown.MINE, Shown.SHARED)
        for agent in (
            await agents.list_agents(session, actor, shown=shown, limit=AGENTS_OFFERED)
        ).items
        if agent.access.covers(Level.RUN)
    ]
