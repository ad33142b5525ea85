"""What a model is told."""

from datetime import UTC, datetime
from uuid import UUID

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from app.backend.agents.prompts import (
    VARIABLES,
    PromptFacts,
    Turn,
    check_instructions,
    estimate_tokens,
    fill,
    make_prompt,
    search_query,
)
from app.backend.core.run_events import Passage

FACTS = PromptFacts(
    now=datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
    user_name="Ada",
    user_email="ada@example.org",
    agent_name="Librarian",
    model="local/small",
)


def _passage(n: int, text: str) -> Passage:
    return Passage(
        n=n,
        chunk_id=UUID(int=n),
        document_id=UUID(int=100 + n),
        document_name="a.md",
        text=text,
        score=0.5,
    )


def test_fill_replaces_every_listed_variable() -> None:
    text = " ".join(f"{{{variable.name}}}" for variable in VARIABLES)

    assert (
        fill(text, FACTS)
        == "2026-11-21 Saturday 2026-11-21 08:30 UTC Ada ada@example.org Librarian local/small"
    )


def test_fill_leaves_other_braces_alone() -> None:
    assert fill('{"a": 1} {Today} {}', FACTS) == '{"a": 1} {Today} {}'


def test_check_instructions_names_what_is_unknown() -> None:
    (message,) = check_instructions("It is {today}, {todday}.")

    assert message.startswith("{todday} is no variable.")
    assert "{today}" in message


def test_search_query_of_a_follow_up_has_the_question_before_it() -> None:
    assert search_query("And why?", [Turn("What is fNIRS?", "Light.")]) == (
        "What is fNIRS?\nAnd why?"
    )
    assert search_query("What is it?", []) == "What is it?"


def test_prompt_has_instructions_turns_passages_and_question() -> None:
    prompt = make_prompt(
        "Be kind.",
        "And why?",
        passages=[_passage(1, "Light is cheap.")],
        history=[Turn("What?", "Light.")],
        extra={"language": "en"},
        budget=1000,
    )

    system, asked, answered, question = prompt.messages
    assert isinstance(system, SystemMessage)
    assert str(system.content).startswith("Be kind.")
    assert (asked, answered) == (HumanMessage("What?"), AIMessage("Light."))
    assert "Context:\nLight is cheap." in str(question.content)
    assert "Question: And why?" in str(question.content)
    assert "language: en" in str(question.content)


def test_prompt_leaves_out_old_turns_first_then_the_last_passages() -> None:
    long = "word " * 100
    passages = [_passage(n, long) for n in (1, 2, 3)]
    history = [Turn(long, long), Turn("Short?", "Yes.")]

    prompt = make_prompt(
        "",
        "Why?",
        passages=passages,
        history=history,
        budget=2 * estimate_tokens(long) + 100,
    )

    assert prompt.turns_left_out >= 1
    assert [passage.n for passage in prompt.passages] == [1, 2]
    assert prompt.passages_left_out == 1


def test_prompt_never_cuts_the_question() -> None:
    query = "why " * 5000

    prompt = make_prompt("", query, budget=100)

    assert query in str(prompt.messages[-1].content)
