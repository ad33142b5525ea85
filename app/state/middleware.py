"""What stands before one model: a list in its order, and the form of each."""

from typing import Any
from uuid import UUID

import reflex as rx
from pydantic import BaseModel, ConfigDict, ValidationError

from app.backend.core.actor import Permission
from app.backend.core.errors import Invalid
from app.backend.middleware import service as middleware
from app.backend.middleware.registry import FIELD, list_types
from app.backend.middleware.schemas import (
    MiddlewareChange,
    MiddlewareTypeView,
    MiddlewareView,
    OwnMiddlewareDraft,
)
from app.backend.providers.service import RESERVED
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.lines import Line
from app.state.provider_form import SettingField, fields_of, settings_of

LIST, TYPES, FORM, DELETE = "list", "types", "form", "delete"


class MiddlewareLine(Line):
    """A middleware of the list."""

    label: str
    priority: int
    facts: str
    trouble: str
    is_active: bool
    is_critical: bool


class MiddlewareTile(BaseModel):
    """A type to choose."""

    model_config = ConfigDict(frozen=True)

    key: str = ""
    label: str = ""
    about: str = ""
    priority: int = 0


class MiddlewareValues(BaseModel):
    """What the form begins with; without an id it is of a new one."""

    model_config = ConfigDict(frozen=True)

    id: str = ""
    priority: str = ""
    is_active: bool = True
    is_critical: bool = False


class MiddlewareState(FormMixin, rx.State):
    """The dialogs of what stands before a model; without a `step` none is open."""

    step: rx.Field[str] = rx.field("")
    model: rx.Field[str] = rx.field("")
    models: rx.Field[list[str]] = rx.field(default_factory=list)
    rows: rx.Field[list[MiddlewareLine]] = rx.field(default_factory=list)
    tiles: rx.Field[list[MiddlewareTile]] = rx.field(default_factory=list)
    chosen: rx.Field[MiddlewareTile] = rx.field(default_factory=MiddlewareTile)
    fields: rx.Field[list[SettingField]] = rx.field(default_factory=list)
    values: rx.Field[MiddlewareValues] = rx.field(default_factory=MiddlewareValues)
    doomed: rx.Field[str] = rx.field("")
    doomed_name: rx.Field[str] = rx.field("")
    _model_id: str = ""

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def open(self, model: str, model_id: str = "") -> None:
        """Show what stands before a model, which has an id unless it is of the settings; without a name, their default."""
        model = model or edge.services().settings.default_model
        prefix = f"{model.partition('/')[0]}/"
        if prefix.rstrip("/") in RESERVED:
            views = await edge.services().models.list(await edge.require_actor(self))
            own = tuple(f"{name}/" for name in RESERVED)
            names = [one.name for one in views if one.is_available and not one.id]
            self.models = [name for name in names if name.startswith(own)]
        else:
            self.models = [model]
        self.model, self._model_id = model, model_id
        await self._show()

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def close(self) -> None:
        """Close the dialogs."""
        self._close()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Close the dialogs."""
        self._close()

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def back(self) -> None:
        """Go back to the list, and keep nothing."""
        self._clear_errors()
        self.step, self.doomed = LIST, ""

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def show_types(self) -> None:
        """Show what can be put before the model."""
        self.tiles = [_tile(view) for view in list_types()]
        self.step = TYPES

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def choose(self, key: str) -> None:
        """Show the form of a type."""
        view = _need_type(key)
        self._begin(view, {}, MiddlewareValues(priority=str(view.priority)))

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def edit(self, middleware_id: str) -> None:
        """Show the form of one that is there."""
        wanted = edge.parse_id(middleware_id, "middleware")
        async with edge.read(self) as (session, actor):
            view = await middleware.get_middleware(session, actor, middleware_id=wanted)
        values = MiddlewareValues(
            id=str(view.id),
            priority=str(view.priority),
            is_active=view.is_active,
            is_critical=view.is_critical,
        )
        self._begin(_need_type(view.type), view.config, values)

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep what the form says."""
        self._clear_errors()
        editing, chains = self.values.id, edge.services().chains
        change = _change(form, self.chosen.key)
        async with edge.work(self) as (session, actor):
            if editing:
                await middleware.change_middleware(
                    session,
                    actor,
                    middleware_id=edge.parse_id(editing, "middleware"),
                    change=change,
                    chains=chains,
                )
            else:
                draft = OwnMiddlewareDraft(type=self.chosen.key, **change.model_dump())
                await middleware.add_middleware(
                    session, actor, model=self._which(), draft=draft, chains=chains
                )
        await self._show()
        return notices.done(f"{self.chosen.label} acts from the next question on.")

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def switch(self, middleware_id: str, is_active: bool) -> None:
        """Switch one off, or on again."""
        wanted = edge.parse_id(middleware_id, "middleware")
        async with edge.work(self) as (session, actor):
            await middleware.set_active(
                session,
                actor,
                middleware_id=wanted,
                is_active=is_active,
                chains=edge.services().chains,
            )
        await self._show()

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def ask_delete(self, middleware_id: str, name: str) -> None:
        """Ask before one is taken away."""
        self.doomed, self.doomed_name, self.step = middleware_id, name, DELETE

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def delete(self) -> Any:
        """Take away what was asked about."""
        wanted = edge.parse_id(self.doomed, "middleware")
        async with edge.work(self) as (session, actor):
            await middleware.delete_middleware(
                session, actor, middleware_id=wanted, chains=edge.services().chains
            )
        await self._show()
        return notices.done(f"{self.doomed_name} is taken away.")

    async def _show(self) -> None:
        async with edge.read(self) as (session, actor):
            views = await middleware.list_of_model(session, actor, model=self._which())
        self.rows = [_line(view) for view in views]
        self.step = LIST

    def _which(self) -> str | UUID:
        return edge.parse_id(self._model_id, "model") if self._model_id else self.model

    def _begin(
        self,
        view: MiddlewareTypeView,
        config: dict[str, Any],
        values: MiddlewareValues,
    ) -> None:
        self._clear_errors()
        self.chosen, self.values, self.step = _tile(view), values, FORM
        self.fields = fields_of(view.config_schema, config, prefix=FIELD)

    def _close(self) -> None:
        self._clear_errors()
        self.step, self.model, self.doomed = "", "", ""


def _find_type(key: str) -> MiddlewareTypeView | None:
    return next((view for view in list_types() if view.key == key), None)


def _need_type(key: str) -> MiddlewareTypeView:
    found = _find_type(key)
    if found is None:
        message = "This type is not installed here any more. Install its package, or take the middleware away."
        raise Invalid.field("form", message)
    return found


def _change(form: dict[str, Any], key: str) -> MiddlewareChange:
    schema = _need_type(key).config_schema
    try:
        return MiddlewareChange.model_validate(
            {
                "priority": form.get("priority") or None,
                "config": settings_of(schema, form, prefix=FIELD),
                "is_active": bool(form.get("is_active")),
                "is_critical": bool(form.get("is_critical")),
            }
        )
    except ValidationError as error:
        raise edge.invalid_of(error) from None


def _tile(view: MiddlewareTypeView) -> MiddlewareTile:
    return MiddlewareTile(
        key=view.key, label=view.label, about=view.about, priority=view.priority
    )


def _line(view: MiddlewareView) -> MiddlewareLine:
    return MiddlewareLine(
        id=str(view.id),
        label=view.type_label,
        priority=view.priority,
        facts=_facts(view.type, view.config),
        trouble=view.trouble,
        is_active=view.is_active,
        is_critical=view.is_critical,
    )


def _facts(key: str, config: dict[str, Any]) -> str:
    """Return what is set, in short and named as in the form; long texts and empty values say nothing."""
    found = _find_type(key)
    fields: dict[str, Any] = found.config_schema["properties"] if found else {}
    shown = [
        f"{fields.get(name, {}).get('title', name)}: {_word(value)}"
        for name, value in config.items()
        if value not in ("", [], False, None) and len(_word(value)) <= 40
    ]
    return " · ".join(shown)


def _word(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "on" if value is True else str(value)
