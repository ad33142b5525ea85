"""Tells the log of a run what a search found, and what it could not do."""

from app.backend.core.run_context import RunContext
from app.backend.core.run_events import Level, Log, Retrieved
from app.backend.knowledge.schemas import SearchResult


def tell_found(run: RunContext, found: SearchResult) -> None:
    """Log the passages, and that collections were ranked by their words alone."""
    for note in found.notes:
        run.emit(Log(level=Level.WARNING, message=note))
    run.emit(
        Retrieved(
            query=found.query,
            passages=found.passages,
            milliseconds=found.milliseconds,
        )
    )
