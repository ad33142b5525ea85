"""The dashboard: agents, runs, and a question that is one click."""

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.runs import service as runs
from app.state.dashboard import DashboardState
from tests.factories.rows import MakeAgent, MakeRun
from tests.states import make_state


async def test_load_parts_active_from_ended_runs(
    cookie: str, actor: Actor, make_agent: MakeAgent, make_run: MakeRun
) -> None:
    agent = await make_agent(actor)
    active = await make_run(actor, agent=agent, status=RunStatus.RUNNING)
    ended = await make_run(actor, agent=agent, status=RunStatus.FAILED)
    state = make_state(DashboardState, cookie=cookie)

    await DashboardState.load.fn(state)

    assert [line.id for line in state.active] == [str(active.id)]
    assert [line.id for line in state.recent] == [str(ended.id)]
    assert [line.id for line in state.agents] == [str(agent.id)]
    assert (state.failed_today, state.is_loading) == (1, False)


async def test_refresh_sends_nothing_when_nothing_changed(
    cookie: str, actor: Actor, make_agent: MakeAgent, make_run: MakeRun
) -> None:
    agent = await make_agent(actor)
    await make_run(actor, agent=agent, status=RunStatus.RUNNING)
    state = make_state(DashboardState, cookie=cookie)
    await DashboardState.load.fn(state)
    state._clean()  # pyright: ignore[reportPrivateUsage] - the framework does so after sending

    await DashboardState.refresh.fn(state)

    assert not state.dirty_vars & {"active", "recent", "agents"}


async def test_ask_starts_a_run_and_shows_it(
    cookie: str, actor: Actor, make_agent: MakeAgent, services: Services
) -> None:
    agent = await make_agent(actor)
    state = make_state(DashboardState, cookie=cookie)

    answer = await DashboardState.ask.fn(state, str(agent.id), "How hot?")

    async with services.db.read() as session:
        (run,) = (await runs.list_runs(session, actor)).items
    assert run.input == {"query": "How hot?"}
    assert f"/agents/{agent.id}?run={run.id}" in str(answer)
