"""Folding keeps every word in its message and every other event in its place."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.backend.core import clock
from app.backend.core.run_events import Event, Log, MessageDelta, ReasoningDelta
from app.backend.runs.folding import Entry, fold_all, fold_neighbours

MESSAGES = [UUID(int=1), UUID(int=2)]
EVENTS = st.one_of(
    st.builds(Log, message=st.sampled_from("abc")),
    st.builds(
        MessageDelta,
        message_id=st.sampled_from(MESSAGES),
        text=st.sampled_from("xyz"),
        tokens=st.just(1),
    ),
    st.builds(
        ReasoningDelta,
        message_id=st.sampled_from(MESSAGES),
        text=st.sampled_from("uvw"),
    ),
)


def texts(
    events: list[Event], kind: type[MessageDelta] | type[ReasoningDelta]
) -> dict[UUID, str]:
    found = dict.fromkeys(MESSAGES, "")
    for event in events:
        if isinstance(event, kind):
            found[event.message_id] += event.text
    return found


@settings(max_examples=30)
@given(st.lists(EVENTS, max_size=10))
def test_folding_loses_nothing(events: list[Event]) -> None:
    began = clock.now()
    entries: list[Entry] = [
        (began + timedelta(seconds=number), event)
        for number, event in enumerate(events)
    ]

    folded = list(fold_all(entries))
    kept = [event for _, event in folded]

    assert [event for event in kept if isinstance(event, Log)] == [
        event for event in events if isinstance(event, Log)
    ]
    for kind in (MessageDelta, ReasoningDelta):
        assert texts(kept, kind) == texts(events, kind)
    assert len(kept) - sum(isinstance(event, Log) for event in kept) <= 4
    assert [ts for ts, _ in folded] == sorted(ts for ts, _ in folded)
    assert sum(event.tokens for event in kept if isinstance(event, MessageDelta)) == (
        sum(event.tokens for event in events if isinstance(event, MessageDelta))
    )


@settings(max_examples=30)
@given(st.lists(EVENTS, max_size=10))
def test_neighbours_are_folded_and_all_else_stays_in_its_place(
    events: list[Event],
) -> None:
    began = clock.now()
    entries: list[Entry] = [
        (began + timedelta(seconds=number), event)
        for number, event in enumerate(events)
    ]

    folded = fold_neighbours(entries)

    assert _letters(event for _, event in folded) == _letters(events)
    # What could be folded once more was not folded.
    assert fold_neighbours(folded) == folded
    assert {ts for ts, _ in folded} <= {ts for ts, _ in entries}
    assert [ts for ts, _ in folded] == sorted(ts for ts, _ in folded)
    assert sum(
        event.tokens for _, event in folded if isinstance(event, MessageDelta)
    ) == (sum(event.tokens for event in events if isinstance(event, MessageDelta)))


def _letters(events: Iterable[Event]) -> list[tuple[str, UUID | None, str]]:
    """Return each letter with the message that it is of, in order."""
    found: list[tuple[str, UUID | None, str]] = []
    for event in events:
        if isinstance(event, MessageDelta | ReasoningDelta):
            found += [(event.type, event.message_id, letter) for letter in event.text]
        elif isinstance(event, Log):
            found.append((event.type, None, event.message))
    return found
