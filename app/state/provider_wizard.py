"""Connecting a provider: choose a type, fill in what it needs, see it tried out, add its models."""

from collections.abc import Mapping
from typing import Any

import reflex as rx
from pydantic import ValidationError

from app.backend.budgets import model_use
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.errors import Invalid
from app.backend.models import checks
from app.backend.models.checks import CheckResult, CheckStatus
from app.backend.providers import forms
from app.backend.providers import service as providers
from app.backend.providers.adapters.ollama import find_server
from app.backend.providers.handler import Handler
from app.backend.providers.registry import find_type
from app.backend.providers.schemas import ProviderDraft, ProviderView
from app.state import edge
from app.state.forms import FormMixin
from app.state.model_lines import StageLine, stage_lines
from app.state.model_list import ModelListState
from app.state.model_offers import ModelOffersState
from app.state.provider_form import (
    SettingField,
    TypeTile,
    fields_of,
    settings_of,
    tile_of,
)

TYPES, FORM, TEST = "types", "form", "test"
_NO_TILE = TypeTile()


class ProviderWizardState(FormMixin, rx.State):
    """Which step is open, and what it shows; a key that is typed in passes through and stays nowhere."""

    step: rx.Field[str] = rx.field("")
    tiles: rx.Field[list[TypeTile]] = rx.field(default_factory=list)
    chosen: rx.Field[TypeTile] = rx.field(default_factory=TypeTile)
    fields: rx.Field[list[SettingField]] = rx.field(default_factory=list)
    name: rx.Field[str] = rx.field("")
    label: rx.Field[str] = rx.field("")
    has_key: rx.Field[bool] = rx.field(False)
    is_shared: rx.Field[bool] = rx.field(False)
    editing_id: rx.Field[str] = rx.field("")
    form_key: rx.Field[int] = rx.field(0)
    found_at: rx.Field[str] = rx.field("")
    stages: rx.Field[list[StageLine]] = rx.field(default_factory=list)
    is_testing: rx.Field[bool] = rx.field(False)
    trial: rx.Field[int] = rx.field(0)

    @rx.event
    @edge.requires(Permission.ADD_PROVIDER)
    async def open(self) -> None:
        """Show the types of providers."""
        self._close()
        self.tiles = [
            tile_of(view) for view in forms.list_types(await edge.require_actor(self))
        ]
        self.step = TYPES

    @rx.event
    @edge.requires(Permission.ADD_PROVIDER)
    async def choose(self, key: str) -> Any:
        """Show the form of a type."""
        async with edge.read(self) as (session, actor):
            taken = {
                view.name for view in await providers.list_providers(session, actor)
            }
            is_admin = actor.role is Role.ADMIN
        self._begin_form(key, {})
        self.name = _free_name(key, taken | providers.RESERVED)
        may_look = key == "ollama" and is_admin
        return ProviderWizardState.look_around(self.form_key) if may_look else None

    @rx.event(background=True)
    @edge.requires(Permission.ADD_PROVIDER)
    async def look_around(self, form_key: int) -> None:
        """Fill in the address of an Ollama that is found at one of the usual ones."""
        actor = await edge.require_actor(self)
        found = await find_server() if actor.role is Role.ADMIN else ""
        async with self:
            if found and (self.form_key, self.step) == (form_key, FORM):
                self._begin_form("ollama", {"base_url": found})
                self.found_at = found

    @rx.event
    @edge.requires(Permission.CHANGE_PROVIDER)
    async def edit(self, provider_id: str) -> None:
        """Show the form of a provider that is there."""
        view = await self._need(provider_id)
        self._close()
        self._begin_form(view.type, view.settings)
        self.name, self.label = view.name, view.label
        self.has_key, self.is_shared = view.has_key, view.is_shared
        self.editing_id = str(view.id)

    @rx.event
    @edge.requires(Permission.VIEW_PROVIDER)
    async def close(self) -> Any:
        """Close the wizard; a test that goes on is left to itself."""
        self._close()
        return ModelListState.load

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Close the wizard."""
        self._close()

    @rx.event(background=True)
    @edge.requires(Permission.ADD_PROVIDER)
    async def submit(self, form: dict[str, Any]) -> Any:
        """Try out what the form describes, keep it when it answers, and show its models."""
        async with self:
            self._clear_errors()
            key, name = self.chosen.key, self.name
            editing_id, trial = self.editing_id, self._begin_trial()
        try:
            actor = await edge.require_actor(self)
            draft = _draft_of(actor, form, key, name if editing_id else "")
            is_good = bool(form.get("skip_test")) or await self._try_draft(
                draft, editing_id, trial
            )
            view = await self._keep(draft, editing_id) if is_good else None
        except Invalid as error:
            async with self:
                self.stages = []
                return self._show_errors(error.details)
        finally:
            async with self:
                self.is_testing = False
        async with self:
            if view is None or self.trial != trial:
                return None
            self._close()
        return [ModelListState.load, ModelOffersState.open(str(view.id))]

    @rx.event(background=True)
    @edge.requires(Permission.CHANGE_PROVIDER)
    async def test(self, provider_id: str) -> None:
        """Try out a provider that is there."""
        view = await self._need(provider_id)
        async with self:
            self._close()
            self.step, self.name = TEST, view.name
            trial = self._begin_trial()
        actor = await edge.require_actor(self)
        rows = edge.services().models.need_rows()
        try:
            await self._try(await rows.open_provider(actor, view.id), trial)
        finally:
            async with self:
                self.is_testing = False

    async def _try_draft(
        self, draft: ProviderDraft, editing_id: str, trial: int
    ) -> bool:
        actor = await edge.require_actor(self)
        rows = edge.services().models.need_rows()
        editing = edge.parse_id(editing_id, "provider") if editing_id else None
        handler = await rows.connect_draft(actor, draft, editing_id=editing)
        return await self._try(handler, trial)

    async def _try(self, handler: Handler, trial: int) -> bool:
        results: list[CheckResult] = []
        async with self:
            self.stages = stage_lines(results, is_over=False)
        async for result in checks.check(handler):
            results.append(result)
            is_over = result.status is CheckStatus.FAILED
            async with self:
                if self.trial != trial:
                    return False
                self.stages = stage_lines(results, is_over=is_over)
        return all(one.status is not CheckStatus.FAILED for one in results)

    async def _keep(self, draft: ProviderDraft, editing_id: str) -> ProviderView:
        parts = edge.services()
        async with edge.work(self) as (session, actor):
            if not editing_id:
                return await providers.create_provider(
                    session, actor, draft=draft, parts=parts
                )
            return await model_use.update_provider(
                session,
                actor,
                provider_id=edge.parse_id(editing_id, "provider"),
                draft=draft,
                parts=parts,
            )

    async def _need(self, provider_id: str) -> ProviderView:
        wanted = edge.parse_id(provider_id, "provider")
        async with edge.read(self) as (session, actor):
            row = await providers.need_changeable(session, actor, wanted)
            return providers.to_view(actor, row)

    def _begin_form(self, key: str, values: Mapping[str, Any]) -> None:
        view = forms.type_view(find_type(key))
        self._clear_errors()
        self.chosen, self.fields = (
            tile_of(view),
            fields_of(view.settings_schema, dict(values)),
        )
        self.stages, self.step, self.found_at = [], FORM, ""
        self.form_key += 1

    def _begin_trial(self) -> int:
        self.is_testing, self.stages = True, []
        self.trial += 1
        return self.trial

    def _close(self) -> None:
        self._clear_errors()
        self.step, self.editing_id, self.name, self.label = "", "", "", ""
        self.has_key, self.is_shared, self.is_testing = False, False, False
        self.chosen, self.fields, self.stages = _NO_TILE, [], []
        self.trial += 1


def _free_name(key: str, taken: set[str] | frozenset[str]) -> str:
    plain = key.replace("_", "-")
    names = [plain, f"my-{plain}", *(f"my-{plain}-{n}" for n in range(2, 100))]
    return next((name for name in names if name not in taken), "")


def _draft_of(actor: Actor, form: dict[str, Any], key: str, name: str) -> ProviderDraft:
    view = forms.type_view(find_type(key))
    try:
        return ProviderDraft(
            type=key,
            name=name or str(form.get("name", "")),
            label=str(form.get("label", "")),
            settings=settings_of(view.settings_schema, form),
            api_key=form.get("api_key") or None,
            secret_ref=str(form.get("secret_ref", "")).strip(),
            # Only they have the box.
            is_shared=bool(form.get("is_shared")) if actor.role is Role.ADMIN else None,
        )
    except ValidationError as error:
        raise edge.invalid_of(error) from None
