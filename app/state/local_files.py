"""Model files of this machine, as an administrator adds, measures and takes them out."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
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

# Tabs that this process works for: their status outlives it, since it is kept elsewhere.
_at_work: set[str] = set()


class LocalFilesState(FormMixin, rx.State):
    """The form, and how far a file is that is being added; that goes on when the page is left."""

    is_open: rx.Field[bool] = rx.field(False)
    status: rx.Field[str] = rx.field("")
    percent: rx.Field[int] = rx.field(0)
    can_stop: rx.Field[bool] = rx.field(False)
    doomed: rx.Field[str] = rx.field("")
    is_fetched: rx.Field[bool] = rx.field(False)

    @rx.event
    @edge.public
    async def load(self) -> None:
        """Forget what was under way in a process that has ended."""
        if not self._is_at_work():
            self.status, self.percent, self.can_stop = "", 0, False

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
        try:
            async with self._working("…", can_stop=True):
                view = await self._bring(draft)
        except Invalid as error:
            return await self._say_wrong(error)
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
        async with self._working(_MEASURING.format(name=name)):
            view = await shelving.measure_file(
                actor, name=name, settings=edge.services().settings
            )
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

    @asynccontextmanager
    async def _working(
        self, status: str, *, can_stop: bool = False
    ) -> AsyncGenerator[None, None]:
        """Say what is under way as long as it is; one thing at a time."""
        tab = self.router.session.client_token
        async with self:
            if self._is_at_work():
                message = "Another file is being added or measured. Wait for its end."
                raise Conflict(message)
            self._clear_errors()
            self.status, self.percent, self.can_stop = status, 0, can_stop
            _at_work.add(tab)
        try:
            yield
        finally:
            _at_work.discard(tab)
            async with self:
                self.status, self.can_stop = "", False

    def _is_at_work(self) -> bool:
        return self.router.session.client_token in _at_work

    def _close(self) -> None:
        self._clear_errors()
        self.is_open, self.doomed, self.is_fetched = False, "", False


def _told(view: LocalView) -> Any:
    if view.reason:
        return notices.failed(f"{view.name} cannot be loaded here; its line says why.")
    if not view.tokens_per_second:
        text = "can be used. Measure its speed when nothing else is busy."
        return notices.done(f"{view.name} {text}")
    speed = f"{view.tokens_per_second:g} tokens a second"
    return notices.done(f"{view.name} can be used, with {speed}.")
