"""The tags of a run, on its page and where a question is asked."""

from app.backend.core.actor import Actor
from app.routes import agent_path, run_path
from app.state import tabs
from app.state.agent_run import AgentRunState
from app.state.run_feed import RunFeedState
from app.state.run_tags import RunTagsState
from tests.factories.rows import RowFactory
from tests.states import make_state


async def test_tags_are_added_and_taken_away(
    cookie: str, actor: Actor, rows: RowFactory
) -> None:
    run = await rows.run(actor, tags=["nightly"])
    state = make_state(RunTagsState, path=run_path(run.id), cookie=cookie)
    feed = await state.get_state(RunFeedState)
    tabs.install(lambda _: False)
    await RunFeedState.follow.fn(feed, str(run.id))

    await RunTagsState.add.fn(state, {"run_id": str(run.id), "tags": "A&B, nightly"})
    assert [tag.text for tag in feed.run.tags] == ["nightly", "a&b"]
    assert feed.run.tags[1].path == "/runs?tag=a%26b"

    await RunTagsState.remove.fn(state, str(run.id), "nightly")
    assert [tag.text for tag in feed.run.tags] == ["a&b"]


async def test_too_many_tags_say_so_beside_the_field(
    cookie: str, actor: Actor, rows: RowFactory
) -> None:
    run = await rows.run(actor, tags=["one"])
    state = make_state(RunTagsState, path=run_path(run.id), cookie=cookie)
    many = ",".join(f"tag {n}" for n in range(10))

    await RunTagsState.add.fn(state, {"run_id": str(run.id), "tags": many})

    assert state.errors == {"tags": "At most 10 are possible."}


async def test_question_is_asked_with_tags(
    cookie: str, actor: Actor, rows: RowFactory
) -> None:
    agent = await rows.agent(actor)
    state = make_state(AgentRunState, path=agent_path(agent.id), cookie=cookie)
    await AgentRunState.load.fn(state)

    await AgentRunState.submit.fn(
        state,
        {"query": "Hello?", "tags": "Nightly, eval", "request_id": state.request_id},
    )

    feed = await state.get_state(RunFeedState)
    assert [tag.text for tag in feed.run.tags] == ["nightly", "eval"]
