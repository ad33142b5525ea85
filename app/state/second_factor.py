"""The signed-in user's second factor: set up, turned off, and its recovery codes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import reflex as rx

from app.backend.api import password_login
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.identity import refusals, second_factor
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.lines import iso
from app.state.shown_once import ShownOnceMixin


class SecondFactorState(ShownOnceMixin, FormMixin, rx.State):
    """How it is, what the password is asked for, and what is shown this once."""

    shown_once: ClassVar = ("secret", "qr", "codes")
    is_on: rx.Field[bool] = rx.field(False)
    since: rx.Field[str] = rx.field("")
    codes_left: rx.Field[int] = rx.field(0)
    asked: rx.Field[str] = rx.field("")
    secret: rx.Field[str] = rx.field("")
    qr: rx.Field[str] = rx.field("")
    codes: rx.Field[list[str]] = rx.field(default_factory=list)

    @rx.event
    @edge.requires(sets_up=True)
    async def load(self) -> None:
        """Show whether the user has one."""
        await self._show()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Put the secret and the codes away for good, and ask nothing any more."""
        self._close()

    @rx.event
    @edge.requires(sets_up=True)
    async def close(self) -> None:
        """Do the same while the page stays."""
        self._close()

    @rx.event
    @edge.requires(sets_up=True)
    async def ask(self, what: str) -> Any:
        """Ask for the password before something is done: `begin`, `make_codes` or `turn_off`."""
        self._close()
        self.asked = what
        return rx.set_focus("password")

    @rx.event
    @edge.requires(sets_up=True)
    async def begin(self, form: dict[str, Any]) -> Any:
        """Show a secret for the authenticator app."""
        async with self._proving(form) as (session, actor):
            new = await second_factor.begin(
                session, actor, keyring=edge.services().keyring
            )
        self._close()
        self.secret, self.qr = new.secret, new.qr
        return rx.set_focus("code")

    @rx.event
    @edge.requires(sets_up=True)
    async def confirm(self, form: dict[str, Any]) -> Any:
        """Turn it on with a first code, and show the recovery codes this once."""
        self._clear_errors()
        async with edge.work(self) as (session, actor):
            made = await second_factor.confirm(
                session,
                actor,
                code=str(form.get("code", "")),
                keyring=edge.services().keyring,
            )
        self._close()
        self.codes = made.codes
        await self._show()
        return notices.done("Your second factor is on.")

    @rx.event
    @edge.requires(sets_up=True)
    async def make_codes(self, form: dict[str, Any]) -> None:
        """Show fresh recovery codes this once; the older ones stop working."""
        async with self._proving(form) as (session, actor):
            made = await second_factor.make_codes(session, actor)
        self._close()
        self.codes = made.codes
        await self._show()

    @rx.event
    @edge.requires(sets_up=True)
    async def turn_off(self, form: dict[str, Any]) -> Any:
        """Let the password alone sign the user in again."""
        async with self._proving(form) as (session, actor):
            await second_factor.turn_off(session, actor)
        self._close()
        await self._show()
        return notices.done("Your second factor is off.")

    @asynccontextmanager
    async def _proving(
        self, form: dict[str, Any]
    ) -> AsyncGenerator[tuple[Session, Actor], None]:
        self._clear_errors()
        parts, actor = edge.services(), await edge.require_actor(self)
        async with refusals.counted(parts.db, parts.redis, actor.email):
            password = str(form.get("password", ""))
            await password_login.prove(parts, actor, password=password)
            async with edge.work(self) as (session, actor):
                yield session, actor

    def _close(self) -> None:
        self._clear_errors()
        self.asked, self.secret, self.qr, self.codes = "", "", "", []

    async def _show(self) -> None:
        settings = edge.services().settings
        async with edge.read(self) as (session, actor):
            found = await second_factor.get_state(session, actor, settings=settings)
        self.is_on, self.since = found.is_on, iso(found.since)
        self.codes_left = found.recovery_codes
