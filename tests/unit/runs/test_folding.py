"""Folding keeps every word in its message and every other event in its place."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.backend.core import clock
from app.backend.core.run_events import Event, Log, MessageDelta, ReasoningDelta
from app.backend.runs.folding import Entry, fold_all

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
