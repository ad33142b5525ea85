"""The tier of one person, and the limits that they have in its place, in a dialog for administrators."""

from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.core.actor import Permission
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import tiers
from app.backend.identity.tier_schemas import Limits, PersonLimitsDraft
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.tiers import limit_values


class TierChoice(BaseModel):
    """A tier to choose."""

    model_config = ConfigDict(frozen=True)

    value: str
    label: str


class PersonLimitsState(FormMixin, rx.State):
    """The open dialog."""

    user_id: rx.Field[str] = rx.field("")
    email: rx.Field[str] = rx.field("")
    tier: rx.Field[str] = rx.field("")
    choices: rx.Field[list[TierChoice]] = rx.field(default_factory=list)
    values: rx.Field[dict[str, str]] = rx.field(default_factory=dict)
    of_tier: rx.Field[dict[str, str]] = rx.field(default_factory=dict)

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def open(self, user_id: str, email: str) -> None:
        """Show what a user may use."""
        self._clear_errors()
        wanted = edge.parse_id(user_id, "user")
        async with edge.read(self) as (session, actor):
            view = await tiers.get_person_limits(session, actor, user_id=wanted)
            page = await tiers.list_tiers(session, actor, limit=PAGE_SIZE_MAX)
        self.user_id, self.email = user_id, email
        self.tier = str(view.tier_id or "")
        self.choices = [
            TierChoice(value=str(one.id), label=one.name) for one in page.items
        ]
        self.values, self.of_tier = limit_values(view.own), limit_values(view.tier)

    @rx.event
    @edge.public
    async def close(self) -> None:
        """Close the dialog."""
        self.reset()

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def save(self, form: dict[str, Any]) -> Any:
        """Put the user into the tier, with the limits that are written down."""
        self._clear_errors()
        wanted = edge.parse_id(self.user_id, "user")
        given = {name: form.get(name) or None for name in Limits.model_fields}
        draft = PersonLimitsDraft(
            tier_id=edge.parse_id(form["tier"], "tier") if form.get("tier") else None,
            own=Limits.model_validate(given),
        )
        async with edge.work(self) as (session, actor):
            await tiers.set_person_limits(session, actor, user_id=wanted, draft=draft)
        said = notices.done(f"The limits of {self.email} are saved.")
        self.reset()
        return said
