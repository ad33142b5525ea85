"""The audit as an administrator reads it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app import routes
from app.backend.core.actor import Permission
from app.backend.identity import audit_chain, audit_log
from app.backend.identity.audit import DONE, REFUSED, Action
from app.backend.identity.audit_chain import AuditCheck
from app.backend.identity.audit_log import AuditFilter, AuditView
from app.state import edge
from app.state.lines import Line, iso
from app.state.paging import PAGE_SIZE, TurnedMixin, cleaned_cursor

_RESULTS = (DONE, REFUSED)
_DAYS = ("since", "until")
_TEXT_MAX = 100


class AuditLine(Line):
    """One action."""

    at: str
    email: str
    action: str
    subject: str
    is_refused: bool
    address: str
    correlation_id: str


class AuditWish(BaseModel):
    """What the page is asked for, as it stands in the address and its fields."""

    model_config = ConfigDict(frozen=True)

    email: str = ""
    action: str = ""
    object: str = ""
    result: str = ""
    since: str = ""
    until: str = ""


class AuditState(TurnedMixin, rx.State):
    """A page of the audit, newest first, and whether all of it is as it was written."""

    rows: rx.Field[list[AuditLine]] = rx.field(default_factory=list)
    wish: rx.Field[AuditWish] = rx.field(default_factory=AuditWish)
    wish_key: rx.Field[int] = rx.field(0)
    verdict: rx.Field[str] = rx.field("")
    is_whole: rx.Field[bool] = rx.field(True)

    @rx.var
    def is_filtered(self) -> bool:
        """Whether something is left out."""
        return self.wish != AuditWish()

    @rx.var
    def place(self) -> dict[str, str]:
        """What stands in the address."""
        return {**self.wish.model_dump(), "before": self.before}

    @rx.var
    def export_path(self) -> str:
        """Where the rows that are wanted are downloaded."""
        wanted = _filter_of(self.wish).model_dump(mode="json", exclude_defaults=True)
        return routes.audit_export_path(wanted)

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show what the address asks for to an administrator; others are told by the page that it is not for them."""
        actor = await edge.require_actor(self)
        if not actor.may(Permission.VIEW_USER):
            return
        asked = {name: edge.query_value(self, name) for name in AuditWish.model_fields}
        wish = _cleaned(asked)
        if wish != self.wish:
            self.wish, self.wish_key = wish, self.wish_key + 1
        await self._show(cleaned_cursor(edge.query_value(self, "before")))

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def want(self, name: str, value: str) -> None:
        """Show only what fits, from the newest on."""
        if name in AuditWish.model_fields:
            self.wish = self.wish.model_copy(update={name: value[:_TEXT_MAX]})
        await self._show("")

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def clear(self) -> None:
        """Show everything again."""
        self.wish = AuditWish()
        self.wish_key += 1
        await self._show("")

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def turn(self, to: str) -> None:
        """Show the page of older actions, or the newest again."""
        await self._show(self._cursor if to == "older" else "")

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def verify(self) -> None:
        """Look whether every row is as it was written."""
        actor, parts = await edge.require_actor(self), edge.services()
        check = await audit_chain.verify(parts.db, actor, parts.keyring)
        self.is_whole, self.verdict = check.is_whole, _verdict(check)

    async def _show(self, before: str) -> None:
        async with edge.read(self) as (session, actor):
            page = await audit_log.list_audit(
                session,
                actor,
                wanted=_filter_of(self.wish),
                cursor=before or None,
                limit=PAGE_SIZE,
            )
        self.before, self.rows = before, [_line(view) for view in page.items]
        self._note_page(page.next_cursor)


def _cleaned(asked: Mapping[str, str]) -> AuditWish:
    kept = {name: value[:_TEXT_MAX] for name, value in asked.items()}
    if kept["action"] not in set(Action):
        kept["action"] = ""
    if kept["result"] not in _RESULTS:
        kept["result"] = ""
    kept |= {name: kept[name] if _day(kept[name]) else "" for name in _DAYS}
    return AuditWish(**kept)


def _filter_of(wish: AuditWish) -> AuditFilter:
    return AuditFilter.model_validate(
        {
            "email": wish.email,
            "action": wish.action if wish.action in set(Action) else None,
            "object": wish.object,
            "result": wish.result if wish.result in _RESULTS else None,
            "since": _day(wish.since),
            "until": _day(wish.until, later=timedelta(days=1)),
        }
    )


def _verdict(check: AuditCheck) -> str:
    if check.is_whole:
        waiting = f" {check.waiting} wait for their place." if check.waiting else ""
        return f"All {check.rows} rows, up to number {check.last_number}, are as they were written.{waiting}"
    row = f"Row {check.wrong_number} ({check.wrong_id}): " if check.wrong_id else ""
    return f"The audit was changed. {row}{check.reason}"


def _day(text: str, *, later: timedelta = timedelta(0)) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) + later
    except (ValueError, OverflowError):
        # A date that is still being typed leaves nothing out.
        return None


def _line(view: AuditView) -> AuditLine:
    named = view.detail.get("email", "")
    kind = view.object_kind
    subject = named or " ".join(filter(None, (kind, str(view.object_id or "")[-12:])))
    more = ", ".join(
        f"{name}: {value}"
        for name, value in view.detail.items()
        if name != "email" and value != ""
    )
    return AuditLine(
        id=str(view.id),
        at=iso(view.created_at),
        email=view.email,
        action=words_of(view.action),
        subject=f"{subject} ({more})" if subject and more else subject or more,
        is_refused=view.result != DONE,
        address=view.address,
        correlation_id=str(view.correlation_id or ""),
    )


def words_of(action: str) -> str:
    """Return an action in words."""
    return action.replace("_", " ").capitalize()
