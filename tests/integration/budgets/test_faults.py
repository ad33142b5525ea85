"""Many runs at once, a Redis that forgets or is away, a worker that dies: nobody spends more than one call too much."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from app.backend import bootstrap
from app.backend.budgets import ledger, repository
from app.backend.budgets import service as budgets
from app.backend.budgets import spending as spending_module
from app.backend.budgets.caps import Cap, Payer
from app.backend.budgets.ledger import Busy, Full, Held, Ledger, Slot
from app.backend.budgets.schemas import BudgetChange, BudgetPeriod, BudgetPolicy
from app.backend.budgets.spending import RunSpending
from app.backend.core import clock, ids
from app.backend.core.run_events import Event, RunStatus
from app.backend.core.spending import OverBudget, PlannedCall
from app.backend.models import patience
from app.backend.runs.recovery import RunRecovery
from tests.factories.usage import add_usage
from tests.fakes.knowledge import FakeEmbedder
from tests.integration.budgets.conftest import CENT, MOST, Purse, words
from tests.parts import free_port
from tests.runs import POLL_SECONDS, WAIT_SECONDS

AT_ONCE = 20


async def _run_all(purse: Purse, agent: Any, count: int) -> Sequence[Any]:
    started = [await purse.runs.start(agent.id) for _ in range(count)]
    await asyncio.gather(*(purse.work(run.id) for run in started))
    return [await purse.runs.get(run.id) for run in started]


async def test_twenty_runs_at_once_spend_one_call_too_much_at_most(
    purse: Purse,
) -> None:
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    await purse.limit(1)

    runs = await _run_all(purse, agent, AT_ONCE)

    spent = await purse.spent()
    assert 100 * CENT <= spent <= (100 + MOST) * CENT
    counts = [run.status for run in runs]
    assert counts.count(RunStatus.COMPLETED) == spent // (10 * CENT)
    assert counts.count(RunStatus.TIMED_OUT) == AT_ONCE - spent // (10 * CENT)


async def test_redis_that_is_emptied_in_the_middle_forgets_nothing(
    purse: Purse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "GRACE_SECONDS", 1.0)
    monkeypatch.setattr(ledger, "RENEW_SECONDS", 0.1)
    (model,) = await purse.models(words(10, tokens_per_second=20))
    agent = await purse.agent(model)
    await purse.limit(1)
    redis, is_over = purse.services.redis, asyncio.Event()

    async def empty() -> None:
        seen = -1
        while not is_over.is_set():
            now = await purse.spent()
            if now != seen:
                for key in await redis.keys("app:budgets:*"):
                    await redis.delete(key)
            seen = now
            await asyncio.sleep(POLL_SECONDS)

    emptying = asyncio.create_task(empty())
    runs = await _run_all(purse, agent, AT_ONCE)
    is_over.set()
    await emptying

    spent = await purse.spent()
    assert 100 * CENT <= spent <= (100 + MOST) * CENT
    assert {run.status for run in runs} == {RunStatus.COMPLETED, RunStatus.TIMED_OUT}


async def test_without_redis_no_model_is_asked_that_costs_something(
    purse: Purse,
) -> None:
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    free = await purse.agent("scripted/hello")
    await purse.limit(1)
    started = [await purse.runs.start(one.id) for one in (agent, free)]

    away = {"redis_url": f"redis://127.0.0.1:{free_port()}/0"}
    changed = purse.services.settings.model_copy(update=away)
    async with bootstrap.build(changed, local_embedder=FakeEmbedder()) as services:
        for run in started:
            await purse.on(services).work(run.id)
    refused, done = [await purse.runs.get(run.id) for run in started]

    assert (refused.status, refused.error_code) == (
        RunStatus.FAILED,
        "SERVICE_UNAVAILABLE",
    )
    assert "cannot be checked, since Redis does not answer" in refused.error
    assert await purse.events(refused.id, "usage_recorded") == []
    assert done.status == RunStatus.COMPLETED, done.error


async def test_what_a_killed_worker_had_set_aside_comes_back(purse: Purse) -> None:
    (slow, quick) = await purse.models(words(1000, tokens_per_second=1), words(10))
    budget = await purse.limit(0.05, period=BudgetPeriod.TOTAL)
    started = await purse.runs.start((await purse.agent(slow)).id)
    attempt = purse.desk.fork_server.start(
        "tests.attempt", purse.services.settings, str(started.id)
    )
    await purse.runs.wait_for_event(started.id, "message_delta")
    attempt.kill()
    await purse.runs.stop(started.id)
    recovery = RunRecovery(
        purse.services.db, purse.services.redis, purse.services.outbox, 3
    )
    assert await recovery.release(worker="attempt")

    run = await purse.run(await purse.agent(quick))

    assert run.status == RunStatus.COMPLETED, run.error
    waited = [one.payload["content"] for one in await purse.events(run.id, "step")]
    assert any("may need all that is left" in text for text in waited)
    (cut,) = await purse.events(started.id, "usage_recorded")
    assert (cut.payload["outcome"], cut.payload["is_estimated"]) == ("cut", True)
    # What came is paid, and counts: a cent a word.
    said = await purse.events(started.id, "message_delta")
    tokens = sum(one.payload["tokens"] for one in said)
    assert cut.payload["tokens_out"] == tokens
    assert cut.payload["cost_micros"] == tokens * CENT
    assert (await purse.get(budget)).spent == pytest.approx(0.10 + tokens / 100)


async def test_what_a_killed_worker_spent_counts_at_once(purse: Purse) -> None:
    _, slot = await _cap(purse, 1)
    (slow,) = await purse.models(words(1000, tokens_per_second=1))
    started = await purse.runs.start((await purse.agent(slow)).id)
    attempt = purse.desk.fork_server.start(
        "tests.attempt", purse.services.settings, str(started.id)
    )
    await purse.runs.wait_for_event(started.id, "message_delta")
    attempt.kill()
    await purse.runs.stop(started.id)
    # Nothing else tells that it was cut: what it had set aside ran out, and somebody has read the rows since.
    await purse.services.redis.delete(slot.keys[1])
    book = _ledger(purse)
    assert await _spent(book, slot) == 0
    recovery = RunRecovery(
        purse.services.db, purse.services.redis, purse.services.outbox, 3
    )

    assert await recovery.release(worker="attempt")

    (cut,) = await purse.events(started.id, "usage_recorded")
    assert cut.payload["cost_micros"] > 0
    assert await _spent(book, slot) == cut.payload["cost_micros"]


async def test_notice_that_cannot_be_noted_is_left_to_another_run(
    purse: Purse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, slot = await _cap(purse, 1)
    book = _ledger(purse)

    async def is_away(*_given: Any, **_options: Any) -> None:
        raise RedisConnectionError

    with monkeypatch.context() as away:
        away.setattr(purse.services.redis, "set", is_away)
        assert not await book.is_first_to_tell(slot)
    assert await book.is_first_to_tell(slot)
    assert not await book.is_first_to_tell(slot)


async def _cap(purse: Purse, amount: float) -> tuple[Cap, Slot]:
    await purse.limit(amount, period=BudgetPeriod.TOTAL)
    user_id, none = purse.actor.user_id, ids.new_id()
    payer = Payer(user_id, none, none, none, none, user_id)
    async with purse.services.db.read() as session:
        (cap,) = await repository.list_caps(session, payer)
    return cap, Slot(cap, "all", wanted=10 * CENT, limit=cap.amount)


def _ledger(purse: Purse, *, lease_seconds: float = 30) -> Ledger:
    services = purse.services
    return Ledger(services.redis, services.db, lease_seconds=lease_seconds)


async def _spent(book: Ledger, slot: Slot) -> int:
    found = await book.reserve(ids.new_id(), [Slot(slot.cap, slot.period, 1)])
    assert isinstance(found, Held)
    return found.spent[0]


async def test_what_is_set_aside_keeps_others_out_until_it_is_settled(
    purse: Purse,
) -> None:
    _, slot = await _cap(purse, 0.10)
    book, first, second = _ledger(purse), ids.new_id(), ids.new_id()

    assert isinstance(await book.reserve(first, [slot]), Held)
    assert isinstance(await book.reserve(second, [slot]), Busy)
    await book.settle(first, [(slot, 3 * CENT)])
    assert isinstance(await book.reserve(second, [slot]), Held)
    await book.settle(second, [(slot, 10 * CENT)])

    found = await book.reserve(ids.new_id(), [slot])
    assert isinstance(found, Full)
    assert found.slots == [(slot, 13 * CENT)]


async def test_renewal_after_the_settling_sets_nothing_aside(purse: Purse) -> None:
    _, slot = await _cap(purse, 0.10)
    book, first = _ledger(purse), ids.new_id()
    held = await book.reserve(first, [slot])
    assert isinstance(held, Held)
    await book.settle(first, [(slot, 3 * CENT)])

    # As another process does that has not heard yet.
    await book.renew(first, [slot], held)

    assert isinstance(await book.reserve(ids.new_id(), [slot]), Held)


async def test_same_call_is_set_aside_once(purse: Purse) -> None:
    _, slot = await _cap(purse, 0.15)
    book, call_id = _ledger(purse), ids.new_id()

    for _ in range(3):
        assert isinstance(await book.reserve(call_id, [slot]), Held)

    assert isinstance(await book.reserve(ids.new_id(), [slot]), Held)


async def _pay(purse: Purse, cents: int, **values: Any) -> None:
    cost = {"cost_micros": cents * CENT, **values}
    await add_usage(purse.services.db, purse.actor, **cost)


async def test_call_whose_row_was_read_already_is_not_counted_twice(
    purse: Purse,
) -> None:
    _, slot = await _cap(purse, 1)
    book, call_id = _ledger(purse), ids.new_id()
    await book.reserve(call_id, [slot])
    # Its row is there, Redis forgets everything, somebody reads the rows, and only then it is settled.
    await _pay(purse, 7)
    await purse.services.redis.delete(slot.keys[0])
    assert await _spent(book, slot) == 7 * CENT

    await book.settle(call_id, [(slot, 7 * CENT)])

    assert await _spent(book, slot) == 7 * CENT


async def test_rows_that_were_read_too_early_are_read_again(
    purse: Purse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, slot = await _cap(purse, 1)
    book, call_id = _ledger(purse), ids.new_id()
    await book.reserve(call_id, [slot])
    await purse.services.redis.delete(slot.keys[0])
    read = repository.count_spent

    async def late(session: Any, cap: Cap, period: str) -> int:
        found = await read(session, cap, period)
        monkeypatch.setattr(repository, "count_spent", read)
        # Between the reading and what comes of it, the call ends.
        await _pay(purse, 7)
        await book.settle(call_id, [(slot, 7 * CENT)])
        return found

    monkeypatch.setattr(repository, "count_spent", late)

    assert await _spent(book, slot) == 7 * CENT


async def test_what_ran_out_makes_the_rows_be_read(purse: Purse) -> None:
    _, slot = await _cap(purse, 1)
    quick, book = _ledger(purse, lease_seconds=0.05), _ledger(purse)
    await quick.reserve(ids.new_id(), [slot])
    # Its worker dies between the row and the settling.
    await _pay(purse, 7)

    end = clock.monotonic() + WAIT_SECONDS
    while await _spent(book, slot) != 7 * CENT:
        assert clock.monotonic() < end
        await asyncio.sleep(POLL_SECONDS)


async def test_calls_of_another_period_do_not_count(purse: Purse) -> None:
    yesterday = clock.now().date().replace(day=1)
    (model,) = await purse.models(words(10))
    agent = await purse.agent(model)
    await purse.limit(0.05)
    await purse.limit(5, period=BudgetPeriod.MONTH)
    if yesterday == clock.now().date():
        yesterday = yesterday.replace(year=yesterday.year - 1)
    await _pay(purse, 99, day=yesterday, agent_id=agent.id)

    run = await purse.run(agent)

    assert run.status == RunStatus.COMPLETED, run.error


async def test_call_that_failed_and_may_not_be_tried_again_costs_nothing(
    purse: Purse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.0)
    (model,) = await purse.models(words(0, error="unavailable"))
    agent = await purse.agent(model)
    await purse.limit(0.10)
    asked = RunSpending.reserve

    async def once(spending: RunSpending, call: PlannedCall) -> None:
        # While the first try fails, others use the budget up.
        monkeypatch.setattr(RunSpending, "reserve", asked)
        await asked(spending, call)
        await _pay(purse, 99)
        for key in await purse.services.redis.keys("app:budgets:*"):
            await purse.services.redis.delete(key)

    monkeypatch.setattr(RunSpending, "reserve", once)
    run = await purse.run(agent)

    assert run.status == RunStatus.TIMED_OUT, run.error
    assert await purse.spent() == 99 * CENT
    (used,) = await purse.events(run.id, "usage_recorded")
    assert (used.payload["outcome"], used.payload["tokens_in"]) == ("failed", 0)


def _tell_nobody(event: Event) -> None:
    """What is said is of no matter."""


async def test_budget_that_was_raised_leads_to_no_other_model_any_more(
    purse: Purse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending_module, "FRESH_SECONDS", 0.0)
    cheap, dear = "scripted/cheap", "scripted/dear"
    budget = await purse.limit(0.05, policy=BudgetPolicy.CHEAPER, cheaper_model=cheap)
    await _pay(purse, 7)
    user_id, none = purse.actor.user_id, ids.new_id()
    payer = Payer(user_id, none, none, none, none, user_id)
    call = PlannedCall(ids.new_id(), dear, 1, 1, cost_micros=CENT)

    async with RunSpending(purse.services, payer, _tell_nobody) as spending:
        with pytest.raises(OverBudget) as over:
            await spending.reserve(call)
        led_to = spending.model_for(dear)
        async with purse.services.db.transaction() as session:
            change = BudgetChange(amount=1)
            await budgets.change_budget(
                session, purse.actor, budget_id=budget.id, change=change
            )
        await spending.reserve(replace(call, model=cheap))
        after = spending.model_for(dear)

    assert (over.value.instead, led_to, after) == (cheap, cheap, dear)
