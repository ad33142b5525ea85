"""A page that broke in the browser: what happened goes to the log, under the id that the person sees."""

import reflex as rx
import structlog

from app.state import edge

logger = structlog.get_logger(__name__)

_ID_LENGTH = 12
_TEXT_LENGTH = 4_000


class PageErrorState(rx.State):
    """Has nothing to show: the page draws the id by itself."""

    @rx.event
    @edge.public
    async def report(self, text: str, component_stack: str, error_id: str) -> None:
        """Log what broke a page."""
        logger.error(
            "page_broke",
            error_id=error_id[:_ID_LENGTH],
            path=self.router.url.path,
            error=text[:_TEXT_LENGTH],
            components=component_stack[:_TEXT_LENGTH],
        )
