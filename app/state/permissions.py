"""What one person may do beside their role, and what not, in a dialog for administrators."""

from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.core.actor import Permission
from app.backend.identity import permissions
from app.backend.identity.schemas import PermissionsDraft, PermissionsView
from app.state import edge, notices


class PermissionChoice(BaseModel):
    """A permission to tick; `differs` says that the role would have it otherwise."""

    model_config = ConfigDict(frozen=True)

    field: str
    label: str
    has: bool
    differs: bool


class PermissionsState(rx.State):
    """The open dialog."""

    user_id: rx.Field[str] = rx.field("")
    email: rx.Field[str] = rx.field("")
    choices: rx.Field[list[PermissionChoice]] = rx.field(default_factory=list)

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def open(self, user_id: str, email: str) -> None:
        """Show what a user may do."""
        wanted = edge.parse_id(user_id, "user")
        async with edge.read(self) as (session, actor):
            view = await permissions.get_permissions(session, actor, user_id=wanted)
        self.user_id, self.email = user_id, email
        self.choices = _choices(view)

    @rx.event
    @edge.public
    async def close(self) -> None:
        """Close the dialog."""
        self.reset()

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def save(self, form: dict[str, Any]) -> Any:
        """Give what is ticked beside the role, and take what is not."""
        wanted = edge.parse_id(self.user_id, "user")
        ticked = {name for name, value in form.items() if value}
        async with edge.work(self) as (session, actor):
            view = await permissions.get_permissions(session, actor, user_id=wanted)
            draft = PermissionsDraft(
                given=[one for one in view.offered if one in ticked],
                taken=[one for one in view.offered if one not in ticked],
            )
            await permissions.set_permissions(
                session, actor, user_id=wanted, draft=draft
            )
        said = notices.done(f"The permissions of {self.email} are saved.")
        self.reset()
        return said


def _choices(view: PermissionsView) -> list[PermissionChoice]:
    has = (set(view.of_role) | set(view.given)) - set(view.taken)
    return [
        PermissionChoice(
            field=one.value,
            label=one.replace("_", " "),
            has=one in has,
            differs=one in view.given or one in view.taken,
        )
        for one in view.offered
    ]
