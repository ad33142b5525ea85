"""Logging of our processes: structlog over the standard library, one line an event."""

import logging
import sys

import structlog
from typing_extensions import override

from app.backend.core import masking
from app.backend.core.settings import Settings

# Libraries that would write a line for each thing they do.
_NOISY = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "alembic.runtime.migration",
    "chromadb",
    "bm25s",
    "rq.worker",
    "socketio",
    "engineio",
)
# SQLAlchemy drops this task when a read of SQLite is cancelled twice, and ends the connection in another way.
_DROPPED = "AsyncAdapt_aiosqlite_connection._terminate_graceful_close"


class _Masking(structlog.stdlib.ProcessorFormatter):
    """Writes a line without the secrets that the process knows, be they in an exception's text."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return masking.known().mask(super().format(record))


def configure(settings: Settings, process: str) -> None:
    """Send this process's log to standard error, as text or as JSON lines."""
    masking.known().learn(masking.secrets_of(settings))
    structlog.contextvars.bind_contextvars(process=process)
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Masking(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    handler.addFilter(lambda record: _DROPPED not in record.getMessage())
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
