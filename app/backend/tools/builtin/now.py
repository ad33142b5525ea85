"""What time it is."""

from datetime import UTC
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from app.backend.core import clock
from app.backend.core.effects import Effect
from app.backend.core.errors import Invalid
from app.backend.core.texts import Text
from app.backend.tools.base import AnyTool, Params, Tool, ToolContext, ToolResult


class NowParams(Params):
    """Where."""

    zone: Text = Field(
        default="UTC", description="IANA time zone, such as Europe/Berlin."
    )


async def tell_time(params: NowParams, _context: ToolContext) -> ToolResult:
    """Return date and time.

    Raises:
        Invalid: there is no such zone.
    """
    try:
        zone = UTC if params.zone == "UTC" else ZoneInfo(params.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"There is no time zone {params.zone!r}. Use one such as UTC or Europe/Berlin."
        raise Invalid.field("zone", message) from None
    now = clock.now().astimezone(zone)
    return ToolResult(content=f"{now:%A, %Y-%m-%d %H:%M:%S} {params.zone}")


def get_functions() -> list[AnyTool]:
    """Return the tools of this module."""
    return [
        Tool(
            name="now",
            title="Date and time",
            description="Tells the date, the day of the week and the time.",
            about="Tells the agent what day and time it is.",
            effect=Effect.PURE,
            params=NowParams,
            run=tell_time,
        )
    ]
