"""The page of usage: what it adds up, and where it leads."""

from datetime import timedelta

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.state.usage import UsageState
from tests.factories.usage import add_usage
from tests.states import make_state


async def _opened(cookie: str, query: str = "") -> UsageState:
    state = make_state(UsageState, path=f"/usage{query}", cookie=cookie)
    await UsageState.load.fn(state)
    return state


async def test_page_adds_up_and_leads_to_the_runs(
    cookie: str, services: Services, actor: Actor, other_actor: Actor
) -> None:
    agent = ids.new_id()
    today = clock.now().date()
    db = services.db
    await add_usage(db, actor, agent_id=agent, cost_micros=30_000)
    earlier = today - timedelta(days=2)
    await add_usage(db, actor, day=earlier, cost_micros=60_000, model="p/b")
    await add_usage(db, other_actor, cost_micros=5_000_000)

    state = await _opened(cookie)
    assert (state.total.cost, state.total.calls) == ("$0.0900", "2")
    assert [row.share for row in state.rows] == [100.0, 50.0]
    assert f"agent={agent}" in state.rows[1].path
    assert len(state.days) == 30
    assert [day.share for day in state.days][-3:] == [100.0, 0.0, 50.0]

    await UsageState.want.fn(state, "by", "model")
    await UsageState.only.fn(state, "p/b")
    assert (state.total.calls, state.wish.by) == ("1", "agent")
    assert "model=p%2Fb" in state.export_path
    await UsageState.clear.fn(state)
    await UsageState.want.fn(state, "by", "provider")
    (line,) = state.rows
    assert (line.id, line.cached, line.may_narrow) == ("p", "0 %, 0", True)
    await UsageState.only.fn(state, "p")
    assert (state.wish.by, len(state.rows), state.is_narrowed) == ("model", 2, True)
    assert "provider=p" in state.export_path
    await UsageState.clear.fn(state)
    await UsageState.want.fn(state, "everyone", "yes")
    await UsageState.want.fn(state, "by", "user")
    assert [row.name for row in state.rows] == [other_actor.email, actor.email]
    assert {row.path for row in state.rows} == {""}


async def test_address_asks_nothing_for_others(
    other_cookie: str, services: Services, actor: Actor
) -> None:
    await add_usage(services.db, actor)

    state = await _opened(
        other_cookie, "?everyone=yes&by=user&since=x&until=9999-12-31"
    )

    assert (state.rows, state.wish.everyone, state.wish.by) == ([], "", "agent")
