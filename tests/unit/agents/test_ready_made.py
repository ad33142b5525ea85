"""What a new account is offered to ask has its own section in the manual."""

import pytest

from app.backend.agents.ready_made import manual_pages
from app.backend.agents.templates import DOCUMENT_QA, QUOTE_FINDER


@pytest.mark.parametrize(
    "question", [*DOCUMENT_QA.suggested_prompts, *QUOTE_FINDER.suggested_prompts]
)
def test_suggested_question_is_a_heading_of_the_first_page(question: str) -> None:
    page = manual_pages()[0].read_text()

    assert f"\n## {question}\n" in page
