"""The logins elsewhere that lead to the signed-in user's account."""

from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app import routes
from app.backend.identity.outside import accounts, attempts
from app.backend.identity.outside.issuers import list_issuers, name_of
from app.state import edge, notices
from app.state.lines import iso
from app.state.login import words_of
from app.state.login_ways import LoginWay


class LinkedLine(BaseModel):
    """A linked login."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    email: str
    last_used_at: str


class LinkedLoginsState(rx.State):
    """Linked logins, the services that could be linked, and why linking one failed."""

    rows: rx.Field[list[LinkedLine]] = rx.field(default_factory=list)
    ways: rx.Field[list[LoginWay]] = rx.field(default_factory=list)
    error: rx.Field[str] = rx.field("")

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show the linked logins; linking one leads back here, with an error in the address when it failed."""
        self.error = words_of(edge.query_value(self, "error"))
        await self._show()

    @rx.event
    @edge.requires()
    async def unlink(self, linked_id: str) -> Any:
        """Let a login not lead to this account any more."""
        wanted = edge.parse_id(linked_id, "linked login")
        async with edge.work(self) as (session, actor):
            await accounts.unlink(session, actor, linked_id=wanted)
        await self._show()
        return notices.done("That login is unlinked.")

    async def _show(self) -> None:
        parts = edge.services()
        async with edge.read(self) as (session, actor):
            found = await accounts.list_linked(session, actor)
        self.rows = [
            LinkedLine(
                id=str(login.id),
                name=name_of(parts.settings, login.provider),
                email=login.email,
                last_used_at=iso(login.last_used_at),
            )
            for login in found
        ]
        linked = {login.provider for login in found}
        self.ways = [
            LoginWay(
                key=issuer.key,
                name=issuer.name,
                path=routes.outside_login_path(
                    issuer.key,
                    link=attempts.link_ticket(parts.keyring, actor, issuer.key),
                ),
            )
            for issuer in list_issuers(parts.settings)
            if issuer.key not in linked
        ]
