"""Tiers, as an administrator makes and changes them."""

from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import tiers
from app.backend.identity.tier_schemas import Limits, TierDraft
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.lines import Line

NEW = "new"
_LIMIT_WORDS = {
    "requests_per_minute": "{:,} requests a minute",
    "runs_per_day": "{:,} runs a day",
    "runs_active": "{:,} runs at once",
    "storage_mb": "{:,} MB stored",
}


class TierLine(Line):
    """A tier in the list."""

    name: str
    limits: str
    people: int
    is_default: bool


class TiersState(FormMixin, rx.State):
    """All tiers, and the form of the one that is open: a new one, or one of them."""

    is_shown: rx.Field[bool] = rx.field(False)
    rows: rx.Field[list[TierLine]] = rx.field(default_factory=list)
    opened_id: rx.Field[str] = rx.field("")
    values: rx.Field[dict[str, str]] = rx.field(default_factory=dict)
    is_default: rx.Field[bool] = rx.field(False)
    doomed_id: rx.Field[str] = rx.field("")
    doomed_name: rx.Field[str] = rx.field("")

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show the tiers to an administrator, when the address asks for them."""
        self.is_shown = edge.query_value(self, "show") == "tiers"
        actor = await edge.require_actor(self)
        if self.is_shown and actor.may(Permission.VIEW_USER):
            await self._show()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Ask nothing any more."""
        self._close()

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def open_new(self) -> None:
        """Ask for a new tier."""
        self._close()
        self.opened_id = NEW

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def open(self, tier_id: str) -> None:
        """Show a tier in the form."""
        self._close()
        wanted = edge.parse_id(tier_id, "tier")
        async with edge.read(self) as (session, actor):
            view = await tiers.get_tier(session, actor, tier_id=wanted)
        self.values = {"name": view.name, **limit_values(view)}
        self.opened_id, self.is_default = tier_id, view.is_default

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def close(self) -> None:
        """Close what is open."""
        self._close()

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def save(self, form: dict[str, Any]) -> Any:
        """Make the tier, or change the one that is open."""
        self._clear_errors()
        given = {name: form.get(name) or None for name in Limits.model_fields}
        draft = TierDraft.model_validate(
            {
                "name": form.get("name", ""),
                "is_default": self.is_default or bool(form.get("is_default")),
                **given,
            }
        )
        async with edge.work(self) as (session, actor):
            if self.opened_id == NEW:
                await tiers.create_tier(session, actor, draft=draft)
            else:
                wanted = edge.parse_id(self.opened_id, "tier")
                await tiers.change_tier(session, actor, tier_id=wanted, draft=draft)
        self._close()
        await self._show()
        return notices.done(f"The tier {draft.name} is saved.")

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def ask_delete(self, tier_id: str, name: str) -> None:
        """Ask before deleting."""
        self._close()
        self.doomed_id, self.doomed_name = tier_id, name

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def delete(self) -> Any:
        """Delete the tier that was asked about."""
        doomed, name = edge.parse_id(self.doomed_id, "tier"), self.doomed_name
        self._close()
        async with edge.work(self) as (session, actor):
            await tiers.delete_tier(session, actor, tier_id=doomed)
        await self._show()
        return notices.done(f"The tier {name} is deleted.")

    def _close(self) -> None:
        self._clear_errors()
        self.values, self.is_default = {}, False
        self.opened_id = self.doomed_id = self.doomed_name = ""

    async def _show(self) -> None:
        async with edge.read(self) as (session, actor):
            page = await tiers.list_tiers(session, actor, limit=PAGE_SIZE_MAX)
        self.rows = [
            TierLine(
                id=str(one.id),
                name=one.name,
                limits=_words(one),
                people=one.people,
                is_default=one.is_default,
            )
            for one in page.items
        ]


def limit_values(limits: Limits) -> dict[str, str]:
    """Return limits as the fields of a form have them."""
    return {
        name: "" if (value := getattr(limits, name)) is None else str(value)
        for name in Limits.model_fields
    }


def _words(limits: Limits) -> str:
    """Return what somebody may use."""
    texts = [_LIMIT_WORDS[name].format(most) for name, most in limits.given.items()]
    return " · ".join(texts) or "No limits"
