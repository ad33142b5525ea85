"""What the server packs for the feed, the browser unpacks; and it is short."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from app.backend.api.feed_wire import Packer
from app.backend.core.run_events import (
    Event,
    Level,
    Log,
    MessageCompleted,
    MessageDelta,
    RunEvent,
    Step,
    ToolCalled,
)

RUN, MESSAGE, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
BEGAN = datetime(2026, 11, 21, 8, tzinfo=UTC)


def stored(first: int, events: Sequence[Event]) -> list[RunEvent]:
    """The events as their log keeps them, 17 ms apart."""
    return [
        RunEvent.of(RUN, seq, BEGAN + timedelta(milliseconds=17 * seq), event)
        for seq, event in enumerate(events, start=first)
    ]


def unpack(after: int, batches: list[Any]) -> list[list[dict[str, Any]]]:
    """What the browser makes of the batches."""
    bun = Path(sys.executable).parent / "bun"
    done = subprocess.run(
        [bun, Path(__file__).with_name("unpack.js")],
        input=json.dumps({"after": after, "batches": batches}),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def shown(event: RunEvent) -> dict[str, Any]:
    """The event as the log of the browser wants it."""
    milliseconds = round(event.ts.timestamp() * 1000)
    return {
        "seq": event.seq,
        "ts": milliseconds,
        "type": event.type,
        "payload": event.payload,
    }


def test_browser_gets_back_what_was_packed() -> None:
    batches = [
        stored(5, [Log(message="one"), Log(message="two"), Step(content="x")]),
        stored(8, [Log(message="bad", level=Level.ERROR), Log(message="good")]),
        stored(10, [MessageDelta(message_id=MESSAGE, text="Hel", tokens=2)]),
        stored(11, [MessageDelta(message_id=MESSAGE, text="lo")]),
        stored(12, [MessageDelta(message_id=OTHER, text="Oh")]),
        stored(
            13,
            [
                ToolCalled(tool_call_id="t", name="add", args={"a": [1, {"b": None}]}),
                MessageCompleted(message_id=OTHER, role="assistant", text="Oh"),
            ],
        ),
    ]
    packer = Packer()

    got = unpack(4, [packer.pack(batch) for batch in batches])

    assert got == [[shown(event) for event in batch] for batch in batches]


def test_flush_of_tokens_costs_little_more_than_its_text() -> None:
    packer = Packer()
    packer.pack(stored(1, [MessageDelta(message_id=MESSAGE, text="first")]))

    items = packer.pack(stored(2, [MessageDelta(message_id=MESSAGE, text="second")]))

    assert items == [[17, "second", 1]]
