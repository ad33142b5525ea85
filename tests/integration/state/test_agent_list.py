"""The list of agents: what it shows, and what can be done with one."""

from app.backend.agents import service as agents
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Role
from app.backend.core.run_events import RunStatus
from app.state.agent_list import AgentListState
from tests.factories.rows import MakeAgent, MakeRun, MakeUser
from tests.integration.state.conftest import SignIn
from tests.states import make_state


async def test_load_shows_own_agents(
    cookie: str, actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    await make_agent(actor, name="Mine")
    await make_agent(other_actor, name="Theirs")
    state = make_state(AgentListState, path="/agents", cookie=cookie)

    await AgentListState.load.fn(state)

    assert [row.name for row in state.rows] == ["Mine"]
    assert not state.is_loading


async def test_load_says_which_limit_ended_the_last_run(
    cookie: str, actor: Actor, make_agent: MakeAgent, make_run: MakeRun
) -> None:
    agent = await make_agent(actor)
    await make_run(
        actor, agent=agent, status=RunStatus.TIMED_OUT, error_code="OVER_BUDGET"
    )
    state = make_state(AgentListState, path="/agents", cookie=cookie)

    await AgentListState.load.fn(state)

    assert [row.last_status for row in state.rows] == ["over_budget"]


async def test_load_takes_search_from_the_address(
    cookie: str, actor: Actor, make_agent: MakeAgent
) -> None:
    await make_agent(actor, name="Apple")
    await make_agent(actor, name="Pear")
    state = make_state(AgentListState, path="/agents?q=pea", cookie=cookie)

    await AgentListState.load.fn(state)

    assert [row.name for row in state.rows] == ["Pear"]


async def test_archive_takes_out_and_offers_undo(
    cookie: str, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, name="Old")
    state = make_state(AgentListState, path="/agents", cookie=cookie)
    await AgentListState.load.fn(state)

    answer = await AgentListState.archive.fn(state, str(agent.id))

    assert state.rows == []
    assert "Old is archived." in str(answer)
    assert "agent.restore" in str(answer)


async def test_restore_brings_back(
    cookie: str, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, name="Old")
    state = make_state(AgentListState, path="/agents", cookie=cookie)
    await AgentListState.archive.fn(state, str(agent.id))

    await AgentListState.restore.fn(state, str(agent.id))

    assert [row.name for row in state.rows] == ["Old"]


async def test_duplicate_opens_the_copy(
    cookie: str, actor: Actor, make_agent: MakeAgent, services: Services
) -> None:
    agent = await make_agent(actor, name="One")
    state = make_state(AgentListState, path="/agents", cookie=cookie)

    answer = await AgentListState.duplicate.fn(state, str(agent.id))

    async with services.db.read() as session:
        page = await agents.list_agents(session, actor)
    copy = next(item for item in page.items if item.id != agent.id)
    assert f"/agents/{copy.id}/edit" in str(answer)


async def test_delete_asks_first(
    cookie: str, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, name="Gone")
    state = make_state(AgentListState, path="/agents", cookie=cookie)
    await AgentListState.load.fn(state)

    await AgentListState.ask_delete.fn(state, str(agent.id), "Gone")
    assert len(state.rows) == 1
    await AgentListState.delete.fn(state)

    assert (state.rows, state.doomed_id) == ([], "")


async def test_malformed_id_is_not_found(cookie: str) -> None:
    state = make_state(AgentListState, path="/agents", cookie=cookie)

    answer = await AgentListState.archive.fn(state, "no-id")

    assert "or it is not yours" in str(answer)


async def test_viewer_may_not_archive(
    sign_in: SignIn, actor: Actor, make_user: MakeUser, make_agent: MakeAgent
) -> None:
    viewer = await make_user(role=Role.VIEWER)
    agent = await make_agent(viewer)
    state = make_state(AgentListState, path="/agents", cookie=await sign_in(viewer))

    answer = await AgentListState.archive.fn(state, str(agent.id))

    assert "Your role does not allow this" in str(answer)


async def test_search_shows_what_matches(
    cookie: str, actor: Actor, make_agent: MakeAgent
) -> None:
    await make_agent(actor, name="Apple")
    await make_agent(actor, name="Pear")
    state = make_state(AgentListState, path="/agents", cookie=cookie)
    await AgentListState.load.fn(state)

    await AgentListState.search.fn(state, "app")
    assert [row.name for row in state.rows] == ["Apple"]

    await AgentListState.clear.fn(state)
    assert (len(state.rows), state.text, state.search_key) == (2, "", 1)
