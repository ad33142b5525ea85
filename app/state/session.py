"""Who is signed in on this tab, as every page shows it."""

import reflex as rx

from app.backend.core.actor import Role
from app.backend.identity import service as identity
from app.state import edge


class SessionState(rx.State):
    """The signed-in user."""

    email: rx.Field[str] = rx.field("")
    display_name: rx.Field[str] = rx.field("")
    role: rx.Field[str] = rx.field("")
    has_password: rx.Field[bool] = rx.field(True)
    times: rx.Field[str] = rx.field("relative")

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
    async def stay(self) -> None:
        """Change nothing: the guard leads to the login page when this login has ended elsewhere."""

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
        self.has_password = profile.has_password
        self.times = profile.preferences.get("times", "relative")
