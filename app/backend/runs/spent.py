"""What a run has used before an attempt, as its log tells: a worker that is killed reports nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from uuid import UUID

from app.backend.core.counts import TOKENS_MAX
from app.backend.core.db import Session
from app.backend.core.run_events import UsageRecorded
from app.backend.core.stored_events import RunEvent
from app.backend.runs import engine_repository as repository

_BEGINS = frozenset({"run_started", "attempt_started"})
# A run waits for a person, or for a run below its own.
_WAITS = frozenset({"run_waiting", "child_started"})
_RESUMES = frozenset({"run_resumed", "child_completed"})
_MARKS = (*_BEGINS, *_WAITS, *_RESUMES, "usage_recorded")


@dataclass(frozen=True)
class Spent:
    """Tokens and seconds of the attempts before; those in which it waited do not count."""

    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0


async def count_spent(session: Session, run_id: UUID) -> Spent:
    """Return what a run has used up to its newest attempt.

    Words of an answer that was cut off count as tokens, until the call is reported; its prompt does so only then: see
    `cut_calls`.
    """
    marks = await repository.list_events_of(session, run_id, _MARKS)
    used = [event for event in marks if event.type == "usage_recorded"]
    cut = 0
    for after, before in _stretches_without_usage(marks):
        cut += sum(
            event.payload["tokens"]
            for event in await repository.list_events_of(
                session, run_id, ["message_delta"], after=after, before=before
            )
        )
    tokens_in = sum(event.payload["tokens_in"] for event in used)
    tokens_out = sum(event.payload["tokens_out"] for event in used) + cut
    return Spent(
        # Others tell us numbers too, and a run keeps no larger ones.
        tokens_in=min(tokens_in, TOKENS_MAX),
        tokens_out=min(tokens_out, TOKENS_MAX),
        seconds=await _count_seconds(session, run_id, marks),
    )


async def count_used(
    session: Session, run_id: UUID, cut: Sequence[UsageRecorded]
) -> dict[str, int]:
    """Return the tokens of a run at its end, as its row has them, with those of calls that were `cut` and nobody reported."""
    spent = await count_spent(session, run_id)
    tokens_in = spent.tokens_in + sum(one.tokens_in for one in cut)
    return {
        "tokens_in": min(tokens_in, TOKENS_MAX),
        # The words that came of them count already.
        "tokens_out": spent.tokens_out,
    }


def _stretches_without_usage(
    marks: Sequence[RunEvent],
) -> list[tuple[int, int | None]]:
    """Return the stretches of the log between the last report of an attempt and the next attempt, or the end."""
    known = [event for event in marks if event.type in {*_BEGINS, "usage_recorded"}]
    closed = [
        (before.seq, after.seq)
        for before, after in pairwise(known)
        if after.type == "attempt_started"
    ]
    return [*closed, (known[-1].seq, None)] if known else []


async def _count_seconds(
    session: Session, run_id: UUID, marks: Sequence[RunEvent]
) -> float:
    # What waited goes on when a worker has taken the run, which is the event after the answer; an attempt ends with a
    # question, or with the last event before the next attempt.
    spans: list[tuple[int, int]] = []
    began = 0
    for event in marks:
        if event.type in _RESUMES:
            began = event.seq + 1
        elif event.type in _WAITS:
            spans.append((began, event.seq))
            began = 0
        elif event.type in _BEGINS:
            if began:
                spans.append((began, event.seq - 1))
            began = event.seq
    times = await repository.find_times(
        session, run_id, [seq for span in spans for seq in span]
    )
    return sum(
        (times[last] - times[first]).total_seconds()
        for first, last in spans
        if first in times and last in times
    )
