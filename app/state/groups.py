"""Groups of people, as an administrator manages them."""

from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.identity import groups
from app.backend.identity.sharing_schemas import GroupDraft, MemberDraft
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.lines import Line


class GroupLine(Line):
    """A group in the list."""

    name: str
    members: int


class MemberLine(Line):
    """A person in the open group."""

    email: str
    name: str


class GroupsState(FormMixin, rx.State):
    """All groups, the form of a new one, and the people of the one that is open."""

    is_shown: rx.Field[bool] = rx.field(False)
    rows: rx.Field[list[GroupLine]] = rx.field(default_factory=list)
    is_adding: rx.Field[bool] = rx.field(False)
    opened_id: rx.Field[str] = rx.field("")
    opened_name: rx.Field[str] = rx.field("")
    members: rx.Field[list[MemberLine]] = rx.field(default_factory=list)
    form_key: rx.Field[int] = rx.field(0)
    doomed_id: rx.Field[str] = rx.field("")
    doomed_name: rx.Field[str] = rx.field("")

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show the groups to an administrator, when the address asks for them."""
        self.is_shown = edge.query_value(self, "show") == "groups"
        actor = await edge.require_actor(self)
        if self.is_shown and actor.may(Permission.CHANGE_GROUP):
            await self._show()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Ask nothing any more."""
        self._close()

    @rx.event
    @edge.requires(Permission.ADD_GROUP)
    async def open_form(self) -> None:
        """Ask for the name of a new group."""
        self._close()
        self.is_adding = True

    @rx.event
    @edge.requires(Permission.CHANGE_GROUP)
    async def close(self) -> None:
        """Close what is open."""
        self._close()

    @rx.event
    @edge.requires(Permission.ADD_GROUP)
    async def create(self, form: dict[str, Any]) -> None:
        """Make a group and open it, so that people can be put into it."""
        self._clear_errors()
        draft = GroupDraft.model_validate(form)
        async with edge.work(self) as (session, actor):
            made = await groups.create_group(session, actor, draft=draft)
        self._close()
        self.opened_id, self.opened_name = str(made.id), made.name
        await self._show()

    @rx.event
    @edge.requires(Permission.CHANGE_GROUP)
    async def open(self, group_id: str, name: str) -> None:
        """Show who is in a group."""
        self._close()
        self.opened_id, self.opened_name = group_id, name
        await self._show_members()

    @rx.event
    @edge.requires(Permission.CHANGE_GROUP)
    async def rename(self, form: dict[str, Any]) -> Any:
        """Give the open group another name."""
        self._clear_errors()
        draft = GroupDraft.model_validate(form)
        wanted = edge.parse_id(self.opened_id, "group")
        async with edge.work(self) as (session, actor):
            view = await groups.rename_group(
                session, actor, group_id=wanted, draft=draft
            )
        self.opened_name = view.name
        await self._show()
        return notices.done(f"The group is now called {view.name}.")

    @rx.event
    @edge.requires(Permission.CHANGE_GROUP)
    async def add_member(self, form: dict[str, Any]) -> None:
        """Put a person into the open group."""
        self._clear_errors()
        draft = MemberDraft.model_validate(form)
        wanted = edge.parse_id(self.opened_id, "group")
        async with edge.work(self) as (session, actor):
            await groups.add_member(session, actor, group_id=wanted, draft=draft)
        self.form_key += 1
        await self._show_members()
        await self._show()

    @rx.event
    @edge.requires(Permission.CHANGE_GROUP)
    async def remove_member(self, user_id: str) -> None:
        """Take a person out of the open group."""
        wanted = edge.parse_id(self.opened_id, "group")
        member = edge.parse_id(user_id, "user")
        async with edge.work(self) as (session, actor):
            await groups.remove_member(session, actor, group_id=wanted, user_id=member)
        await self._show_members()
        await self._show()

    @rx.event
    @edge.requires(Permission.DELETE_GROUP)
    async def ask_delete(self, group_id: str, name: str) -> None:
        """Ask before deleting."""
        self._close()
        self.doomed_id, self.doomed_name = group_id, name

    @rx.event
    @edge.requires(Permission.DELETE_GROUP)
    async def delete(self) -> Any:
        """Delete the group that was asked about."""
        doomed, name = edge.parse_id(self.doomed_id, "group"), self.doomed_name
        self._close()
        async with edge.work(self) as (session, actor):
            await groups.delete_group(session, actor, group_id=doomed)
        await self._show()
        return notices.done(f"The group {name} is deleted.")

    def _close(self) -> None:
        self._clear_errors()
        self.is_adding, self.members = False, []
        self.opened_id = self.opened_name = self.doomed_id = self.doomed_name = ""

    async def _show(self) -> None:
        async with edge.read(self) as (session, actor):
            page = await groups.list_groups(session, actor, limit=PAGE_SIZE_MAX)
        self.rows = [
            GroupLine(id=str(one.id), name=one.name, members=one.members)
            for one in page.items
        ]

    async def _show_members(self) -> None:
        wanted = edge.parse_id(self.opened_id, "group")
        async with edge.read(self) as (session, actor):
            found = await groups.list_members(session, actor, group_id=wanted)
        self.members = [
            MemberLine(id=str(one.id), email=one.email, name=one.display_name)
            for one in found
        ]
