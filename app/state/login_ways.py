"""The services that the login page offers besides the password."""

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app import routes
from app.backend.identity.outside.issuers import list_issuers
from app.state import edge


class LoginWay(BaseModel):
    """A service that people may sign in with, and where its link leads."""

    model_config = ConfigDict(frozen=True)

    key: str
    name: str
    path: str


class LoginWaysState(rx.State):
    """What the settings of the installation offer."""

    rows: rx.Field[list[LoginWay]] = rx.field(default_factory=list)
    takes_names: rx.Field[bool] = rx.field(False)

    @rx.event
    @edge.public
    async def load(self) -> None:
        """Offer the services, with the way back to the page that was asked for."""
        then, settings = edge.query_value(self, "next"), edge.services().settings
        self.takes_names = bool(settings.ldap_url)
        self.rows = [
            LoginWay(
                key=issuer.key,
                name=issuer.name,
                path=routes.outside_login_path(issuer.key, then=then),
            )
            for issuer in list_issuers(settings)
        ]
