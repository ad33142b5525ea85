"""Searching the whole log of a run, by patterns and by text in any letters."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlmodel import insert

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.errors import Invalid
from app.backend.runs import repository, search, service, sieve
from app.backend.runs.schemas import EventFilter, EventPage
from app.backend.runs.tables import RunEventRow, RunRow, RunSieveRow
from tests.factories.rows import MakeRun

LINES = 2500  # more than two batches
Find = Callable[..., Awaitable[EventPage]]


def _row(run: RunRow, seq: int, payload: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "seq": seq,
        "owner_id": run.owner_id,
        "ts": clock.now(),
        "type": kind,
        "level": "info",
        "payload": payload,
    }


async def _add(services: Services, rows: Sequence[dict[str, Any]]) -> None:
    # As plain values: to make an object of each would take longer than all that is tested here.
    async with services.db.transaction() as session:
        await session.exec(insert(RunEventRow), params=rows)


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
    await _add(services, [*rows, _row(row, LINES + 1, tool, "tool_returned")])
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
    await _add(services, [_row(run, LINES + 2, payload, "log")])
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


async def _fill_long(services: Services, actor: Actor, make_run: MakeRun) -> RunRow:
    """Add a log of eleven stretches; words of the fourth and the last one are nowhere else."""
    count = 10 * sieve.STRETCH + 5
    row = await make_run(actor, status="completed", last_seq=count)
    said = {3 * sieve.STRETCH + 1: 'a "Needle" here', count: "the very end"}
    rows = [
        _row(row, seq, {"message": said.get(seq, f"common {seq}")}, "log")
        for seq in range(1, count + 1)
    ]
    await _add(services, rows)
    return row


@pytest.mark.parametrize(
    ("wanted", "windows"),
    [
        ({"text": "needle"}, 1),
        ({"text": '"NEEDLE" h'}, 1),
        ({"text": "very end"}, 1),
        ({"text": "very end", "after": 5000}, 1),
        ({"text": "needle", "after": 3001}, 1),
        ({"text": "common 77"}, 2),
        ({"text": "common 77", "after": 3}, 2),
        ({"text": "common"}, None),
        ({"text": "end"}, None),
        ({"text": "nowhere"}, 0),
        ({"text": "needle", "types": ["tool_called"]}, 1),
    ],
)
async def test_long_log_is_read_where_its_sieve_says_and_finds_the_same(
    services: Services,
    actor: Actor,
    make_run: MakeRun,
    wanted: dict[str, Any],
    windows: int | None,
) -> None:
    run, filter_ = (
        await _fill_long(services, actor, make_run),
        EventFilter.model_validate({**wanted, "limit": 5}),
    )

    async def ask() -> EventPage:
        async with services.db.read() as session:
            return await service.list_events(
                session, actor, run_id=run.id, filter=filter_
            )

    before = await ask()
    assert await sieve.make_sieve(services.db, run.id, events=run.last_seq)
    after = await ask()

    assert after == before
    async with services.db.read() as session:
        found = await sieve.find_windows(
            session, actor, run.id, filter_.text.lower().replace('"', '\\"')
        )
    assert (None if found is None else len(found)) == windows


@pytest.mark.parametrize("wanted", [{}, {"after": 3}, {"before": 10_001}])
async def test_common_word_in_a_long_log_fills_its_page_with_the_nearest(
    services: Services, actor: Actor, make_run: MakeRun, wanted: dict[str, Any]
) -> None:
    run = await _fill_long(services, actor, make_run)
    filter_ = EventFilter.model_validate({"text": "common", "limit": 3, **wanted})
    async with services.db.read() as session:
        page = await service.list_events(session, actor, run_id=run.id, filter=filter_)
        all_at_once = await repository.list_events(
            session, actor, run.id, filter_, limit=3
        )

    assert sorted(_seqs(page)) == sorted(row.seq for row in all_at_once)
    assert page.has_more


async def test_sieve_is_nothing_to_somebody_else_and_goes_with_its_run(
    services: Services, actor: Actor, other_actor: Actor, make_run: MakeRun
) -> None:
    run = await _fill_long(services, actor, make_run)
    await sieve.make_sieve(services.db, run.id, events=run.last_seq)
    async with services.db.read() as session:
        assert await sieve.find_windows(session, other_actor, run.id, "needle") is None
    async with services.db.transaction() as session:
        row = await session.get(RunRow, run.id)
        await session.delete(row)
        await session.flush()
        assert await session.get(RunSieveRow, run.id) is None


async def test_short_log_has_no_sieve(services: Services, run: RunRow) -> None:
    assert not await sieve.make_sieve(services.db, run.id, events=run.last_seq)
