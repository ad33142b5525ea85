"""API keys of the signed-in user."""

from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.core.actor import Permission
from app.backend.identity import keys
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.lines import iso

KEYS_SHOWN = 200


class ApiKeyLine(BaseModel):
    """An API key without its secret."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    prefix: str
    created_at: str
    last_used_at: str


class ApiKeysState(FormMixin, rx.State):
    """The user's API keys; a new one is shown once."""

    rows: rx.Field[list[ApiKeyLine]] = rx.field(default_factory=list)
    fresh_key: rx.Field[str] = rx.field("")
    form_key: rx.Field[int] = rx.field(0)
    doomed_key: rx.Field[str] = rx.field("")
    doomed_name: rx.Field[str] = rx.field("")

    @rx.event
    @edge.requires(Permission.VIEW_APIKEY)
    async def load(self) -> None:
        """Show the keys that work."""
        await self._show()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Put the fresh key away for good, and ask nothing any more."""
        self._clear_errors()
        self.fresh_key, self.doomed_key = "", ""

    @rx.event
    @edge.requires(Permission.ADD_APIKEY)
    async def create(self, form: dict[str, Any]) -> None:
        """Make a key and show it, this once."""
        self._clear_errors()
        async with edge.work(self) as (session, actor):
            made = await keys.create_key(session, actor, name=str(form.get("name", "")))
        self.fresh_key = made.key
        self.form_key += 1
        await self._show()

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
    @edge.requires(Permission.DELETE_APIKEY)
    async def keep(self) -> None:
        """Revoke nothing."""
        self.doomed_key = ""

    @rx.event
    @edge.requires(Permission.DELETE_APIKEY)
    async def revoke(self) -> Any:
        """Revoke the key that was asked about."""
        doomed, self.doomed_key = edge.parse_id(self.doomed_key, "API key"), ""
        async with edge.work(self) as (session, actor):
            await keys.revoke_key(session, actor, key_id=doomed)
        await self._show()
        return notices.done(f"The key {self.doomed_name} is revoked.")

    async def _show(self) -> None:
        async with edge.read(self) as (session, actor):
            page = await keys.list_keys(session, actor, limit=KEYS_SHOWN)
        self.rows = [
            ApiKeyLine(
                id=str(key.id),
                name=key.name,
                prefix=key.prefix,
                created_at=iso(key.created_at),
                last_used_at=iso(key.last_used_at),
            )
            for key in page.items
            if key.revoked_at is None
        ]
