"""How far a run may go."""

from typing import Any

import pytest

from app.backend.agents.schemas import AgentKind
from app.backend.agents.spec import AgentSpec
from app.backend.core import ids
from app.backend.core.run_events import MessageDelta, UsageRecorded
from app.backend.core.settings import Settings
from app.backend.core.spending import LimitReached
from app.backend.runs.budget import Limits, RunBudget

INSTALLATION = Settings.model_validate(
    {"run_steps_max": 5, "run_seconds_max": 60, "run_tokens_max": 100}
)


def _limits(**values: Any) -> Limits:
    spec = AgentSpec(
        id=ids.new_id(),
        name="Librarian",
        kind=AgentKind.ANSWER,
        instructions="",
        model="scripted/hello",
        temperature=0,
        max_tokens=200,
        passages=4,
        **values,
    )
    return Limits.of(spec, INSTALLATION)


def _delta(tokens: int) -> MessageDelta:
    return MessageDelta(message_id=ids.new_id(), text="word ", tokens=tokens)


def _usage(tokens_in: int, tokens_out: int) -> UsageRecorded:
    return UsageRecorded(
        model="m",
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        first_token_milliseconds=1,
        milliseconds=2,
    )


def test_agent_allows_less_but_never_more_than_the_installation() -> None:
    assert _limits().steps.most == 5
    assert _limits(steps_max=2).steps.most == 2
    assert _limits(tokens_max=1_000_000).tokens.most == 100


def test_reason_says_which_limit_and_where_to_raise_it() -> None:
    assert (
        _limits(seconds_max=1).seconds.reason()
        == "The run reached its limit of 1 second. Ask for less, or raise the limit in the agent's settings."
    )
    assert "100 tokens" in _limits().tokens.reason()
    assert "ATELIER_RUN_TOKENS_MAX" in _limits().tokens.reason()


def test_steps_end_at_the_limit() -> None:
    budget = RunBudget(_limits())

    for number in range(1, 6):
        budget.begin_step(number)

    with pytest.raises(LimitReached, match="5 steps"):
        budget.begin_step(6)


def test_tokens_count_in_the_middle_of_an_answer() -> None:
    budget = RunBudget(_limits(), tokens=90)

    budget.count(_delta(10))

    with pytest.raises(LimitReached, match="100 tokens"):
        budget.count(_delta(1))


def test_what_a_model_reports_takes_the_place_of_what_was_counted() -> None:
    budget = RunBudget(_limits())

    budget.count(_delta(90))
    budget.count(_usage(10, 40))
    budget.count(_delta(50))

    with pytest.raises(LimitReached):
        budget.count(_delta(1))
    budget = RunBudget(_limits())
    budget.count(_usage(99, 2))
    with pytest.raises(LimitReached):
        budget.begin_step(2)
