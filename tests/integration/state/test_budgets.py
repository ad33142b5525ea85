"""Budgets on the page Usage: what is shown, set, changed and deleted."""

from typing import Any

from app import routes
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.state.agent_run import AgentRunState
from app.state.budgets import BudgetsState
from tests.factories.rows import MakeAgent, MakeRun
from tests.factories.usage import add_usage
from tests.integration.state.conftest import SignIn
from tests.states import make_state

FORM: dict[str, Any] = {
    "subject": "me",
    "amount": "0.5",
    "unit": "usd",
    "period": "day",
    "policy": "stop",
    "is_active": "on",
    "email": None,
    "cheaper_model": None,
}


async def test_budget_is_set_shown_changed_and_deleted(
    services: Services, actor: Actor, sign_in: SignIn
) -> None:
    state = make_state(BudgetsState, cookie=await sign_in(actor))
    await add_usage(services.db, actor, cost_micros=420_000)
    await BudgetsState.open_form.fn(state)
    assert state.is_open

    await BudgetsState.save.fn(state, FORM)

    (line,) = state.rows
    assert not state.is_open
    assert (line.subject, line.amount) == (actor.email, "$0.5000 a day")
    assert (line.used, line.share, line.tone) == (
        "$0.4200 used, $0.0800 left (84 %)",
        84,
        "warn",
    )
    await BudgetsState.edit.fn(state, line.id)
    assert (state.values.amount, state.editing_id) == ("0.5", line.id)
    changed = {**FORM, "amount": "0.4", "policy": "cheaper"}
    changed |= {"cheaper_model": "scripted/hello"}
    await BudgetsState.save.fn(state, changed)
    (line,) = state.rows
    assert (line.share, line.tone) == (100, "bad")
    assert line.then == "Then scripted/hello answers"
    await BudgetsState.edit.fn(state, line.id)
    await BudgetsState.save.fn(state, {**changed, "cheaper_model": ""})
    assert state.rows[0].then == "Then the cheap default answers"
    await BudgetsState.ask_delete.fn(state, line.id, line.subject)
    await BudgetsState.delete.fn(state)
    assert state.rows == []


async def test_wrong_fields_are_told_at_the_fields(
    services: Services, actor: Actor, sign_in: SignIn
) -> None:
    state = make_state(BudgetsState, cookie=await sign_in(actor))
    for wrong, field in (
        ({"amount": "much"}, "amount"),
        ({"policy": "cheaper", "cheaper_model": "x/y"}, "cheaper_model"),
        ({"subject": "installation", "policy": "ask"}, "policy"),
        ({"subject": "somebody", "email": "nobody@example.org"}, "email"),
    ):
        await BudgetsState.save.fn(state, {**FORM, **wrong})
        assert field in state.errors, wrong
    assert state.rows == []


async def test_administrator_limits_each_person_of_a_tier(
    services: Services, actor: Actor, other_actor: Actor, sign_in: SignIn
) -> None:
    await add_usage(services.db, actor, cost_micros=420_000)
    state = make_state(BudgetsState, cookie=await sign_in(actor))
    await BudgetsState.open_form.fn(state)
    standard = next(one for one in state.tiers if one.name == "Standard")

    await BudgetsState.save.fn(state, {**FORM, "subject": standard.id})
    await BudgetsState.save.fn(state, {**FORM, "subject": "installation"})

    everybody, line = state.rows
    assert (line.subject, line.used) == (
        "Each person of the tier Standard",
        "$0.4200 used, $0.0800 left (84 %)",
    )
    theirs = make_state(BudgetsState, cookie=await sign_in(other_actor))
    await BudgetsState.open_form.fn(theirs)
    await BudgetsState.load.fn(theirs)
    of_all, own = theirs.rows
    assert theirs.tiers == []
    assert own.used == "$0 used, $0.5000 left (0 %)"
    # What all together may spend, and do, is not told.
    assert (everybody.amount, everybody.is_counted) == ("$0.5000 a day", True)
    assert (of_all.amount, of_all.used) == ("a day", "Not used up")
    assert (of_all.is_counted, of_all.may_change) == (False, False)


async def test_administrator_limits_somebody_who_sees_it(
    services: Services, actor: Actor, other_actor: Actor, sign_in: SignIn
) -> None:
    state = make_state(BudgetsState, cookie=await sign_in(actor))
    somebody = {"subject": "somebody", "email": other_actor.email}
    await BudgetsState.save.fn(state, {**FORM, **somebody})
    assert state.rows == []
    await BudgetsState.show_everyone.fn(state, True)
    assert [line.may_change for line in state.rows] == [True]

    theirs = make_state(BudgetsState, cookie=await sign_in(other_actor))
    await BudgetsState.load.fn(theirs)

    (line,) = theirs.rows
    assert (line.is_imposed, line.may_change) == (True, False)


async def test_page_of_an_agent_shows_its_budgets(
    services: Services, actor: Actor, make_agent: MakeAgent, sign_in: SignIn
) -> None:
    agent = await make_agent(actor)
    cookie = await sign_in(actor)
    state = make_state(BudgetsState, cookie=cookie)
    await BudgetsState.save.fn(state, {**FORM, "subject": f"agent:{agent.id}"})
    page = make_state(BudgetsState, path=routes.agent_path(agent.id), cookie=cookie)

    await BudgetsState.load_of_agent.fn(page)

    assert [line.subject for line in page.of_agent] == [agent.name]


async def test_page_of_an_agent_shows_its_budgets_anew_when_a_run_has_changed(
    actor: Actor, make_agent: MakeAgent, make_run: MakeRun, sign_in: SignIn
) -> None:
    agent = await make_agent(actor)
    cookie = await sign_in(actor)
    page = make_state(AgentRunState, path=routes.agent_path(agent.id), cookie=cookie)
    await AgentRunState.load.fn(page)

    same = await AgentRunState.refresh.fn(page)
    await make_run(actor, agent=agent)
    changed = await AgentRunState.refresh.fn(page)

    assert (same, changed) == (None, BudgetsState.load_of_agent)
