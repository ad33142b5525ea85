"""Who is signed in on this tab, as every page shows it."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission, Role
from app.backend.identity import reading
from app.backend.identity import service as identity
from app.state import edge


class SessionState(rx.State):
    """The signed-in user."""

    email: rx.Field[str] = rx.field("")
    display_name: rx.Field[str] = rx.field("")
    role: rx.Field[str] = rx.field("")
    has_password: rx.Field[bool] = rx.field(True)
    times: rx.Field[str] = rx.field("relative")
    is_reading: rx.Field[bool] = rx.field(False)
    lacks: rx.Field[list[str]] = rx.field(default_factory=list)

    @rx.var
    def initial(self) -> str:
        """First letter of the name, for the avatar."""
        return (self.display_name or self.email or "?")[0].upper()

    @rx.var
    def is_admin(self) -> bool:
        """Whether the pages for administrators are shown; their events check it again."""
        return self.role == Role.ADMIN

    @rx.event(background=True)
    @edge.requires()
    async def stay(self) -> Any:
        """Lead away when the login is not what the page was made for; the guard does so when it has ended."""
        actor = await edge.require_actor(self)
        if self.email and actor.is_reading != self.is_reading:
            return [SessionState.load, rx.redirect(routes.DASHBOARD)]
        return None

    @rx.event
    @edge.requires()
    async def stop_reading(self) -> Any:
        """Be oneself again, after reading what somebody else has."""
        await reading.stop(edge.services().db, await edge.require_actor(self))
        return rx.redirect(routes.PEOPLE)

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show who is signed in; whoever is not goes to the login page."""
        async with edge.read(self) as (session, actor):
            profile = await identity.get_profile(session, actor)
        self.email, self.display_name, self.role = (
            profile.email,
            profile.display_name,
            profile.role,
        )
        self.is_reading = actor.is_reading
        self.lacks = [one.value for one in Permission if not actor.may(one)]
        self.has_password = profile.has_password
        self.times = profile.preferences.get("times", "relative")
