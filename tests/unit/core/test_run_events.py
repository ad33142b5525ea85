"""What is stored of an event and how it is sent."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from app.backend.core.counts import TOKENS_MAX
from app.backend.core.run_events import EVENT
from app.backend.core.stored_events import RunEvent


def _event(payload: dict[str, Any]) -> RunEvent:
    ts = datetime(2026, 1, 1, tzinfo=UTC)
    return RunEvent(run_id=UUID(int=1), seq=1, ts=ts, type="log", payload=payload)


def test_event_is_sent_alike_however_the_database_orders_its_keys() -> None:
    live = _event({"message": "m", "args": {"b": [{"y": 1, "x": 2}], "a": 1}})
    stored = _event({"args": {"a": 1, "b": [{"x": 2, "y": 1}]}, "message": "m"})

    assert live.model_dump_json() == stored.model_dump_json()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tokens_in", -1),
        ("tokens_out", TOKENS_MAX + 1),
        ("tokens_cached", -1),
        ("cost_micros", -1),
        ("milliseconds", float("inf")),
    ],
)
def test_usage_that_no_call_can_take_is_refused(name: str, value: float) -> None:
    used: dict[str, Any] = {
        "type": "usage_recorded",
        "model": "scripted/hello",
        "tokens_in": 1,
        "tokens_out": TOKENS_MAX,
        "first_token_milliseconds": 0,
        "milliseconds": 1.5,
    }
    EVENT.validate_python(used)

    with pytest.raises(ValidationError, match=name):
        EVENT.validate_python({**used, name: value})
