"""What lists of runs show: filters, pages, words and tags, on the real databases."""

from datetime import timedelta
from itertools import permutations
from uuid import UUID

import pytest

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.errors import NotFound
from app.backend.core.run_events import RunFailed, RunStatus
from app.backend.runs import service, tags
from app.backend.runs.schemas import RunDraft, RunFilter
from app.backend.runs.status import end_run
from tests.factories.rows import MakeAgent, MakeRun
from tests.runs import Runs


async def _ids(
    services: Services, actor: Actor, wanted: RunFilter, *, limit: int = 50
) -> list[UUID]:
    """Return the ids of all pages."""
    found: list[UUID] = []
    cursor: str | None = None
    async with services.db.read() as session:
        while True:
            page = await service.list_runs(
                session, actor, wanted=wanted, cursor=cursor, limit=limit
            )
            found += [run.id for run in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return found


async def test_filters_leave_what_they_say_whole_and_in_order(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_run: MakeRun,
) -> None:
    agent = await make_agent(actor)
    statuses = list(RunStatus)
    made = [
        await make_run(
            actor,
            agent=agent if n % 2 else None,
            status=statuses[n % len(statuses)],
            trigger="api" if n % 3 else "user",
            error_code="WORKER_LOST" if n % 10 == 4 else "",
        )
        for n in range(30)
    ]
    await make_run(other_actor, status=RunStatus.FAILED, error_code="WORKER_LOST")
    two = [RunStatus.FAILED, RunStatus.STOPPED]
    cases = [
        (RunFilter(), made),
        (RunFilter(agent_id=agent.id), made[1::2]),
        (RunFilter(statuses=two[:1]), [row for row in made if row.status == two[0]]),
        (RunFilter(statuses=two), [row for row in made if row.status in two]),
        (RunFilter(trigger="user"), made[::3]),
        (RunFilter(is_dead=True), made[4::10]),
        (
            RunFilter(agent_id=agent.id, statuses=two, trigger="api"),
            [row for row in made[1::2] if row.status in two and row.trigger == "api"],
        ),
    ]
    for wanted, expected in cases:
        whole = await _ids(services, actor, wanted)
        paged = await _ids(services, actor, wanted, limit=2)

        assert whole == [row.id for row in reversed(expected)], wanted
        assert paged == whole, wanted


async def test_time_range_takes_its_first_moment_and_not_its_last(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    made = [await make_run(actor) for _ in range(3)]
    first, second, third = (row.created_at for row in made)
    soon = third + timedelta(seconds=5)

    async def found(**bounds: object) -> list[UUID]:
        return await _ids(services, actor, RunFilter.model_validate(bounds))

    assert await found(since=second) == [made[2].id, made[1].id]
    assert await found(until=first) == []
    assert await found(since=first, until=soon) == [row.id for row in reversed(made)]
    assert await found(since=soon) == []


@pytest.mark.parametrize("zone", ["Z", "+14:00", "-14:00"])
async def test_first_and_last_moments_there_are_bound_nothing(
    zone: str, services: Services, actor: Actor, make_run: MakeRun
) -> None:
    run = await make_run(actor)
    ends = {
        "since": f"0001-01-01T00:00:00{zone}",
        "until": f"9999-12-31T23:59:59{zone}",
    }

    for text in ("", "salt"):
        wanted = RunFilter.model_validate({**ends, "text": text})
        found = await _ids(services, actor, wanted)
        assert found == ([] if text else [run.id])


async def test_tags_are_found_however_they_are_written(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    run = await make_run(actor)
    async with services.db.transaction() as session:
        await tags.set_tags(session, actor, run_id=run.id, tags=["late night"])

    wanted = RunFilter(tags=["  Late   NIGHT ", "late night"])

    assert await _ids(services, actor, wanted) == [run.id]


async def test_runs_are_found_by_any_of_their_tags_together(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    first, second = await make_run(actor), await make_run(actor)
    words = ["a", "b", "ä", "b c", "z"]
    async with services.db.transaction() as session:
        for run, its_tags in ((first, words), (second, ["z", "a"])):
            await tags.set_tags(session, actor, run_id=run.id, tags=its_tags)

    for size in range(3, len(words) + 1):
        for wanted in permutations(words, size):
            assert await _ids(services, actor, RunFilter(tags=list(wanted))) == [
                first.id
            ]
    assert await _ids(services, actor, RunFilter(tags=["z", "a"])) == [
        second.id,
        first.id,
    ]
    assert await _ids(services, actor, RunFilter(tags=["a", "c"])) == []
    # What two tags are kept as is none that anybody can ask for.
    assert await _ids(services, actor, RunFilter(tags=["a\nz"])) == []


async def test_runs_are_found_by_how_words_of_question_and_error_begin(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
) -> None:
    agent = await make_agent(actor)
    salt = await runs.start(agent.id, "Where does SALT come from, and Überraschung?")
    sugar = await runs.start(
        agent.id, "Where does sugar come from? 'a' & b:* \"c\" (d)"
    )
    foreign = Runs(services, other_actor)
    await foreign.start((await make_agent(other_actor)).id, "Where is salt?")

    async def found(text: str, **more: object) -> list[UUID]:
        wanted = RunFilter.model_validate({"text": text, **more})
        whole = await _ids(services, actor, wanted)
        assert await _ids(services, actor, wanted, limit=1) == whole
        return whole

    assert await found("salt") == [salt.id]
    assert await found("sal überra") == [salt.id]
    assert await found("FROM whe") == [sugar.id, salt.id]
    assert await found("überrasch") == await found("überraschung") == [salt.id]
    assert await found("überraschend") == await found("salt sugar") == []
    assert await found("alt") == []
    assert await found("'a' & b:* \"c\" (d)") == [sugar.id]
    assert await found("?!") == []
    assert await found("salt", statuses=["completed"]) == []
    assert await found("salt", statuses=["queued", "failed"]) == [salt.id]

    async with services.db.transaction() as session:
        failed = RunFailed(code="TIMEOUT", error="The kitchen is closed.")
        assert await end_run(session, sugar.id, failed)

    assert await found("kitchen sug") == [sugar.id]


async def test_tags_come_with_the_start_are_changed_and_kept_by_a_retry(
    services: Services, actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    draft = RunDraft(
        input={"query": "What?"}, tags=[" Nightly  Report", "nightly report", "b"]
    )
    async with services.db.transaction() as session:
        first = await service.start_run(
            session, actor, agent_id=agent.id, draft=draft, parts=services
        )
        await service.stop_run(session, actor, run_id=first.id, parts=services)
        second = await service.retry_run(
            session, actor, run_id=first.id, parts=services
        )
        changed = await tags.set_tags(
            session, actor, run_id=first.id, tags=["b", "late"]
        )

    async def found(*words: str) -> list[UUID]:
        return await _ids(services, actor, RunFilter(tags=list(words)))

    assert first.tags == second.tags == ["nightly report", "b"]
    assert changed.tags == ["b", "late"]
    assert await found("b") == [second.id, first.id]
    assert await found("b", "late") == [first.id]
    assert await found("nightly report") == [second.id]
    assert await _ids(services, other_actor, RunFilter(tags=["b"])) == []
    async with services.db.transaction() as session:
        with pytest.raises(NotFound):
            await tags.set_tags(session, other_actor, run_id=first.id, tags=[])


async def test_dashboard_counts_the_runs_of_today(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    long_ago = clock.now() - timedelta(days=2)
    await make_run(actor, status=RunStatus.COMPLETED)
    await make_run(actor, status=RunStatus.FAILED, created_at=long_ago)
    await make_run(actor, status=RunStatus.RUNNING)

    async with services.db.read() as session:
        counts = await service.count_today(
            session, actor, [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.RUNNING]
        )

    assert counts == {RunStatus.COMPLETED: 1, RunStatus.RUNNING: 1}
