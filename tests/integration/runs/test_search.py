"""Searching the whole log of a run, by patterns and by text in any letters."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.errors import Invalid
from app.backend.runs import search, service
from app.backend.runs.schemas import EventFilter, EventPage
from app.backend.runs.tables import RunEventRow, RunRow
from tests.factories.rows import MakeRun

LINES = 2500  # more than two batches
Find = Callable[..., Awaitable[EventPage]]


def _row(run: RunRow, seq: int, payload: dict[str, Any], kind: str) -> RunEventRow:
    return RunEventRow(
        run_id=run.id,
        seq=seq,
        owner_id=run.owner_id,
        ts=clock.now(),
        type=kind,
        level="info",
        payload=payload,
    )


@pytest.fixture
async def run(services: Services, actor: Actor, make_run: MakeRun) -> RunRow:
    """A run whose log says `line 1` and so on, and ends with a tool."""
    row = await make_run(actor, status="completed", last_seq=LINES + 1)
    rows = [
        _row(row, seq, {"level": "info", "message": f"line {seq}"}, "log")
        for seq in range(1, LINES + 1)
    ]
    result = {"Öffnet": 'um "neun"\nund schließt', "at": [12, True]}
    tool = {"tool_call_id": "1", "name": "clock", "result": result}
    async with services.db.transaction() as session:
        session.add_all([*rows, _row(row, LINES + 1, tool, "tool_returned")])
    return row


@pytest.fixture
def find(services: Services, actor: Actor, run: RunRow) -> Find:
    """`await find(text, is_regex=False)` reads a page of what has the text."""

    async def ask(text: str, **wanted: Any) -> EventPage:
        filter_ = EventFilter.model_validate(
            {"text": text, "is_regex": True, "limit": 100, **wanted}
        )
        async with services.db.read() as session:
            return await service.list_events(
                session, actor, run_id=run.id, filter=filter_
            )

    return ask


@pytest.fixture
async def long_line(services: Services, run: RunRow) -> int:
    """The `seq` of a last line of many letters."""
    payload = {"message": "a" * 100_000 + "!"}
    async with services.db.transaction() as session:
        session.add(_row(run, LINES + 2, payload, "log"))
    return LINES + 2


def _seqs(page: EventPage) -> list[int]:
    return [event.seq for event in page.items]


@pytest.mark.parametrize(
    ("text", "wanted", "seqs"),
    [
        (r"^line 1\d00$", {}, list(range(1000, 2000, 100))),
        (r"LINE (7|8)$", {}, [7, 8]),
        (r"LINE 7$", {"is_case": True}, []),
        (r"line 7$", {"is_case": True}, [7]),
        (r"^line 2\d{3}", {"before": 2003, "limit": 2}, [2001, 2002]),
        (r"^line \d$", {"after": 4, "limit": 2}, [5, 6]),
        (r"5$", {"types": ["tool_returned"]}, []),
        (r"^und schlie", {}, [LINES + 1]),
        (r'um "neun"$', {}, [LINES + 1]),
        (r'"at":\[12,true\]', {}, [LINES + 1]),
        (r"\bCLOCK\b", {"is_regex": False, "is_case": True}, []),
        ("[12,", {"is_regex": False, "is_case": True}, [LINES + 1]),
        ("öffnet", {"is_regex": False}, [LINES + 1]),
        ("SCHLIEẞT", {"is_regex": False}, [LINES + 1]),
    ],
)
async def test_pattern_is_found_in_the_whole_log(
    find: Find, text: str, wanted: dict[str, Any], seqs: list[int]
) -> None:
    assert _seqs(await find(text, **wanted)) == seqs


@pytest.mark.parametrize("edge", ["after", "before"])
async def test_pages_of_a_search_have_everything_once(find: Find, edge: str) -> None:
    place, found, pages = {"after": 0, "before": LINES + 2}[edge], [], 0
    has_more = True
    while has_more:
        page = await find("0$", limit=77, **{edge: place})
        found += _seqs(page)
        pages += 1
        has_more, place = page.has_more, page.next_seq or 0

    assert sorted(found) == list(range(10, LINES + 1, 10))
    assert pages == -(-LINES // 10 // 77)


async def test_search_that_takes_long_ends_early_and_goes_on(
    find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SECONDS_MAX", 0.0)

    first = await find("^line 1500$", after=0)
    second = await find("^line 1500$", after=1499)

    assert (_seqs(first), first.has_more, first.next_seq) == ([], True, 1)
    assert (_seqs(second), second.has_more, second.next_seq) == ([1500], True, 1500)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("line (", "missing ): line ("),
        ("[", "missing ]: ["),
        ("*a", "no argument for repetition operator: *"),
        ("((((a{999}){999}){999}){999})", "invalid repetition size"),
        ("(?=a)", "Look-ahead, look-behind"),
        (r"(a)\1", "references to groups"),
    ],
)
async def test_wrong_pattern_is_refused_in_words(
    find: Find, pattern: str, reason: str
) -> None:
    with pytest.raises(Invalid, match="This is not a pattern") as refused:
        await find(pattern)

    assert reason in refused.value.message


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(.*)*x", "(?:a?){100}a{100}b", "(a*)*(b*)*c"]
)
async def test_pattern_that_would_explode_is_over_in_time(
    find: Find, long_line: int, pattern: str
) -> None:
    began = time.perf_counter()

    page = await find(pattern, after=long_line - 1)

    assert _seqs(page) == []
    assert time.perf_counter() - began < search.SECONDS_MAX


async def test_pattern_that_is_too_large_is_refused(find: Find) -> None:
    with pytest.raises(Invalid, match="too large"):
        await find("(?:a?){1000}b{1,1000}")


async def test_pattern_that_needs_too_long_for_one_line_is_refused(
    find: Find, long_line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SECONDS_MAX", 0.0)

    with pytest.raises(Invalid, match="takes too long"):
        await find("b", after=long_line - 1)


async def test_end_of_a_long_line_is_found(find: Find, long_line: int) -> None:
    assert _seqs(await find("a{900}!$")) == [long_line]
    assert _seqs(await find("^a{900}!$")) == []
