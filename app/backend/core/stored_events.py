"""The form in which events are stored and sent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, field_serializer

from app.backend.core.run_events import EVENT, Event


class RunEvent(BaseModel):
    """An event as it is stored and sent; `seq` starts at 1 and has no holes within a run."""

    model_config = ConfigDict(frozen=True)

    run_id: UUID
    seq: int
    ts: datetime
    type: str
    payload: dict[str, Any]

    @classmethod
    def of(cls, run_id: UUID, seq: int, ts: datetime, event: Event) -> "RunEvent":
        """Return the stored form of `event`."""
        return cls(
            run_id=run_id,
            seq=seq,
            ts=ts,
            type=event.type,
            payload=event.model_dump(mode="json", exclude={"type"}),
        )

    @field_serializer("payload", when_used="json")
    def _write_payload(self, payload: dict[str, Any]) -> dict[str, Any]:
        # PostgreSQL keeps keys in an order of its own; whether an event came live or from the rows must not show.
        return _in_order(payload)

    def event(self) -> Event:
        """Return the typed event."""
        return EVENT.validate_python({"type": self.type, **self.payload})


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    return value
