"""Adding models to a provider: from the list of what it offers, or by name."""

from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.core.errors import AppError, Invalid
from app.backend.models import service as models
from app.backend.models.offers import describe, list_offers
from app.backend.models.schemas import (
    Environment,
    ModelDraft,
    ModelKind,
    ModelRowView,
    OfferedModel,
)
from app.backend.providers import service as providers
from app.backend.providers.base import ProviderModel
from app.backend.providers.registry import find_type
from app.backend.providers.schemas import ProviderView
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.model_lines import OfferLine, offer_line
from app.state.model_list import ModelListState

SHOWN_MAX = 50


class ModelOffersState(FormMixin, rx.State):
    """What a provider offers, filtered, and which of it is there already."""

    provider_id: rx.Field[str] = rx.field("")
    provider_name: rx.Field[str] = rx.field("")
    is_loading: rx.Field[bool] = rx.field(False)
    problem: rx.Field[str] = rx.field("")
    text: rx.Field[str] = rx.field("")
    total: rx.Field[int] = rx.field(0)
    can_pull: rx.Field[bool] = rx.field(False)
    pulled: rx.Field[str] = rx.field("")
    percent: rx.Field[int] = rx.field(0)
    rows: rx.Field[list[OfferLine]] = rx.field(default_factory=list)
    _offers: list[OfferedModel] = []
    _type: str = ""

    @rx.event(background=True)
    @edge.requires(Permission.ADD_MODEL)
    async def open(self, provider_id: str) -> None:
        """Ask a provider what it offers, and show it."""
        wanted = edge.parse_id(provider_id, "provider")
        async with edge.read(self) as (session, actor):
            row = await providers.need_changeable(session, actor, wanted)
            view = providers.to_view(actor, row)
            added = await models.list_models(session, actor, provider_id=wanted)
        async with self:
            self._begin(view)
        offers, problem = await self._ask(view, {one.name for one in added})
        async with self:
            self.is_loading, self.problem = False, problem
            self._offers, self._type = offers, view.type
            self._show()

    @rx.event
    @edge.requires(Permission.VIEW_MODEL)
    async def search(self, text: str) -> None:
        """Show the models whose name has `text`."""
        self.text = text
        self._show()

    @rx.event
    @edge.requires(Permission.ADD_MODEL)
    async def add(self, name: str) -> Any:
        """Add a model that is offered."""
        offer = next((one for one in self._offers if one.name == name), None)
        return await self._add(offer) if offer is not None else None

    @rx.event
    @edge.requires(Permission.ADD_MODEL)
    async def add_named(self, form: dict[str, Any]) -> Any:
        """Add a model by the name that the provider calls it."""
        self._clear_errors()
        name = str(form.get("model_name", "")).strip()
        if not name:
            raise Invalid.field("model_name", "Fill this in.")
        listed = next((one for one in self._offers if one.name == name), None)
        info = find_type(self._type).info
        return await self._add(listed or describe(info, ProviderModel(name)))

    @rx.event(background=True)
    @edge.requires(Permission.ADD_MODEL)
    async def pull(self, form: dict[str, Any]) -> Any:
        """Let the provider fetch a model, and show how far it is."""
        name = str(form.get("pulled", "")).strip()
        async with self:
            self._clear_errors()
            provider_id, self.pulled = self.provider_id, ""
        if not name:
            async with self:
                return self._show_errors({"pulled": ["Fill this in."]})
        actor = await edge.require_actor(self)
        wanted = edge.parse_id(provider_id, "provider")
        handler = await edge.services().models.need_rows().open_provider(actor, wanted)
        said = ""
        try:
            async for one in handler.pull(name):
                if f"{one.status} {one.percent}" == said:
                    continue
                said = f"{one.status} {one.percent}"
                async with self:
                    if self.provider_id != provider_id:
                        return None
                    self.pulled, self.percent = f"{name}: {one.status}", one.percent
        except AppError as error:  # lint-skip: edge-catch - it stands beside the field
            async with self:
                self.pulled = ""
                return self._show_errors({"pulled": [error.message]})
        return ModelOffersState.open(provider_id)

    @rx.event
    @edge.requires(Permission.VIEW_MODEL)
    async def close(self) -> Any:
        """Close the list."""
        self._close()
        return ModelListState.load

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Close the list."""
        self._close()

    async def _add(self, offer: OfferedModel) -> Any:
        self._clear_errors()
        view = await self._keep(offer)
        added = offer.model_copy(update={"is_added": True})
        rest = [one for one in self._offers if one.name != offer.name]
        self._offers = [added, *rest]
        self._show()
        said = f"{view.full_name} is added."
        if view.is_default:
            said = f"{view.full_name} is added, and new agents use it."
        return [notices.done(said), ModelListState.load]

    async def _keep(self, offer: OfferedModel) -> ModelRowView:
        environment = Environment(edge.services().settings.environment)
        wanted = edge.parse_id(self.provider_id, "provider")
        async with edge.work(self) as (session, actor):
            default = await models.chosen_default(
                session, actor, environment=environment
            )
            draft = ModelDraft(
                provider_id=wanted,
                # Whoever connects a first model wants it to be used.
                is_default=not default and offer.kind is ModelKind.CHAT,
                **offer.model_dump(exclude={"is_added"}),
            )
            return await models.add_model(
                session, actor, draft=draft, environment=environment
            )

    async def _ask(
        self, view: ProviderView, added: set[str]
    ) -> tuple[list[OfferedModel], str]:
        actor = await edge.require_actor(self)
        rows = edge.services().models.need_rows()
        try:
            handler = await rows.open_provider(actor, view.id)
            return await list_offers(handler, added=added), ""
        # Names can be written by hand as well.
        except AppError as error:  # lint-skip: edge-catch
            return [], error.message

    def _begin(self, view: ProviderView) -> None:
        self._close()
        self.provider_id, self.provider_name = str(view.id), view.name
        self.is_loading = True
        self.can_pull = find_type(view.type).info.can_pull

    def _close(self) -> None:
        self._clear_errors()
        self.provider_id, self.provider_name, self.problem = "", "", ""
        self.text, self.rows, self.is_loading, self.total = "", [], False, 0
        self.can_pull, self.pulled, self.percent = False, "", 0
        self._offers, self._type = [], ""

    def _show(self) -> None:
        wanted = self.text.strip().lower()
        found = [one for one in self._offers if wanted in one.name.lower()]
        self.total = len(found)
        self.rows = [offer_line(one) for one in found[:SHOWN_MAX]]
