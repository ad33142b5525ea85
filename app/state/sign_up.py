"""What the pages without a login know of the installation: whether it has an owner, who may sign up, and whether it sends mail."""

import reflex as rx

from app.backend.identity import service as identity
from app.state import edge


class SignUpState(rx.State):
    """Read anew by each page; the routes check it again."""

    has_owner: rx.Field[bool] = rx.field(True)
    is_open: rx.Field[bool] = rx.field(False)
    is_closed: rx.Field[bool] = rx.field(False)
    has_mail: rx.Field[bool] = rx.field(False)
    domains: rx.Field[str] = rx.field("")

    @rx.event
    @edge.public
    async def load(self) -> None:
        """Read the settings, and whether there is an account."""
        services = edge.services()
        settings = services.settings
        async with services.db.read() as session:
            self.has_owner = await identity.has_owner(session)
        self.is_open = settings.sign_up in ("domains", "open")
        self.is_closed = not self.is_open
        self.has_mail = settings.has_mail
        is_limited = settings.sign_up == "domains"
        self.domains = ", ".join(settings.domains) if is_limited else ""
