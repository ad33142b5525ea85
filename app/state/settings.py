"""The signed-in user's own account: profile, password, appearance, keys, logins."""

from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.identity import refusals, sessions
from app.backend.identity import service as identity
from app.backend.identity.request_limits import Window
from app.backend.identity.schemas import PasswordDraft, ProfileDraft
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.lines import iso
from app.state.session import SessionState

TIMES = ("relative", "absolute", "utc")
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


class LoginLine(BaseModel):
    """A login on one device."""

    model_config = ConfigDict(frozen=True)

    id: str
    device: str
    address: str
    created_at: str
    last_seen_at: str
    is_current: bool


class SettingsState(FormMixin, rx.State):
    """Profile, password, and logins."""

    logins: rx.Field[list[LoginLine]] = rx.field(default_factory=list)
    password_key: rx.Field[int] = rx.field(0)

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show the user's logins."""
        await self._show_logins()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Forget what was wrong with a form."""
        self._clear_errors()

    @rx.event
    @edge.requires()
    async def save_profile(self, form: dict[str, Any]) -> Any:
        """Change how the user is called."""
        self._clear_errors()
        async with edge.work(self) as (session, actor):
            profile = await identity.get_profile(session, actor)
            draft = ProfileDraft.model_validate(
                {
                    "avatar_url": profile.avatar_url,
                    "display_name": form.get("display_name", ""),
                }
            )
            await identity.update_profile(session, actor, draft=draft)
        return [SessionState.load, notices.done("Your profile is saved.")]

    @rx.event
    @edge.requires()
    async def change_password(self, form: dict[str, Any]) -> Any:
        """Change the password; all other logins end."""
        self._clear_errors()
        draft = PasswordDraft.model_validate(form)
        parts, actor = edge.services(), await edge.require_actor(self)
        async with refusals.counted(parts.db, parts.redis, actor.email):
            await parts.request_limits.count(actor, Window.PAGES)
            await identity.change_password(parts.db, actor, draft=draft)
        self.password_key += 1
        await self._show_logins()
        return notices.done(
            "Your password is changed, and your other logins have ended."
        )

    @rx.event
    @edge.requires()
    async def set_times(self, times: str) -> Any:
        """Change how times are written."""
        if times not in TIMES:
            return None
        async with edge.work(self) as (session, actor):
            await identity.update_preferences(
                session, actor, preferences={"times": times}
            )
        return SessionState.load

    @rx.event
    @edge.requires()
    async def end_login(self, login_id: str) -> Any:
        """End a login on another device."""
        wanted = edge.parse_id(login_id, "login")
        async with edge.work(self) as (session, actor):
            await sessions.revoke_session(session, actor, session_id=wanted)
        await self._show_logins()
        return notices.done("That login has ended.")

    @rx.event
    @edge.requires()
    async def end_others(self) -> Any:
        """End all logins but this one."""
        async with edge.work(self) as (session, actor):
            ended = await sessions.revoke_others(session, actor)
        await self._show_logins()
        words = "One other login has" if ended == 1 else f"{ended} other logins have"
        return notices.done(f"{words} ended.")

    async def _show_logins(self) -> None:
        async with edge.read(self) as (session, actor):
            found = await sessions.list_sessions(session, actor)
        self.logins = [
            LoginLine(
                id=str(login.id),
                device=device_of(login.user_agent),
                address=login.address,
                created_at=iso(login.created_at),
                last_seen_at=iso(login.last_seen_at),
                is_current=login.is_current,
            )
            for login in found
        ]


def device_of(user_agent: str) -> str:
    """Return a browser's name for itself in words."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return (
        " on ".join(part for part in (browser, system) if part)
        or user_agent[:40]
        or "Unknown device"
    )
