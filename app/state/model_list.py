"""The providers and models that the signed-in person may use, and what is done with each."""

import asyncio
from typing import Any

import reflex as rx

from app.backend.budgets import model_use
from app.backend.core.actor import Permission
from app.backend.middleware.service import warm_default
from app.backend.models import service as models
from app.backend.models.local import list_local
from app.backend.models.schemas import ModelKind
from app.backend.providers import service as providers
from app.state import edge, notices
from app.state.model_lines import (
    BuiltinLine,
    LocalLine,
    ProviderLine,
    builtin_line,
    local_line,
    provider_line,
)

_QUESTIONS = {
    "provider": (
        "Delete the provider {name}?",
        "Its models go with it, and so does the key that was stored for it. What uses them keeps it from being deleted: agents, fallbacks, collections, budgets.",
        "Delete",
    ),
    "model": (
        "Delete {name}?",
        "It can be added again at any time. What uses it keeps it from being deleted: agents, fallbacks, collections, budgets.",
        "Delete",
    ),
}


class ModelListState(rx.State):
    """Providers with their models, as of the last look."""

    is_loading: rx.Field[bool] = rx.field(True)
    providers: rx.Field[list[ProviderLine]] = rx.field(default_factory=list)
    builtin: rx.Field[list[BuiltinLine]] = rx.field(default_factory=list)
    local: rx.Field[list[LocalLine]] = rx.field(default_factory=list)
    wanted: rx.Field[list[str]] = rx.field(default_factory=list)
    default_model: rx.Field[str] = rx.field("")
    environment: rx.Field[str] = rx.field("")
    asked: rx.Field[str] = rx.field("")
    target: rx.Field[str] = rx.field("")
    target_name: rx.Field[str] = rx.field("")

    @rx.var
    def question(self) -> list[str]:
        """Title, text and verb of what is asked."""
        words = _QUESTIONS.get(self.asked, ("", "", ""))
        return [text.format(name=self.target_name) for text in words]

    @rx.event
    @edge.requires(Permission.VIEW_PROVIDER)
    async def load(self) -> None:
        """Show everything."""
        await self._show()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Ask nothing any more."""
        self._close()

    @rx.event
    @edge.requires(Permission.CHANGE_PROVIDER)
    async def switch_provider(self, provider_id: str, is_enabled: bool) -> None:
        """Switch a provider off, or on again."""
        wanted = edge.parse_id(provider_id, "provider")
        async with edge.work(self) as (session, actor):
            await providers.set_enabled(
                session, actor, provider_id=wanted, is_enabled=is_enabled
            )
        await self._show()

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def switch_model(self, model_id: str, is_enabled: bool) -> None:
        """Switch a model off, or on again."""
        wanted = edge.parse_id(model_id, "model")
        async with edge.work(self) as (session, actor):
            await models.set_enabled(
                session, actor, model_id=wanted, is_enabled=is_enabled
            )
        await self._show()

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def make_default(self, model_id: str) -> Any:
        """Use a model where none is named."""
        wanted = edge.parse_id(model_id, "model")
        async with edge.work(self) as (session, actor):
            view = await models.set_default(
                session, actor, model_id=wanted, is_default=True
            )
            warm_default(session, view, chains=edge.services().chains)
        await self._show()
        what = "agents" if view.kind is ModelKind.CHAT else "collections"
        return notices.done(f"New {what} use {view.full_name}.")

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def make_cheap(self, model_id: str, is_cheap: bool) -> Any:
        """Use a model where a cheap answer is enough, or no longer."""
        wanted = edge.parse_id(model_id, "model")
        async with edge.work(self) as (session, actor):
            view = await models.set_cheap(
                session, actor, model_id=wanted, is_cheap=is_cheap
            )
        await self._show()
        what = "is now" if is_cheap else "is no longer"
        return notices.done(f"{view.full_name} {what} the cheap default.")

    @rx.event
    @edge.requires(Permission.VIEW_PROVIDER)
    async def ask(self, what: str, target: str, name: str) -> None:
        """Ask before something is deleted."""
        self.asked, self.target, self.target_name = what, target, name

    @rx.event
    @edge.requires(Permission.VIEW_PROVIDER)
    async def close(self) -> None:
        """Leave things as they are."""
        self._close()

    @rx.event
    @edge.requires(Permission.DELETE_MODEL)
    async def confirm(self) -> Any:
        """Delete what was asked about."""
        asked, name = self.asked, self.target_name
        wanted = edge.parse_id(self.target, asked or "model")
        self._close()
        async with edge.work(self) as (session, actor):
            if asked == "provider":
                await model_use.delete_provider(session, actor, provider_id=wanted)
            else:
                await model_use.delete_model(session, actor, model_id=wanted)
        await self._show()
        return notices.done(f"{name} is deleted.")

    def _close(self) -> None:
        self.asked, self.target, self.target_name = "", "", ""

    async def _show(self) -> None:
        catalog = edge.services().models
        settings = edge.services().settings
        async with edge.read(self) as (session, actor):
            found = await providers.list_providers(session, actor)
            added = await models.list_models(session, actor)
            named = await model_use.list_named_models(session, actor)
            self.default_model = await models.default_of_new(
                session, actor, settings=settings
            )
        files = await asyncio.to_thread(list_local, settings)
        self.local = [local_line(view) for view in files]
        self.environment = settings.environment
        self.providers = [provider_line(view, added) for view in found]
        self.builtin = [builtin_line(view) for view in catalog.builtin()]
        known = {view.full_name for view in added}
        own = {f"{view.name}/" for view in self.builtin}
        self.wanted = [
            name
            for name in named
            if name not in known and not name.startswith(tuple(own))
        ]
        self.is_loading = False
