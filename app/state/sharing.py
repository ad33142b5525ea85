"""With whom an agent, a collection or a provider is shared, in a dialog for its owner."""

from typing import Any
from uuid import UUID

import reflex as rx

from app.backend.agents import sharing as agent_sharing
from app.backend.agents.sharing import AGENTS, SHAREABLE
from app.backend.budgets import model_use
from app.backend.core.actor import Permission
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import groups, sharing
from app.backend.identity.sharing import Shareable
from app.backend.identity.sharing_schemas import ShareDraft, ShareView
from app.backend.knowledge.sharing import COLLECTIONS
from app.backend.providers.sharing import PROVIDERS
from app.state import edge, notices
from app.state.agent_run import AgentRunState
from app.state.forms import FormMixin
from app.state.lines import Line
from app.state.model_list import ModelListState

AGENT, COLLECTION, PROVIDER = AGENTS.kind, COLLECTIONS.kind, PROVIDERS.kind


class ShareLine(Line):
    """A person or, with a `group_id`, a group with whom it is shared."""

    name: str
    group_id: str
    level: str


class GroupChoice(Line):
    """A group to share with."""

    name: str


class SharingState(FormMixin, rx.State):
    """The open dialog: of an agent, a collection or a provider."""

    kind: rx.Field[str] = rx.field("")
    object_id: rx.Field[str] = rx.field("")
    name: rx.Field[str] = rx.field("")
    is_public: rx.Field[bool] = rx.field(False)
    rows: rx.Field[list[ShareLine]] = rx.field(default_factory=list)
    groups: rx.Field[list[GroupChoice]] = rx.field(default_factory=list)
    form_key: rx.Field[int] = rx.field(0)

    @rx.event
    @edge.requires(Permission.CHANGE_AGENT)
    async def open_agent(self, agent_id: str, name: str, is_public: bool) -> None:
        """Show with whom an agent is shared."""
        await self._open(AGENT, agent_id, name)
        self.is_public = is_public

    @rx.event
    @edge.requires(Permission.CHANGE_KNOWLEDGE)
    async def open_collection(self, collection_id: str, name: str) -> None:
        """Show with whom a collection is shared."""
        await self._open(COLLECTION, collection_id, name)

    @rx.event
    @edge.requires(Permission.CHANGE_PROVIDER)
    async def open_provider(self, provider_id: str, name: str, is_shared: bool) -> None:
        """Show who may use a provider."""
        await self._open(PROVIDER, provider_id, name)
        self.is_public = is_shared

    @rx.event
    @edge.public
    async def close(self) -> None:
        """Close the dialog."""
        self.reset()

    @rx.event
    @edge.requires(Permission.VIEW_GROUP)
    async def share(self, form: dict[str, Any]) -> Any:
        """Share with the person or the group that the form names."""
        self._clear_errors()
        # A field that is not there comes as None.
        group = str(form.get("group") or "")
        email = str(form.get("email") or "").strip()
        draft = ShareDraft.model_validate(
            {
                "email": email or None if group else email,
                "group_id": group or None,
                "level": form.get("level", ""),
            }
        )
        view = await self._share(draft)
        self.form_key += 1
        await self._show()
        return notices.done(f"{self.name} is shared with {view.name}.")

    @rx.event
    @edge.requires(Permission.VIEW_GROUP)
    async def set_level(self, share_id: str, level: str) -> None:
        """Let a person or a group do more, or less."""
        known = next((row for row in self.rows if row.id == share_id), None)
        if known is None:
            return
        audience = (
            {"group_id": known.group_id} if known.group_id else {"email": known.name}
        )
        await self._share(ShareDraft.model_validate({**audience, "level": level}))
        await self._show()

    @rx.event
    @edge.requires(Permission.VIEW_GROUP)
    async def unshare(self, share_id: str) -> None:
        """Share with a person or a group no more."""
        wanted = edge.parse_id(share_id, "share")
        what, object_id = self._target()
        async with edge.work(self) as (session, actor):
            await sharing.unshare(
                session, actor, what, object_id=object_id, share_id=wanted
            )
        await self._show()

    @rx.event
    @edge.requires(Permission.CHANGE_AGENT)
    async def publish(self, is_public: bool) -> Any:
        """Let everybody run the agent, or not any more."""
        wanted = edge.parse_id(self.object_id, AGENT)
        async with edge.work(self) as (session, actor):
            agent = await agent_sharing.publish_agent(
                session, actor, agent_id=wanted, is_public=is_public
            )
        self.is_public = agent.is_public
        return AgentRunState.refresh

    @rx.event
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def share_with_all(self, is_shared: bool) -> Any:
        """Let everybody use the provider, or not any more."""
        wanted = edge.parse_id(self.object_id, PROVIDER)
        async with edge.work(self) as (session, actor):
            view = await model_use.share_with_all(
                session, actor, provider_id=wanted, is_shared=is_shared
            )
        self.is_public = view.is_shared
        return ModelListState.load

    def _target(self) -> tuple[Shareable, UUID]:
        what = SHAREABLE.get(self.kind, AGENTS)
        return what, edge.parse_id(self.object_id, what.kind)

    async def _open(self, kind: str, object_id: str, name: str) -> None:
        rows = await self._read(SHAREABLE[kind], edge.parse_id(object_id, kind))
        async with edge.read(self) as (session, actor):
            page = await groups.list_groups(session, actor, limit=PAGE_SIZE_MAX)
        self.reset()
        self.kind, self.object_id, self.name, self.rows = kind, object_id, name, rows
        self.groups = [GroupChoice(id=str(one.id), name=one.name) for one in page.items]

    async def _share(self, draft: ShareDraft) -> ShareView:
        what, object_id = self._target()
        async with edge.work(self) as (session, actor):
            return await sharing.share(
                session, actor, what, object_id=object_id, draft=draft
            )

    async def _show(self) -> None:
        self.rows = await self._read(*self._target())

    async def _read(self, what: Shareable, object_id: UUID) -> list[ShareLine]:
        async with edge.read(self) as (session, actor):
            found = await sharing.list_shares(session, actor, what, object_id=object_id)
        return [
            ShareLine(
                id=str(view.id),
                name=view.name,
                group_id=str(view.group_id or ""),
                level=view.level,
            )
            for view in found
        ]
