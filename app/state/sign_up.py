"""What the pages without a login know of the installation: who may sign up, and whether it sends mail."""

import reflex as rx

from app.state import edge


class SignUpState(rx.State):
    """Read from the settings; the routes check them again."""

    is_open: rx.Field[bool] = rx.field(False)
    is_closed: rx.Field[bool] = rx.field(False)
    has_mail: rx.Field[bool] = rx.field(False)
    domains: rx.Field[str] = rx.field("")

    @rx.event
    @edge.public
    async def load(self) -> None:
        """Read the settings."""
        settings = edge.services().settings
        self.is_open = settings.sign_up in ("domains", "open")
        self.is_closed = not self.is_open
        self.has_mail = settings.has_mail
        is_limited = settings.sign_up == "domains"
        self.domains = ", ".join(settings.domains) if is_limited else ""
