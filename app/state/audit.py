"""The audit as an administrator reads it."""

from datetime import UTC, datetime, timedelta

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app import routes
from app.backend.core.actor import Permission
from app.backend.identity import audit_log
from app.backend.identity.audit import Action
from app.backend.identity.audit_log import AuditFilter, AuditView
from app.state import edge
from app.state.lines import Line, iso
from app.state.paging import PAGE_SIZE, ROWS_MAX, PagingMixin, length_again


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
    """What the page is asked for, as its fields hold it."""

    model_config = ConfigDict(frozen=True)

    email: str = ""
    action: str = ""
    since: str = ""
    until: str = ""


class AuditState(PagingMixin, rx.State):
    """A page of the audit, newest first."""

    is_refused: rx.Field[bool] = rx.field(False)
    rows: rx.Field[list[AuditLine]] = rx.field(default_factory=list)
    wish: rx.Field[AuditWish] = rx.field(default_factory=AuditWish)
    wish_key: rx.Field[int] = rx.field(0)

    @rx.var
    def is_filtered(self) -> bool:
        """Whether something is left out."""
        return self.wish != AuditWish()

    @rx.var
    def export_path(self) -> str:
        """Where the rows that are wanted are downloaded."""
        wanted = _filter_of(self.wish).model_dump(mode="json", exclude_defaults=True)
        return routes.audit_export_path(wanted)

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show the audit to an administrator, and to others that it is not for them."""
        actor = await edge.require_actor(self)
        self.is_refused = not actor.may(Permission.VIEW_USER)
        if not self.is_refused:
            await self._show(length_again(self.rows))

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def want(self, name: str, value: str) -> None:
        """Show only what fits."""
        if name in AuditWish.model_fields:
            self.wish = self.wish.model_copy(update={name: value})
        await self._show(PAGE_SIZE)

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def clear(self) -> None:
        """Show everything again."""
        self.wish = AuditWish()
        self.wish_key += 1
        await self._show(PAGE_SIZE)

    @rx.event
    @edge.requires(Permission.VIEW_USER)
    async def load_more(self) -> None:
        """Show older actions."""
        await self._show(min(len(self.rows) + PAGE_SIZE, ROWS_MAX))

    async def _show(self, limit: int) -> None:
        async with edge.read(self) as (session, actor):
            page = await audit_log.list_audit(
                session, actor, wanted=_filter_of(self.wish), limit=limit
            )
        self.rows = [_line(view) for view in page.items]
        self._note_page(page.next_cursor, len(self.rows))


def _filter_of(wish: AuditWish) -> AuditFilter:
    actions = set(Action)
    return AuditFilter(
        email=wish.email[:254],
        action=Action(wish.action) if wish.action in actions else None,
        since=_day(wish.since),
        until=_day(wish.until, later=timedelta(days=1)),
    )


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
        f"{name}: {value}" for name, value in view.detail.items() if name != "email"
    )
    return AuditLine(
        id=str(view.id),
        at=iso(view.created_at),
        email=view.email,
        action=words_of(view.action),
        subject=f"{subject} ({more})" if subject and more else subject or more,
        is_refused=view.result != "done",
        address=view.address,
        correlation_id=str(view.correlation_id or ""),
    )


def words_of(action: str) -> str:
    """Return an action in words."""
    return action.replace("_", " ").capitalize()
