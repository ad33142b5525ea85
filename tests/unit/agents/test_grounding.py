from uuid import uuid4

import pytest

from app.backend.agents.grounding import find_missing_quote, numbers_in
from app.backend.core.run_events import Passage
from tests.fakes.knowledge import FakeEmbedder

LEAVE = (
    "# Leave\n\nEmployees get 28 days of leave. Up to five days may be carried over."
)
PRICES = "| Article | Price |\n| --- | --- |\n| Pump P40 | 1,240 |"


def make_passage(text: str) -> Passage:
    return Passage(
        n=1,
        chunk_id=uuid4(),
        document_id=uuid4(),
        document_name="handbook.md",
        text=text,
        score=0.6,
    )


async def quote_after(answer: str, query: str, *texts: str) -> str:
    passages = [make_passage(text) for text in texts]
    return await find_missing_quote(FakeEmbedder(), query, answer, passages)


async def test_quote_of_an_answer_that_says_it_is_not_needed() -> None:
    answer = "Employees get 28 days of leave."

    assert await quote_after(answer, "How many days of leave do I get?", LEAVE) == ""


async def test_quote_of_an_answer_with_another_number_is_given() -> None:
    answer = "Employees get 12 days of leave."

    assert await quote_after(answer, "How many days of leave do I get?", LEAVE) == (
        "Employees get 28 days of leave."
    )


async def test_quote_of_an_answer_about_something_else_is_given() -> None:
    answer = "I am a helpful assistant."

    found = await quote_after(answer, "How many days of leave do employees get?", LEAVE)

    assert found == "Employees get 28 days of leave."


async def test_quote_of_an_empty_answer_is_given() -> None:
    assert await quote_after("", "How many days may be carried over?", LEAVE) == (
        "Up to five days may be carried over."
    )


async def test_quote_from_a_table_reads_as_a_sentence() -> None:
    found = await quote_after(
        "It is free.", "What is the price of the pump P40?", PRICES
    )

    assert found == "Pump P40, 1,240"


async def test_title_of_a_pdf_is_no_quote() -> None:
    manual = "Kestrel P40 pump: operating manual\nKeep it near the device."

    found = await quote_after("Nothing.", "What is the Kestrel P40 pump?", manual)

    assert found == "Keep it near the device."


async def test_quote_without_passages_is_nothing() -> None:
    assert await quote_after("Anything.", "What?") == ""
    assert await quote_after("Anything.", "What?", "# Only a heading") == ""


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("nine of 1,240 pumps", {"9", "1240"}),
        ("version 4.2", {"42"}),
        ("none", set[str]()),
    ],
)
def test_numbers_in_digits_and_words(text: str, numbers: set[str]) -> None:
    assert numbers_in(text) == numbers
