"""What happens when a budget is used up: the run ends, its person is asked, or another model answers."""

from uuid import UUID

import pytest
from pydantic import SecretStr

from app.backend import bootstrap
from app.backend.agents.schemas import AgentKind
from app.backend.budgets import service as budgets
from app.backend.budgets.schemas import (
    BudgetChange,
    BudgetPeriod,
    BudgetPolicy,
    BudgetScope,
    BudgetUnit,
)
from app.backend.core.actor import Actor
from app.backend.core.errors import Invalid
from app.backend.core.run_events import RunStatus
from tests.factories.rows import MakeUser
from tests.fakes.knowledge import FakeEmbedder
from tests.integration.budgets.conftest import CENT, Purse, steps, words
from tests.parts import free_port

NOW = ("now", {})


async def test_run_is_stopped_when_the_budget_is_used_up(purse: Purse) -> None:
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    budget = await purse.limit(0.25)

    runs = [await purse.run(agent) for _ in range(4)]

    done, last = runs[:3], runs[3]
    assert {run.status for run in done} == {RunStatus.COMPLETED}
    assert (last.status, last.error_code) == (RunStatus.TIMED_OUT, "OVER_BUDGET")
    assert "The budget of this user ($0.2500 a day) is used up ($0.3000)" in last.error
    assert "raise it on the page Usage" in last.error
    assert await purse.events(last.id, "usage_recorded") == []
    view = await purse.get(budget)
    assert (view.spent, view.percent) == (0.3, 120)


@pytest.mark.parametrize("scope", [BudgetScope.AGENT, BudgetScope.INSTALLATION])
async def test_tokens_of_agents_and_of_everybody_are_counted(
    purse: Purse, scope: BudgetScope
) -> None:
    agent = await purse.agent(f"scripted/{words(10)}")
    other = await purse.agent(f"scripted/{words(10)}", name="Other")
    await purse.limit(
        5,
        scope=scope,
        agent_id=agent.id if scope is BudgetScope.AGENT else None,
        unit=BudgetUnit.TOKENS,
        period=BudgetPeriod.TOTAL,
    )

    first, second, third = [await purse.run(one) for one in (agent, agent, other)]

    assert first.status == RunStatus.COMPLETED, first.error
    assert second.status == RunStatus.TIMED_OUT
    is_of_all = scope is BudgetScope.INSTALLATION
    # What everybody spent is not told to whoever comes last.
    assert ("(5 tokens in all)" in second.error) is not is_of_all
    assert (third.status == RunStatus.TIMED_OUT) is is_of_all


async def test_person_is_asked_and_allows_more(purse: Purse) -> None:
    (model,) = await purse.models(steps(NOW, NOW, None))
    agent = await purse.worker(model)
    await purse.limit(0.20, policy=BudgetPolicy.ASK)

    run = await purse.run(agent)

    assert run.status == RunStatus.WAITING, run.error
    question = run.question
    assert question is not None
    assert question.kind == "budget_reached"
    assert "is used up ($0.2000). May this run spend $0.2000 more?" in question.text
    more = question.choices[0]
    assert (more.value, more.label) == ("more:200000", "Allow $0.2000 more")

    await purse.desk.answer(run.id, choice=more.value)
    done = await purse.desk.work(run.id)

    assert done.status == RunStatus.COMPLETED, done.error
    assert await purse.spent() == 30 * CENT
    # It was allowed to that run, and not to others.
    again = await purse.run(agent)
    assert again.status == RunStatus.WAITING
    assert again.question is not None
    stopped = await purse.desk.answer(again.id, choice="stop")
    assert stopped.status == RunStatus.STOPPED


async def test_cheaper_model_answers_visibly_and_for_the_rest_of_the_run(
    purse: Purse,
) -> None:
    model, cheap = await purse.models(steps(NOW, NOW, NOW, None), steps(None, count=1))
    agent = await purse.worker(model)
    budget = await purse.limit(
        0.15, policy=BudgetPolicy.CHEAPER, cheaper_model=cheap, period=BudgetPeriod.RUN
    )

    run = await purse.run(agent)

    assert run.status == RunStatus.COMPLETED, run.error
    used = [one.payload for one in await purse.events(run.id, "usage_recorded")]
    assert [one["model"] for one in used] == [model, model, cheap]
    (asked,) = await purse.events(run.id, "fallback_asked")
    assert (asked.payload["model"], asked.payload["instead_of"]) == (cheap, model)
    assert "is used up ($0.2000)" in asked.payload["reason"]
    begun = [
        one.payload["model"] for one in await purse.events(run.id, "message_started")
    ]
    assert begun == [model, model, cheap]
    # Each run has its own amount.
    assert (await purse.get(budget)).spent is None
    next_run = await purse.run(agent)
    used = [one.payload for one in await purse.events(next_run.id, "usage_recorded")]
    assert [one["model"] for one in used] == [model, model, cheap]


async def test_cheaper_model_that_cannot_be_asked_ends_the_run(purse: Purse) -> None:
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    await purse.limit(0.05, policy=BudgetPolicy.CHEAPER, cheaper_model="gone/model")

    await purse.run(agent)
    run = await purse.run(agent)

    assert run.status == RunStatus.TIMED_OUT
    assert "is used up" in run.error


async def test_cheaper_model_answers_for_a_fallback_too(purse: Purse) -> None:
    model, cheap = await purse.models(words(10), words(1))
    away = 'scripted/{"error": "unavailable"}'
    agent = await purse.agent(away, fallbacks=[model])
    await purse.limit(0.05, policy=BudgetPolicy.CHEAPER, cheaper_model=cheap)

    await purse.run(agent)
    run = await purse.run(agent)

    assert run.status == RunStatus.COMPLETED, run.error
    assert await _asked(purse, run.id) == [(model, away), (cheap, model)]


async def test_cheaper_model_that_is_away_is_asked_once_and_then_the_fallbacks(
    purse: Purse,
) -> None:
    model, cheap = await purse.models(words(10), '{"error": "unavailable"}')
    agent = await purse.agent(model, fallbacks=[cheap, "scripted/hello"])
    await purse.limit(0.05, policy=BudgetPolicy.CHEAPER, cheaper_model=cheap)

    await purse.run(agent)
    run = await purse.run(agent)

    assert run.status == RunStatus.COMPLETED, run.error
    asked = await _asked(purse, run.id)
    assert asked == [(cheap, model), ("scripted/hello", cheap)]


async def _asked(purse: Purse, run_id: UUID) -> list[tuple[str, str]]:
    """Return the models that were asked, each with the one before."""
    events = [one.payload for one in await purse.events(run_id, "fallback_asked")]
    return [(one["model"], one["instead_of"]) for one in events]


async def test_model_that_costs_nothing_goes_on(purse: Purse) -> None:
    (model,) = await purse.models(words(10))
    await purse.limit(0.05)

    first = await purse.run(await purse.agent(model))
    free = await purse.run(await purse.agent("scripted/hello"))
    second = await purse.run(await purse.agent(model))

    found = [one.status for one in (first, free, second)]
    done = RunStatus.COMPLETED
    assert found == [done, done, RunStatus.TIMED_OUT]


async def test_model_without_a_price_is_refused_by_a_budget_in_money(
    purse: Purse,
) -> None:
    model = "openai/any"
    agent = await purse.agent(model)
    await purse.limit(5)
    somewhere = {
        "openai_base_url": f"http://127.0.0.1:{free_port()}/v1",
        "openai_api_key": SecretStr("k"),
    }
    changed = purse.services.settings.model_copy(update=somewhere)

    async with bootstrap.build(changed, local_embedder=FakeEmbedder()) as services:
        run = await purse.on(services).run(agent)

    assert (run.status, run.error_code) == (RunStatus.FAILED, "PRICE_UNKNOWN")
    assert f"The price of {model} is not known" in run.error


async def test_notice_comes_once_in_a_period(purse: Purse) -> None:
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    await purse.limit(0.35)

    runs = [await purse.run(agent) for _ in range(4)]

    noticed = [await purse.events(run.id, "budget_noticed") for run in runs]
    assert [len(one) for one in noticed] == [0, 0, 0, 1]
    (event,) = noticed[3]
    assert event.payload["percent"] == 85
    told = "The budget of this user ($0.3500 a day) is nearly used up (85 %)."
    assert event.payload["message"] == told
    assert runs[3].status == RunStatus.COMPLETED


async def test_shared_agent_limits_whoever_runs_it_and_asks_nobody_else(
    purse: Purse, other_actor: Actor
) -> None:
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model, is_public=True)
    asks = BudgetPolicy.ASK
    await purse.limit(0.05, scope=BudgetScope.AGENT, agent_id=agent.id, policy=asks)

    first = await purse.run(agent, by=other_actor)
    second = await purse.run(agent, by=other_actor)
    own = await purse.run(agent)

    assert first.status == RunStatus.COMPLETED, first.error
    assert second.status == RunStatus.TIMED_OUT
    told = "The budget of this agent is used up. Wait until tomorrow (UTC), or ask the owner of the agent to raise it."
    assert second.error == told
    assert own.status == RunStatus.WAITING


async def test_own_budget_leads_to_no_model_of_somebody_else(
    purse: Purse, other_actor: Actor
) -> None:
    model, cheap = await purse.models(words(10), words(1))
    agent = await purse.agent(model, is_public=True)
    cheaper = {"policy": BudgetPolicy.CHEAPER, "cheaper_model": cheap}
    await purse.limit(0.05, by=other_actor, **cheaper)

    first = await purse.run(agent, by=other_actor)
    second = await purse.run(agent, by=other_actor)

    assert first.status == RunStatus.COMPLETED, first.error
    assert second.status == RunStatus.TIMED_OUT
    assert await purse.spent() == 10 * CENT


async def test_changed_unit_is_counted_anew(purse: Purse) -> None:
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    budget = await purse.limit(5)
    await purse.run(agent)

    async with purse.services.db.transaction() as session:
        change = BudgetChange(unit=BudgetUnit.TOKENS, amount=90_000)
        await budgets.change_budget(
            session, purse.actor, budget_id=budget.id, change=change
        )
    run = await purse.run(agent)

    # 100,000 millionths of a dollar are no tokens.
    assert run.status == RunStatus.COMPLETED, run.error


async def test_budget_of_a_user_counts_their_runs_alone(
    purse: Purse, other_actor: Actor
) -> None:
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model, is_public=True)
    await purse.limit(0.05, user_id=other_actor.user_id)

    await purse.run(agent)
    first = await purse.run(agent, by=other_actor)
    second = await purse.run(agent, by=other_actor)

    assert (first.status, second.status) == (
        RunStatus.COMPLETED,
        RunStatus.TIMED_OUT,
    )
    assert "ask an administrator to raise it" in second.error


async def test_whoever_is_limited_by_others_cannot_be_asked(
    purse: Purse, make_user: MakeUser
) -> None:
    other = await make_user()
    asks = BudgetPolicy.ASK
    with pytest.raises(Invalid, match="would be asked to raise it"):
        await purse.limit(1, user_id=other.user_id, policy=asks)
    with pytest.raises(Invalid, match="would be asked to raise it"):
        await purse.limit(1, scope=BudgetScope.INSTALLATION, policy=asks)


async def test_budget_that_is_switched_off_counts_nothing(purse: Purse) -> None:
    (model,) = await purse.models(words(10))
    await purse.limit(0.01, is_active=False)
    agent = await purse.agent(model, kind=AgentKind.ANSWER)

    runs = [await purse.run(agent) for _ in range(2)]

    assert {run.status for run in runs} == {RunStatus.COMPLETED}
