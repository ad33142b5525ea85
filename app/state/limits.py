"""What the signed-in user may use, and how much of it they have used."""

import reflex as rx

from app.backend.system.limits import LimitUse, show_limits
from app.state import edge
from app.state.lines import Line

NEAR_PERCENT = 80


class LimitLine(Line):
    """A limit; `share` is how much of it is used, in percent."""

    words: str
    share: int
    is_near: bool
    is_full: bool


class LimitsState(rx.State):
    """The user's tier and limits; those that there are none of are not shown."""

    tier: rx.Field[str] = rx.field("")
    rows: rx.Field[list[LimitLine]] = rx.field(default_factory=list)

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show how much is used."""
        parts = edge.services()
        async with edge.read(self) as (session, actor):
            view = await show_limits(
                session, actor, settings=parts.settings, requests=parts.request_limits
            )
        self.tier = view.tier
        self.rows = [_line(one, one.most) for one in view.items if one.most]


def _line(use: LimitUse, most: int) -> LimitLine:
    share = min(100, round(100 * use.used / most))
    return LimitLine(
        id=use.name,
        words=f"{use.used:,g} of {most:,}",
        share=share,
        is_near=NEAR_PERCENT <= share < 100,
        is_full=use.used >= most,
    )
