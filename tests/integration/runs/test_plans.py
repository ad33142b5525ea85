"""Lists, searches and sweeps of many runs: each finds what is meant, and none walks through a whole table."""

from datetime import timedelta

from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core.run_events import RunStatus
from app.backend.runs.errors import WORKER_LOST
from app.backend.runs.inputs import query_of
from app.backend.runs.list_repository import list_runs
from app.backend.runs.schemas import RunFilter
from app.backend.runs.status import ACTIVE
from app.backend.runs.tables import RunRow
from app.backend.runs.words import words_of
from bench.million import COMMON, RARE, Size, World, fill
from bench.p13_queries import filters_of, queries_of
from tests.plans import scans_of

# Not the links of checkpoints: what deletes checkpoints goes through all links that there are.
BIG = "run|run_1|run_text|run_tag|run_event|thread|document"
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


def _more_filters(world: World) -> dict[str, RunFilter]:
    until = world.now - timedelta(days=300)
    return {
        "many words, long ago": RunFilter(text="model answer time", until=until),
        "dead, words": RunFilter(is_dead=True, text="answer mod"),
        "active, a long word": RunFilter(statuses=list(ACTIVE), text=COMMON[:6]),
        "rare, and words of errors": RunFilter(text=f"{RARE} model"),
        "tag, words": RunFilter(tags=["tag1"], text=COMMON),
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
                assert [row.id for row in found] == expected, (name, after)
                found_some |= {name} if expected else set()

    assert len(found_some) > 20
