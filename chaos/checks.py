"""What must hold for a run after any fault, read from its rows and from what a viewer saw."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.backend.core.run_events import STATUS_OF_END
from app.backend.core.stored_events import RunEvent


@dataclass(frozen=True)
class Findings:
    """What is wrong with a log; everything empty and zero when nothing is."""

    problem: str = ""
    lost: int = 0
    stale: int = 0


def examine(
    stored: Sequence[RunEvent], seen: Sequence[RunEvent] | None = None
) -> Findings:
    """Compare the stored log with its own rules, and with what a viewer `seen`."""
    stale = count_stale(stored)
    lost = 0 if seen is None else count_differences(stored, seen)
    words = [
        *_problems_of(stored),
        *([f"{stale} events of a worker that had lost the run"] if stale else []),
        *([f"{lost} events differ between the rows and a viewer"] if lost else []),
    ]
    return Findings("; ".join(words), lost, stale)


def count_stale(events: Sequence[RunEvent]) -> int:
    """Return how many words of an earlier attempt stand after the beginning of a later one."""
    stale, present, over = 0, set[str](), set[str]()
    for event in events:
        message_id = str(event.payload.get("message_id", ""))
        if event.type == "attempt_started":
            over |= present
        elif message_id:
            present.add(message_id)
            stale += message_id in over
    return stale


def count_differences(stored: Sequence[RunEvent], seen: Sequence[RunEvent]) -> int:
    """Return how many events only one of both has, or has otherwise, or in another place."""
    pairs = zip(stored, seen, strict=False)
    different = sum(one != other for one, other in pairs)
    return different + abs(len(stored) - len(seen))


def _problems_of(events: Sequence[RunEvent]) -> list[str]:
    found: list[str] = []
    if [event.seq for event in events] != list(range(1, len(events) + 1)):
        found.append("seq has holes or repeats")
    ends = [event.seq for event in events if event.type in STATUS_OF_END]
    if len(ends) != 1:
        found.append(f"{len(ends)} ends")
    elif ends[0] != events[-1].seq:
        found.append("events after the end")
    return found
