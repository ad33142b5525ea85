"""The people of the installation, as an administrator manages them."""

from typing import Any, ClassVar

import reflex as rx

from app import routes
from app.backend.core.actor import Permission, Role
from app.backend.identity import people, reading, sign_up
from app.backend.identity.outside.issuers import name_of
from app.backend.identity.schemas import InviteDraft, NewLink, PersonView
from app.backend.system.people import suspend
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.lines import Line, iso
from app.state.paging import PAGE_SIZE, TurnedMixin, cleaned_cursor
from app.state.shown_once import ShownOnceMixin

_QUESTIONS = {
    "read": (
        "Read what {email} has?",
        "For an hour you see their agents, conversations and documents as they do, and can change nothing. The audit says that you did.",
        "Read",
    ),
    "suspend": (
        "Suspend {email}?",
        "They are signed out everywhere within seconds, their API keys stop working for good, and their runs are stopped. What they made is kept.",
        "Suspend",
    ),
    "factor": (
        "Remove the second factor of {email}?",
        "Do so when they have lost it: their password alone signs them in then. Make sure that it is they who ask.",
        "Remove it",
    ),
    "link": (
        "Make a new link for {email}?",
        "With it they choose a new password. A link that you made before stops working; their present password works until then.",
        "Make the link",
    ),
}

_TEXT_MAX = 200


class PersonLine(Line):
    """A user in the list."""

    email: str
    name: str
    role: str
    status: str
    ways: str
    seen_at: str
    is_self: bool
    has_second_factor: bool


class PeopleState(ShownOnceMixin, TurnedMixin, FormMixin, rx.State):
    """A page of users, the invitation, and what is asked before something is done."""

    shown_once: ClassVar = ("link",)
    rows: rx.Field[list[PersonLine]] = rx.field(default_factory=list)
    text: rx.Field[str] = rx.field("")
    is_inviting: rx.Field[bool] = rx.field(False)
    link: rx.Field[str] = rx.field("")
    link_email: rx.Field[str] = rx.field("")
    is_link_sent: rx.Field[bool] = rx.field(False)
    can_read: rx.Field[bool] = rx.field(False)
    asked: rx.Field[str] = rx.field("")
    target: rx.Field[str] = rx.field("")
    target_email: rx.Field[str] = rx.field("")

    @rx.var
    def question(self) -> list[str]:
        """Title, text and verb of what is asked."""
        words = _QUESTIONS.get(self.asked, ("", "", ""))
        return [text.format(email=self.target_email) for text in words]

    @rx.var
    def place(self) -> dict[str, str]:
        """What stands in the address."""
        return {"q": self.text, "before": self.before}

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show what the address asks for to an administrator; others are told by the page that it is not for them."""
        actor = await edge.require_actor(self)
        if actor.may(Permission.VIEW_USER):
            self.can_read = edge.services().settings.admins_read
            self.text = edge.query_value(self, "q")[:_TEXT_MAX]
            await self._show(cleaned_cursor(edge.query_value(self, "before")))

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Put the link away for good, and ask nothing any more."""
        self._close()

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def search(self, text: str) -> None:
        """Show the users whose name or address has `text`."""
        self.text = text[:_TEXT_MAX]
        await self._show("")

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def turn(self, to: str) -> None:
        """Show the page of older accounts, or the newest again."""
        await self._show(self._cursor if to == "older" else "")

    @rx.event
    @edge.requires(Permission.ADD_USER)
    async def open_invite(self) -> None:
        """Show the form of an invitation."""
        self._close()
        self.is_inviting = True

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def close(self) -> None:
        """Close what is open; a link is not shown again."""
        self._close()

    @rx.event
    @edge.requires(Permission.ADD_USER)
    async def invite(self, form: dict[str, Any]) -> None:
        """Make an account, and show its link this once."""
        self._clear_errors()
        draft = InviteDraft.model_validate(
            {"email": form.get("email", ""), "role": form.get("role", Role.USER)}
        )
        parts = edge.services()
        sign_up.check_invitations(parts.settings)
        async with edge.work(self) as (session, actor):
            made = await people.invite(session, actor, draft=draft)
            is_sent = await sign_up.send_invitation(
                session,
                made,
                settings=parts.settings,
                keyring=parts.keyring,
                outbox=parts.outbox,
            )
        self._show_link(made)
        self.is_link_sent = is_sent
        await self._show(self.before)

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def set_role(self, user_id: str, role: str) -> Any:
        """Give a user a role."""
        wanted = edge.parse_id(user_id, "user")
        if role not in list(Role):
            return None
        async with edge.work(self) as (session, actor):
            view = await people.set_role(
                session, actor, user_id=wanted, role=Role(role)
            )
        await self._show(self.before)
        return notices.done(f"{view.email} is now {_ROLES[view.role]}.")

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def ask(self, what: str, user_id: str, email: str) -> None:
        """Ask before something is done."""
        self._close()
        self.asked, self.target, self.target_email = what, user_id, email

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def confirm(self) -> Any:
        """Do what was asked about."""
        wanted, asked = edge.parse_id(self.target, "user"), self.asked
        self._close()
        if asked == "read":
            settings = edge.services().settings
            async with edge.work(self) as (session, actor):
                await reading.begin(session, actor, user_id=wanted, settings=settings)
            return rx.redirect(routes.DASHBOARD)
        if asked == "suspend":
            async with edge.work(self) as (session, actor):
                view = await suspend(
                    session, actor, user_id=wanted, parts=edge.services()
                )
            await self._show(self.before)
            return notices.done(f"{view.email} is suspended.")
        if asked == "factor":
            async with edge.work(self) as (session, actor):
                view = await people.remove_second_factor(session, actor, user_id=wanted)
            await self._show(self.before)
            return notices.done(f"{view.email} signs in with the password alone.")
        async with edge.work(self) as (session, actor):
            made = await people.make_password_link(session, actor, user_id=wanted)
        return self._show_link(made)

    @rx.event
    @edge.requires(Permission.CHANGE_USER)
    async def reactivate(self, user_id: str) -> Any:
        """Let a suspended user back in."""
        wanted = edge.parse_id(user_id, "user")
        async with edge.work(self) as (session, actor):
            view = await people.set_active(
                session, actor, user_id=wanted, is_active=True
            )
        await self._show(self.before)
        return notices.done(f"{view.email} can sign in again.")

    def _show_link(self, made: NewLink) -> None:
        self._close()
        origin = self.router.url.origin
        self.link = f"{origin}{routes.choose_password_path(made.token)}"
        self.link_email = made.user.email

    def _close(self) -> None:
        self._clear_errors()
        self.is_inviting, self.is_link_sent = False, False
        self.link, self.link_email = "", ""
        self.asked, self.target, self.target_email = "", "", ""

    async def _show(self, before: str) -> None:
        async with edge.read(self) as (session, actor):
            page = await people.list_people(
                session, actor, text=self.text, cursor=before or None, limit=PAGE_SIZE
            )
        self.before = before
        self.rows = [
            _line(person, is_self=person.id == actor.user_id) for person in page.items
        ]
        self._note_page(page.next_cursor)


_ROLES = {
    Role.ADMIN: "an administrator",
    Role.USER: "a user",
    Role.VIEWER: "a viewer",
}


def _line(person: PersonView, *, is_self: bool) -> PersonLine:
    settings = edge.services().settings
    ways = [
        *(["Password"] if person.has_password else []),
        *(name_of(settings, provider) for provider in person.linked),
    ]
    status = "active" if ways else "invited"
    return PersonLine(
        id=str(person.id),
        email=person.email,
        name=person.display_name,
        role=person.role,
        status=status if person.is_active else "suspended",
        ways=", ".join(ways),
        seen_at=iso(person.last_seen_at),
        is_self=is_self,
        has_second_factor=person.has_second_factor,
    )
