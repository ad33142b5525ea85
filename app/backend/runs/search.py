"""Searches the whole log of a run for a pattern: in batches, within a time, and with patterns that cannot explode."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import re2  # pyright: ignore[reportMissingTypeStubs] - it ships none

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Invalid
from app.backend.core.stored_events import RunEvent
from app.backend.runs import repository, sieve
from app.backend.runs.schemas import EventFilter, EventPage
from app.backend.runs.tables import RunRow

BATCH_EVENTS = 1000
NEAR_EVENTS = 2000
_NO_END = 2**31 - 1  # a run that goes on has more by now
# The caller goes on from where this ended; a page of the browser waits for ten seconds at most.
SECONDS_MAX = 2.0
PROGRAM_MAX = 2000
_PATTERN_BYTES_MAX = 16 * 1024 * 1024
# The largest pattern takes about a second for as much; a longer text is searched piece by piece.
_PIECE_BYTES = 8192
_PIECE_OVERLAP = 1024
_LINES = "(?m)"  # `^` and `$` are the ends of a line
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_UNKNOWN = ("invalid perl operator", "invalid escape sequence")
_TOO_LARGE = (
    "The pattern is too large. Repeat less often, such as {1,50} instead of {1,1000}."
)
_TOO_SLOW = "The pattern takes too long in a line of this log. Make it simpler."
_UNKNOWN_HINT = " Look-ahead, look-behind and references to groups are not available."


def needs_reading(wanted: EventFilter) -> bool:
    """Tell whether the events have to be read, because the database alone cannot tell which have the text."""
    # Databases differ in what they take for the same letter, but for ASCII.
    is_plain = not wanted.is_regex and not wanted.is_case and wanted.text.isascii()
    return bool(wanted.text) and not is_plain


async def list_events(
    session: Session, actor: Actor, run: RunRow, wanted: EventFilter, *, limit: int
) -> list[RunEvent]:
    """Return up to `limit` events as the database finds them, of a long log without reading what has no such text."""
    if not wanted.text or run.last_seq < sieve.EVENTS_MIN:
        return await repository.list_events(session, actor, run.id, wanted, limit=limit)
    part = repository.part_of(wanted)
    windows = await sieve.find_windows(session, actor, run.id, part)
    if windows is None:
        windows = _near_and_far(wanted, run.last_seq)
    elif wanted.after is None:
        windows.reverse()
    found: list[RunEvent] = []
    for window in windows:
        found += await repository.list_events(
            session, actor, run.id, wanted, limit=limit - len(found), window=window
        )
        if len(found) == limit:
            break
    return found


async def find_events(
    session: Session, actor: Actor, run_id: UUID, wanted: EventFilter
) -> EventPage:
    """Return a page of the events that have the text, as far as the log could be read in the time.

    Raises:
        Invalid: the text is not a pattern.
    """
    pattern = compile_pattern(wanted)
    seqs, next_seq = await _find_seqs(session, actor, run_id, wanted, pattern)
    items = await repository.list_events_at(session, actor, run_id, seqs)
    return EventPage(items=items, has_more=next_seq is not None, next_seq=next_seq)


def compile_pattern(wanted: EventFilter) -> Any:
    """Return the pattern that tells whether a text is found.

    RE2 takes a time that grows with text times pattern at most, and bounds its memory; so only the size is limited.

    Raises:
        Invalid: the text is not a pattern.
    """
    options = re2.Options()
    options.case_sensitive = wanted.is_case
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _PATTERN_BYTES_MAX
    text = f"{_LINES}{wanted.text}" if wanted.is_regex else re2.escape(wanted.text)
    try:
        pattern = re2.compile(text, options)
    except re2.error as error:
        raise Invalid.field("q", _explain(error)) from None
    if pattern.programsize > PROGRAM_MAX:
        raise Invalid.field("q", _TOO_LARGE)
    return pattern


def lines_of(payload: str) -> str:
    """Return what is searched of an event: each of its texts in lines of its own, then all of it as JSON."""
    value = json.loads(payload)
    return "\n".join([*_texts(value), _JSON.encode(value)])


def _near_and_far(wanted: EventFilter, last_seq: int) -> list[sieve.Window]:
    """Return where the reading begins, and the rest: PostgreSQL takes a word for rare, and would gather all its events."""
    if wanted.after is not None:
        edge = wanted.after + NEAR_EVENTS
        return [(1, edge), (edge + 1, _NO_END)]
    edge = min(last_seq, (wanted.before or last_seq) - 1) - NEAR_EVENTS
    return [(edge + 1, _NO_END), (1, edge)]


async def _find_seqs(
    session: Session, actor: Actor, run_id: UUID, wanted: EventFilter, pattern: Any
) -> tuple[list[int], int | None]:
    """Return the `seq` of up to a page of events, and where the next page begins, if there may be one."""
    place = "before" if wanted.after is None else "after"
    start = getattr(wanted, place)
    ends_at = clock.monotonic() + SECONDS_MAX
    found: list[int] = []
    while True:
        batch = await repository.list_payloads(
            session, actor, run_id, wanted, limit=BATCH_EVENTS
        )
        seqs, searched = await asyncio.to_thread(_search, pattern, batch, ends_at)
        found += seqs
        if len(found) > wanted.limit:
            return found[: wanted.limit], found[wanted.limit - 1]
        if searched == len(batch) < BATCH_EVENTS:
            return found, None
        if searched:
            wanted = wanted.model_copy(update={place: batch[searched - 1][0]})
        if clock.monotonic() > ends_at:
            next_seq = getattr(wanted, place)
            if next_seq == start:
                raise Invalid.field("q", _TOO_SLOW)
            return found, next_seq


def _search(
    pattern: Any, batch: Sequence[tuple[int, str]], ends_at: float
) -> tuple[list[int], int]:
    """Return the `seq` of what has the pattern, and how many events were searched in the time, one at least if it is short."""
    found: list[int] = []
    for searched, (seq, payload) in enumerate(batch):
        is_found = _is_found(pattern, lines_of(payload).encode(), ends_at)
        if is_found is None:
            return found, searched
        if is_found:
            found.append(seq)
        if clock.monotonic() > ends_at:
            return found, searched + 1
    return found, len(batch)


def _is_found(pattern: Any, text: bytes, ends_at: float) -> bool | None:
    """Tell whether a text has the pattern; None when the time was over first."""
    for start in range(0, max(1, len(text)), _PIECE_BYTES - _PIECE_OVERLAP):
        if start and clock.monotonic() > ends_at:
            return None
        if pattern.search(text, start, min(len(text), start + _PIECE_BYTES)):
            return True
    return False


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
        case _:
            pass


def _explain(error: Exception) -> str:
    (reason,) = error.args
    words = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
    hint = _UNKNOWN_HINT if str(words).startswith(_UNKNOWN) else ""
    shown = str(words).replace(_LINES, "", 1)
    return f"This is not a pattern that can be searched for: {shown}.{hint}"
