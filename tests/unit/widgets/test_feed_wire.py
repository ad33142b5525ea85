"""What the server packs for the feed, the browser unpacks; and it is short."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from app.backend.api.feed_wire import Joiner
from app.backend.core.run_events import (
    Event,
    Level,
    Log,
    MessageCompleted,
    MessageDelta,
    Step,
    ToolCalled,
    ToolReturned,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs.packing import Batch, batches_of

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
    joiner = Joiner()
    travelled = [Batch.from_json(RUN, Batch.of(batch).to_json()) for batch in batches]

    got = unpack(4, [joiner.join([batch]) for batch in travelled])

    assert got == [[shown(event) for event in batch] for batch in batches]


def test_batches_that_are_sent_as_one_are_the_same() -> None:
    batches = [
        stored(1, [Log(message="one"), Step(content="two")]),
        stored(3, [Step(content="three")]),
        stored(4, [Log(message="four", level=Level.ERROR)]),
    ]

    got = unpack(0, [Joiner().join([Batch.of(batch) for batch in batches])])

    assert got == [[shown(event) for batch in batches for event in batch]]


def test_worker_and_viewers_have_the_same_events_to_the_microsecond() -> None:
    text = {"text": 'a "quoted"\nline, \N{SNOWMAN}', "tokens": 2}
    events = [
        RunEvent.of(RUN, 7, BEGAN + timedelta(microseconds=1), Step(content="")),
        RunEvent.of(
            RUN,
            8,
            BEGAN + timedelta(days=400, microseconds=-1),
            MessageDelta.model_validate({"message_id": MESSAGE, **text}),
        ),
        RunEvent.of(
            RUN,
            9,
            BEGAN,
            ToolReturned(tool_call_id="t", name="add", result=[1.5, {"b": None}]),
        ),
    ]

    batch = Batch.from_json(RUN, Batch.of(events).to_json())

    assert batch.events == events
    assert batch.last_type == "tool_returned"


def test_batch_that_is_known_in_part_gives_the_rest() -> None:
    events = stored(1, [Log(message="one"), Step(content="two"), Log(message="three")])

    rest = Batch.from_json(RUN, Batch.of(events).to_json()).after(1)

    assert rest.events == events[1:]
    assert (rest.packed.first, rest.packed.last) == (2, 3)


def test_events_after_a_hole_keep_their_seq() -> None:
    events = [*stored(1, [Step(content="a"), Step(content="b")])]
    events += stored(9, [Step(content="c")])

    batches = batches_of(events)

    assert [(batch.packed.first, batch.packed.last) for batch in batches] == [
        (1, 2),
        (9, 9),
    ]
    assert [event for batch in batches for event in batch.events] == events
    assert batches_of([]) == []


def test_flush_of_tokens_costs_little_more_than_its_text() -> None:
    joiner = Joiner()
    joiner.join([Batch.of(stored(1, [MessageDelta(message_id=MESSAGE, text="first")]))])

    flush = Batch.of(stored(2, [MessageDelta(message_id=MESSAGE, text="second")]))

    assert joiner.join([flush]) == [[17_000, "second", 1]]
