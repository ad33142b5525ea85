"""The /feed namespace on a real server, spoken to as the log widget does."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
import socketio  # pyright: ignore[reportMissingTypeStubs] - it ships none
import uvicorn
from socketio.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    ConnectionError as CannotConnect,
)

from app.backend.api.feed import NAMESPACE, FeedNamespace
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import (
    Log,
    RunCompleted,
    RunEvent,
    RunOutput,
    RunStatus,
)
from app.backend.identity import service as identity
from app.backend.identity.sessions import cookie_name
from app.backend.runs.event_log import EventLog
from app.backend.runs.live import publish
from app.backend.runs.status import end_run
from app.backend.runs.tables import RunRow
from tests.factories.rows import MakeRun
