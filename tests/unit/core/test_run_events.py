"""What is stored of an event and how it is sent."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.backend.core.run_events import RunEvent


def _event(payload: dict[str, Any]) -> RunEvent:
    ts = datetime(2026, 1, 1, tzinfo=UTC)
    return RunEvent(run_id=UUID(int=1), seq=1, ts=ts, type="log", payload=payload)


def test_event_is_sent_alike_however_the_database_orders_its_keys() -> None:
    live = _event({"message": "m", "args": {"b": [{"y": 1, "x": 2}], "a": 1}})
    stored = _event({"args": {"a": 1, "b": [{"x": 2, "y": 1}]}, "message": "m"})

    assert live.model_dump_json() == stored.model_dump_json()
