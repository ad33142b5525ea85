"""Model files of this machine, as an administrator adds, measures and takes them out."""

from contextlib import aclosing
from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.core.errors import Conflict, Invalid
from app.backend.models import shelving
from app.backend.models.local import LocalView
from app.backend.models.preparing import FileDraft
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.model_list import ModelListState

_MEASURING = "Measuring {name}. Its speed counts when nothing else is busy."


class LocalFilesState(FormMixin, rx.State):
    """The form, and how far a file is that is being added; that goes on when the page is left."""

    is_open: rx.Field[bool] = rx.field(False)
    status: rx.Field[str] = rx.field("")
    percent: rx.Field[int] = rx.field(0)
    can_stop: rx.Field[bool] = rx.field(False)
    doomed: rx.Field[str] = rx.field("")
    is_fetched: rx.Field[bool] = rx.field(False)

    @rx.event
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def open_form(self) -> None:
        """Ask where the file is."""
        self._close()
        self.is_open = True

    @rx.event
    @edge.public
    async def close(self) -> None:
        """Close what is open; what is being added goes on."""
        self._close()

    @rx.event(background=True)
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def add(self, form: dict[str, Any]) -> Any:
        """Add a file by its path or URL, load it once, and tell how far that is."""
        draft = FileDraft.model_validate(form)
        async with self:
            self._clear_errors()
            self._need_idle()
            self.status, self.percent, self.can_stop = "…", 0, True
        try:
            view = await self._bring(draft)
        except Invalid as error:
            return await self._say_wrong(error)
        finally:
            async with self:
                self.status, self.can_stop = "", False
        if view is None:
            return notices.done("Stopped. Nothing of the file is kept.")
        async with self:
            self._close()
        return [ModelListState.load, _told(view)]

    @rx.event
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def stop(self) -> None:
        """Add the file after all not."""
        self.can_stop = False

    @rx.event(background=True)
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def measure(self, name: str) -> Any:
        """Load a model and keep how fast it is here."""
        actor = await edge.require_actor(self)
        async with self:
            self._need_idle()
            self.status, self.percent = _MEASURING.format(name=name), 0
        try:
            view = await shelving.measure_file(
                actor, name=name, settings=edge.services().settings
            )
        finally:
            async with self:
                self.status = ""
        return [ModelListState.load, _told(view)]

    @rx.event
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def ask_delete(self, name: str, source: str) -> None:
        """Ask before deleting."""
        self._close()
        self.doomed, self.is_fetched = name, bool(source)

    @rx.event
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def delete(self) -> Any:
        """Take out what was asked about."""
        doomed, settings = self.doomed, edge.services().settings
        self._close()
        async with edge.work(self) as (session, actor):
            shelving.delete_file(session, actor, name=doomed, settings=settings)
        return [ModelListState.load, notices.done(f"{doomed} is taken out.")]

    async def _bring(self, draft: FileDraft) -> LocalView | None:
        """Return what was added; None when somebody has stopped it."""
        actor = await edge.require_actor(self)
        parts = edge.services()
        steps = shelving.add_file(
            actor, draft=draft, settings=parts.settings, db=parts.db
        )
        async with aclosing(steps):
            async for step in steps:
                if isinstance(step, LocalView):
                    return step
                async with self:
                    if not self.can_stop:
                        return None
                    self.status, self.percent = step.status, step.percent
                    self.can_stop = step.status != shelving.MEASURING
        return None

    async def _say_wrong(self, error: Invalid) -> Any:
        async with self:
            if self.is_open:
                return self._show_errors(error.details)
        return notices.failed(error.message)

    def _need_idle(self) -> None:
        if self.status:
            message = "Another file is being added or measured. Wait for its end."
            raise Conflict(message)

    def _close(self) -> None:
        self._clear_errors()
        self.is_open, self.doomed, self.is_fetched = False, "", False


def _told(view: LocalView) -> Any:
    if view.reason:
        return notices.failed(f"{view.name} cannot be loaded here; its line says why.")
    speed = (
        f", with {view.tokens_per_second:g} tokens a second"
        if view.tokens_per_second
        else ""
    )
    return notices.done(f"{view.name} can be used{speed}.")
