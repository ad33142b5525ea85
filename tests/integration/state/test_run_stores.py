"""The stores of the pages that run agents, on real services."""

from dataclasses import replace
from typing import Any

import pytest

from app.backend.agents.tables import AgentRow
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.runs import service as runs
from app.backend.runs import tags
from app.routes import agent_path, run_path
from app.state import edge
from app.state.agent_run import AgentRunState
from app.state.dashboard import DashboardState
from app.state.run_below import RunBelowState
from app.state.run_bulk import RunBulkState
from app.state.run_feed import RunFeedState, show_run
from app.state.run_list import RunListState
from app.state.run_page import RunPageState
from tests.factories.rows import RowFactory
from tests.processes import Fork
from tests.states import make_state

pytestmark = pytest.mark.usefixtures("open_tab")


@pytest.fixture
async def agent(rows: RowFactory, actor: Actor) -> AgentRow:
    """An agent that says hello."""
    return await rows.agent(actor, suggested_prompts=["Hello?"])


async def _loaded(agent: AgentRow, cookie: str, query: str = "") -> AgentRunState:
    path = agent_path(agent.id) + query
    state = make_state(AgentRunState, path=path, cookie=cookie)
    await AgentRunState.load.fn(state)
    return state


async def _list(services: Services, actor: Actor) -> list[Any]:
    async with services.db.read() as session:
        return (await runs.list_runs(session, actor)).items


async def test_agent_page_is_rebuilt_from_address_and_cookie(
    agent: AgentRow, cookie: str
) -> None:
    state = await _loaded(agent, cookie)

    assert (state.agent.name, state.agent.prompts) == ("Librarian", ["Hello?"])
    assert not state.is_missing


async def test_same_form_twice_is_one_run(
    services: Services, actor: Actor, agent: AgentRow, cookie: str
) -> None:
    state = await _loaded(agent, cookie)
    form = {"query": "Hello?", "request_id": state.request_id}

    await AgentRunState.submit.fn(state, form)
    await AgentRunState.submit.fn(state, form)

    (run,) = await _list(services, actor)
    feed = await state.get_state(RunFeedState)
    assert feed.current_run_id == str(run.id)
    assert feed.execution_status == RunStatus.QUEUED
    assert [line.id for line in state.history] == [str(run.id)]
    assert state.turns == []


async def test_question_before_the_page_has_loaded_is_asked(
    services: Services, actor: Actor, agent: AgentRow, cookie: str
) -> None:
    state = make_state(AgentRunState, cookie=cookie, path=agent_path(agent.id))

    await AgentRunState.submit.fn(state, {"query": "Hello?", "request_id": ""})

    (run,) = await _list(services, actor)
    assert run.agent_id == agent.id
    async with services.db.transaction() as session:
        await runs.stop_run(session, actor, run_id=run.id, parts=services)
    await AgentRunState.load.fn(state)
    assert state.shown == str(run.id)


async def test_one_run_too_many_is_said_on_every_page(
    services: Services, rows: RowFactory, actor: Actor, agent: AgentRow, cookie: str
) -> None:
    one = services.settings.model_copy(update={"runs_active_max": 1})
    edge.install(replace(services, settings=one))
    ended = await rows.run(actor, agent=agent, status=RunStatus.FAILED)
    await rows.run(actor, agent=agent)
    asking = await _loaded(agent, cookie)
    home = make_state(DashboardState, cookie=cookie)
    feed = make_state(RunFeedState, cookie=cookie, current_run_id=str(ended.id))

    answers = [
        await AgentRunState.submit.fn(asking, {"query": "Hello?"}),
        await DashboardState.ask.fn(home, str(agent.id), "Hello?"),
        await RunFeedState.retry.fn(feed),
    ]

    assert ["stop one of yours" in str(answer) for answer in answers] == [True] * 3


async def test_follow_up_has_the_thread_of_the_run_before(
    services: Services, actor: Actor, agent: AgentRow, cookie: str
) -> None:
    state = await _loaded(agent, cookie)
    await AgentRunState.submit.fn(
        state, {"query": "One?", "request_id": state.request_id}
    )
    await AgentRunState.submit.fn(
        state, {"query": "Two?", "request_id": state.request_id}
    )

    second, first = await _list(services, actor)
    assert second.thread_id == first.thread_id
    assert [turn.query for turn in state.turns] == ["One?"]
    again = await _loaded(agent, cookie, f"?run={second.id}")
    assert [turn.query for turn in again.turns] == ["One?"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "This is not JSON"),
        ("[]", "must be a JSON object"),
        ('{"query": 5}', "needs a `query` with text"),
        ('{"query": " "}', "The question is empty"),
    ],
)
async def test_unusable_json_is_said_in_place_and_starts_nothing(
    services: Services,
    actor: Actor,
    agent: AgentRow,
    cookie: str,
    text: str,
    message: str,
) -> None:
    state = await _loaded(agent, cookie)
    await AgentRunState.switch.fn(state)

    await AgentRunState.write.fn(state, text)

    assert message in state.errors["query"]
    await AgentRunState.submit.fn(state, {"query": text, "request_id": ""})
    assert message in state.errors["query"]
    assert await _list(services, actor) == []


async def test_switching_to_json_and_back_keeps_the_words(
    agent: AgentRow, cookie: str
) -> None:
    state = await _loaded(agent, cookie)
    await AgentRunState.write.fn(state, 'Say "hi"')

    await AgentRunState.switch.fn(state)
    assert state.question == '{"query": "Say \\"hi\\""}'
    await AgentRunState.switch.fn(state)

    assert state.question == 'Say "hi"'


async def test_store_follows_a_run_to_its_end(
    agent: AgentRow, cookie: str, worker: Fork, runtime_url: str
) -> None:
    state = await _loaded(agent, cookie)
    await AgentRunState.submit.fn(
        state, {"query": "Hello?", "request_id": state.request_id}
    )
    feed = await state.get_state(RunFeedState)

    await RunFeedState.follow.fn(feed, feed.current_run_id)

    assert feed.execution_status == RunStatus.COMPLETED
    assert feed.output is not None
    assert feed.output.answer
    assert feed.events[-1].kind == "run_completed"
    assert feed.run.tokens_out > 0


async def test_queued_run_stops_at_once_and_twice(agent: AgentRow, cookie: str) -> None:
    state = await _loaded(agent, cookie)
    await AgentRunState.submit.fn(
        state, {"query": "Hello?", "request_id": state.request_id}
    )
    feed = await state.get_state(RunFeedState)

    await RunFeedState.stop.fn(feed)
    await RunFeedState.stop.fn(feed)

    assert feed.execution_status == RunStatus.STOPPED
    assert not feed.is_stopping


async def test_retry_is_a_new_run(
    services: Services, actor: Actor, agent: AgentRow, cookie: str, rows: RowFactory
) -> None:
    run = await rows.run(actor, agent=agent, status=RunStatus.FAILED)
    state = make_state(RunFeedState, path=run_path(run.id), cookie=cookie)
    await RunFeedState.follow.fn(state, str(run.id))

    answer = await RunFeedState.retry.fn(state)

    newest = (await _list(services, actor))[0]
    assert newest.id != run.id
    assert str(newest.id) in str(answer)


async def test_run_page_shows_its_run_at_once(
    rows: RowFactory, actor: Actor, agent: AgentRow, cookie: str
) -> None:
    run = await rows.run(actor, agent=agent, status=RunStatus.COMPLETED)
    state = make_state(RunPageState, path=run_path(run.id), cookie=cookie)

    await RunPageState.load.fn(state)

    feed = await state.get_state(RunFeedState)
    assert (feed.current_run_id, feed.execution_status) == (str(run.id), "completed")


async def test_agent_page_shows_the_run_of_its_address_at_once(
    rows: RowFactory, actor: Actor, agent: AgentRow, cookie: str
) -> None:
    run = await rows.run(actor, agent=agent, status=RunStatus.COMPLETED)

    state = await _loaded(agent, cookie, f"?run={run.id}")

    feed = await state.get_state(RunFeedState)
    assert (feed.current_run_id, feed.execution_status) == (str(run.id), "completed")


async def test_run_page_of_somebody_else_is_missing(
    rows: RowFactory, other_actor: Actor, cookie: str
) -> None:
    run = await rows.run(other_actor)
    state = make_state(RunPageState, path=run_path(run.id), cookie=cookie)

    await RunPageState.load.fn(state)

    assert state.is_missing


async def test_run_page_shows_the_tree_of_a_run_that_is_not_alone(
    rows: RowFactory, actor: Actor, agent: AgentRow, cookie: str
) -> None:
    alone = await rows.run(actor, agent=agent)
    first = await rows.run(actor, agent_name="Foreman", status=RunStatus.WAITING)
    child = await rows.run(
        actor, parent_id=first.id, root_id=first.id, depth=1, agent_name="Potter"
    )
    async with edge.services().db.transaction() as session:
        row = await session.merge(first)
        row.waits_for_id = child.id

    state = make_state(RunPageState, path=run_path(alone.id), cookie=cookie)
    await RunPageState.load.fn(state)
    assert (state.tree, state.parent_name, state.is_growing) == ([], "", False)
    state = make_state(RunPageState, path=run_path(child.id), cookie=cookie)
    await RunPageState.load.fn(state)

    assert [
        (line.agent_name, line.depth, line.status, line.is_here) for line in state.tree
    ] == [
        ("Foreman", 0, "waiting_for_run", False),
        ("Potter", 1, "queued", True),
    ]
    assert (state.parent_name, state.is_growing) == ("Foreman", True)
    feed = make_state(RunFeedState, path=run_path(first.id), cookie=cookie)
    async with edge.services().db.read() as session:
        show_run(feed, await runs.get_run(session, actor, run_id=first.id))
    assert (feed.execution_status, feed.is_active) == ("waiting_for_run", True)


async def test_run_that_waits_for_another_says_which_one_needs_a_person(
    rows: RowFactory, actor: Actor, cookie: str
) -> None:
    first = await rows.run(actor, agent_name="Foreman")
    child = await rows.run(
        actor, parent_id=first.id, root_id=first.id, depth=1, agent_name="Potter"
    )
    last = await rows.run(
        actor,
        parent_id=child.id,
        root_id=first.id,
        depth=2,
        agent_name="Kiln",
        status=RunStatus.WAITING,
    )
    async with edge.services().db.transaction() as session:
        for row, waits_for_id in ((first, child.id), (child, last.id)):
            waiting = await session.merge(row)
            waiting.status, waiting.waits_for_id = RunStatus.WAITING, waits_for_id
    state = make_state(RunBelowState, cookie=cookie)

    await RunBelowState.refresh.fn(state, str(first.id))
    asking = [(line.agent_name, line.path) for line in state.asking]
    await RunBelowState.refresh.fn(state, str(last.id))

    assert asking == [("Kiln", run_path(last.id))]
    assert state.asking == []


async def test_list_of_runs_keeps_those_that_need_a_person_apart(
    rows: RowFactory, actor: Actor, agent: AgentRow, cookie: str
) -> None:
    asks = await rows.run(actor, agent=agent, status=RunStatus.WAITING)
    waits = await rows.run(
        actor, agent=agent, status=RunStatus.WAITING, waits_for_id=asks.id
    )

    found: dict[str, list[str]] = {}
    for status in ("waiting", "waiting_for_run"):
        state = make_state(RunListState, path=f"/runs?status={status}", cookie=cookie)
        await RunListState.load.fn(state)
        found[status] = [row.id for row in state.rows if row.status == status]
        assert len(state.rows) == 1

    assert found == {"waiting": [str(asks.id)], "waiting_for_run": [str(waits.id)]}


async def test_list_of_runs_shows_what_the_address_asks_for(
    rows: RowFactory, actor: Actor, agent: AgentRow, cookie: str
) -> None:
    failed = await rows.run(actor, agent=agent, status=RunStatus.FAILED)
    await rows.run(actor, agent=agent, status=RunStatus.COMPLETED)
    path = f"/runs?status=failed&agent={agent.id}"
    state = make_state(RunListState, path=path, cookie=cookie)

    await RunListState.load.fn(state)

    assert [row.id for row in state.rows] == [str(failed.id)]
    assert state.is_filtered
    assert [choice.text for choice in state.choices] == ["Librarian"]


@pytest.mark.parametrize(
    "query",
    ["agent=junk", "since=0001-01-01", "until=9999-12-31", "tag=Late++Night"],
)
async def test_list_of_runs_takes_any_address(
    query: str, rows: RowFactory, services: Services, actor: Actor, cookie: str
) -> None:
    run = await rows.run(actor)
    async with services.db.transaction() as session:
        await tags.set_tags(session, actor, run_id=run.id, tags=["late night"])
    state = make_state(RunListState, path=f"/runs?{query}", cookie=cookie)

    assert await RunListState.load.fn(state) is None

    assert [row.id for row in state.rows] == [str(run.id)]
    assert state.wish.agent == ""


async def test_list_of_runs_has_pages(
    rows: RowFactory, actor: Actor, cookie: str
) -> None:
    for _ in range(51):
        await rows.run(actor)
    state = make_state(RunListState, path="/runs", cookie=cookie)
    await RunListState.load.fn(state)
    assert (len(state.rows), state.has_more) == (50, True)

    await RunListState.load_more.fn(state)

    assert (len({row.id for row in state.rows}), state.has_more) == (51, False)


async def test_filters_of_the_list_work_together_and_are_cleared(
    rows: RowFactory, actor: Actor, agent: AgentRow, cookie: str
) -> None:
    failed = await rows.run(actor, agent=agent, status=RunStatus.FAILED, trigger="api")
    await rows.run(actor, status=RunStatus.FAILED, trigger="api")
    done = await rows.run(actor, agent=agent, status=RunStatus.COMPLETED)
    today = clock.now().date().isoformat()
    path = f"/runs?status=failed&agent={agent.id}&since={today}&when=never&x=y"
    state = make_state(RunListState, path=path, cookie=cookie)
    await RunListState.load.fn(state)
    assert [row.id for row in state.rows] == [str(failed.id)]
    assert (state.wish.when, state.wish.since) == ("", "")

    await RunListState.pick_all.fn(state, True)
    await RunListState.want.fn(state, "status", "")
    assert [row.id for row in state.rows] == [str(done.id), str(failed.id)]
    assert state.picked == []
    await RunListState.want.fn(state, "since", today)
    assert (state.wish.when, len(state.rows)) == ("days", 2)
    await RunListState.want.fn(state, "until", "2020-01-01")
    assert (state.rows, state.is_filtered) == ([], True)
    await RunListState.want.fn(state, "until", "")
    await RunListState.want.fn(state, "when", "1h")
    await RunListState.want.fn(state, "trigger", "user")
    assert [row.id for row in state.rows] == [str(done.id)]
    assert state.wish.since == ""

    await RunListState.clear.fn(state)
    assert (len(state.rows), state.is_filtered) == (3, False)


async def test_picked_runs_are_changed_and_what_was_skipped_is_said(
    rows: RowFactory, actor: Actor, cookie: str
) -> None:
    active = await rows.run(actor)
    doomed = [await rows.run(actor, status=RunStatus.STOPPED) for _ in range(2)]
    listed = make_state(RunListState, path="/runs", cookie=cookie)
    await RunListState.load.fn(listed)
    await RunListState.pick_all.fn(listed, True)
    state = make_state(RunBulkState, path="/runs", cookie=cookie)

    await RunBulkState.ask.fn(state, "burn", listed.picked)
    assert state.action == ""
    await RunBulkState.ask.fn(state, "delete", listed.picked)
    assert (state.action, len(state.run_ids)) == ("delete", 3)
    said = str(await RunBulkState.act.fn(state))
    assert await RunBulkState.act.fn(state) is None, "The second click of two."
    await RunListState.refresh.fn(listed)

    assert "2 runs deleted. 1 run left as it was: This run has not ended." in said
    assert [row.id for row in listed.rows] == listed.picked == [str(active.id)]
    assert str(doomed[0].id) not in listed.picked
    await RunBulkState.ask.fn(state, "delete", [str(active.id)] * 201)
    assert len(state.run_ids) == 200


async def test_tags_of_a_row_are_edited_and_checked(
    rows: RowFactory, actor: Actor, cookie: str
) -> None:
    run = await rows.run(actor, tags=["old"])
    state = make_state(RunBulkState, path="/runs", cookie=cookie)
    await RunBulkState.open_tags.fn(state, str(run.id))
    assert (state.tagged_id, state.tags) == (str(run.id), "old")

    await RunBulkState.save_tags.fn(state, {"tags": "x" * 41})
    assert state.tagged_id
    assert "40" in state.errors["tags"]
    await RunBulkState.save_tags.fn(state, {"tags": " Sea, , late  night,sea"})

    assert state.tagged_id == ""
    listed = make_state(RunListState, path="/runs?tag=Sea", cookie=cookie)
    await RunListState.load.fn(listed)
    assert [row.tags for row in listed.rows] == [["sea", "late night"]]
