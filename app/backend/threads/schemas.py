"""What conversations show."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.backend.core.paging import Listed


class MessageRole(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class ThreadView(Listed):
    """A conversation."""

    agent_id: UUID | None
    title: str
    channel: str
    created_at: datetime
    updated_at: datetime


class MessageView(Listed):
    """One message of a conversation; `sequence` counts from 1."""

    thread_id: UUID
    run_id: UUID | None
    sequence: int
    role: MessageRole
    content: str
    created_at: datetime
