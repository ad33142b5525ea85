"""Lists, searches and sweeps of many runs: each finds what is meant, and none walks through a whole table."""

import re
from datetime import timedelta

from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core.run_events import RunStatus
from app.backend.runs import service as runs
from app.backend.runs.errors import WORKER_LOST
from app.backend.runs.inputs import query_of
from app.backend.runs.list_repository import list_runs
from app.backend.runs.schemas import RunFilter
from app.backend.runs.status import ACTIVE
from app.backend.runs.tables import RunRow
from app.backend.runs.words import words_of
from bench.million import COMMON, RARE, Size, World, fill
from bench.p13_queries import filters_of, queries_of
from tests.plans import plans_of, scans_of

# Not the links of checkpoints: what deletes checkpoints goes through all links that there are.
BIG = "run|run_1|run_text|run_tag|run_event|thread|document"
# What PostgreSQL reckons with, times fifty: with a million runs, except for what it takes to start a process.
AS_IF_LARGE = (
    "min_parallel_table_scan_size = 0",
    "min_parallel_index_scan_size = 0",
    "seq_page_cost = 50",
    "random_page_cost = 200",
    "cpu_tuple_cost = 0.5",
    "cpu_index_tuple_cost = 0.25",
    "cpu_operator_cost = 0.125",
)
SMALL = Size(runs=5_000, events=10, documents=10)
ENDED = [status for status in RunStatus if status.is_terminal]
_LOOKED_UP = re.compile(r"Bitmap Index Scan on ix_run_text_words.*\n.*")
SIZE = Size(runs=20_000, events=5_000, documents=5_000)


async def test_no_hot_query_reads_a_whole_table(services: Services) -> None:
    world = await fill(services, SIZE)
    scanning: dict[str, list[str]] = {}
    for query in queries_of(world):
        found = await scans_of(
            services, BIG, lambda session, query=query: query.ask(session, world.actor)
        )
        if found:
            scanning[query.name] = found

    assert scanning == {}


async def test_no_hot_query_starts_further_processes(services: Services) -> None:
    world = await fill(services, SIZE)
    parallel: dict[str, list[str]] = {}
    for query in queries_of(world):
        plans = await plans_of(
            services,
            lambda session, query=query: query.ask(session, world.actor),
            settings=AS_IF_LARGE,
        )
        if found := [plan for plan in plans if "Gather" in plan]:
            parallel[query.name] = found

    assert parallel == {}


async def test_a_common_word_beside_a_rare_one_is_not_looked_up(
    services: Services,
) -> None:
    world = await fill(services, SMALL)
    wanted = RunFilter(text=f"{COMMON} {RARE}")

    plans = await plans_of(
        services, lambda session: runs.list_runs(session, world.actor, wanted=wanted)
    )

    looked_up = [line for plan in plans for line in _LOOKED_UP.findall(plan)]
    assert any(RARE in line for line in looked_up) or services.db.is_sqlite
    assert not any(COMMON in line for line in looked_up)


async def test_runs_that_have_ended_are_one_stretch(services: Services) -> None:
    world = await fill(services, SMALL)
    wanted = RunFilter(statuses=ENDED)

    plans = await plans_of(
        services,
        lambda session: list_runs(session, world.actor, wanted, after=None, limit=51),
    )

    assert len(plans) == 1
    assert not re.search("Sort|TEMP B-TREE", plans[0])


def _more_filters(world: World) -> dict[str, RunFilter]:
    until = world.now - timedelta(days=300)
    return {
        "many words, long ago": RunFilter(text="model answer time", until=until),
        "dead, words": RunFilter(is_dead=True, text="answer mod"),
        "active, a long word": RunFilter(statuses=list(ACTIVE), text=COMMON[:6]),
        "rare, and words of errors": RunFilter(text=f"{RARE} model"),
        "tag, words": RunFilter(tags=["tag1"], text=COMMON),
        "common words, seldom together": RunFilter(
            text=f"wordaax wordaay {COMMON}", until=until
        ),
        "common words, never together": RunFilter(text="nowhere answer model word"),
        "more words than are counted": RunFilter(
            text=f"{RARE} w wo wor word worda wordaa wordaaa q qu que quet"
        ),
        "ended, words": RunFilter(statuses=ENDED, text=f"{COMMON} {RARE}"),
        "ended or waiting": RunFilter(statuses=[*ENDED, RunStatus.WAITING]),
        "any status": RunFilter(statuses=list(RunStatus)),
        "ended, tag, agent": RunFilter(
            statuses=ENDED, tags=["tag1"], agent_id=world.agent_ids[0]
        ),
        "two tags, failed": RunFilter(
            tags=["tag1", "tag2"], statuses=[RunStatus.FAILED]
        ),
        "a tag twice": RunFilter(tags=["tag1", "tag1"]),
        "a tag twice, long ago": RunFilter(tags=["tag1", "tag1"], until=until),
    }


def _is_meant(row: RunRow, wanted: RunFilter) -> bool:
    """Tell the same as the queries, of one run."""
    kept = words_of(f"{query_of(row.input)} {row.error}")
    return (
        wanted.agent_id in (None, row.agent_id)
        and (not wanted.statuses or row.status in wanted.statuses)
        and wanted.trigger in ("", row.trigger)
        and (not wanted.is_dead or row.error_code == WORKER_LOST)
        and (wanted.since is None or row.created_at >= wanted.since)
        and (wanted.until is None or row.created_at < wanted.until)
        and set(wanted.tags) <= set(row.tags)
        and all(
            any(word.startswith(beginning) for word in kept)
            for beginning in words_of(wanted.text)
        )
    )


async def test_each_way_to_find_runs_finds_those_that_are_meant(
    services: Services,
) -> None:
    world = await fill(services, SIZE)
    async with services.db.read() as session:
        newest_first = (
            select(RunRow)
            .where(col(RunRow.owner_id) == world.actor.user_id)
            .order_by(col(RunRow.id).desc())
        )
        rows = (await session.exec(newest_first)).all()
        found_some = set[str]()
        for name, wanted in (filters_of(world) | _more_filters(world)).items():
            meant = [row.id for row in rows if _is_meant(row, wanted)]
            for after in (None, world.middle_id):
                expected = [id_ for id_ in meant if after is None or id_ < after][:51]
                found = await list_runs(
                    session, world.actor, wanted, after=after, limit=51
                )
                assert [row["id"] for row in found] == expected, (name, after)
                found_some |= {name} if expected else set()

    assert len(found_some) > 20
