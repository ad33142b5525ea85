from typing import Any

import pytest
from ag_ui.core import RunAgentInput as Theirs
from pydantic import ValidationError

from app.backend.api.agui_input import RunAgentInput, SentAnswer
from app.backend.core.errors import Invalid
from app.backend.core.questions import Answer

USER = {"id": "1", "role": "user", "content": "What is salt?"}


def _input(**values: Any) -> RunAgentInput:
    sent = {"threadId": "t", "runId": "r", "messages": [USER], **values}
    Theirs.model_validate(sent)
    return RunAgentInput.model_validate(sent)


def test_last_message_of_the_user_is_the_question_and_context_goes_with_it() -> None:
    said = [
        {"id": "0", "role": "system", "content": "Be kind."},
        {"id": "1", "role": "user", "content": "Hello"},
        {"id": "2", "role": "assistant", "content": "Hi."},
        {"id": "3", "role": "assistant", "toolCalls": []},
        {"id": "4", "role": "user", "content": "What is salt?"},
    ]
    context = [{"description": "page", "value": "kitchen"}]
    draft = _input(messages=said, context=context).draft()

    assert draft.input == {"query": "What is salt?", "page": "kitchen"}
    assert draft.earlier == [("user", "Hello"), ("assistant", "Hi.")]
    assert (draft.thread_id, draft.run_id) == ("t", "r")


def test_context_never_takes_the_place_of_the_question() -> None:
    context = [{"description": "query", "value": "Other"}]

    assert _input(context=context).draft().input == {
        "query (context)": "Other",
        "query": "What is salt?",
    }


def test_parts_that_are_no_text_are_left_out_with_a_notice() -> None:
    image = {"type": "image", "source": {"type": "url", "value": "https://x.example"}}
    parts = [{"type": "text", "text": "What"}, image, {"type": "text", "text": "now?"}]
    sent = _input(messages=[{"id": "1", "role": "user", "content": parts}])

    assert sent.draft().input["query"] == "What\nnow?"
    assert "image" in sent.notices()[0]


def test_what_is_not_used_is_said() -> None:
    tools = [{"name": "show_map", "description": "Shows a map"}]
    sent = _input(tools=tools, state={"a": 1}, forwardedProps={"b": 2})

    assert "show_map" in sent.notices()[0]
    assert [text.split()[0] for text in sent.notices()[1:]] == [
        "`state`",
        "`forwardedProps`",
    ]
    assert _input(tools=[], state={}, forwardedProps={}).notices() == []


def test_without_a_user_there_is_no_question() -> None:
    with pytest.raises(Invalid, match="no message of the user"):
        _input(messages=[]).draft()


@pytest.mark.parametrize(
    "change", [{"threadId": ""}, {"runId": "x" * 201}, {"threadId": "a\x00"}]
)
def test_ids_that_cannot_be_kept_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        _input(**change)


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        ("Red", Answer(text="Red")),
        ({"choice": "red"}, Answer(choice="red")),
        ({"choice": "red", "text": "dark"}, Answer(choice="red", text="dark")),
    ],
)
def test_payload_is_an_answer(payload: Any, answer: Answer) -> None:
    entry = SentAnswer(interrupt_id="i", status="resolved", payload=payload)

    assert entry.answer() == answer


def test_payload_that_is_no_answer_is_refused_and_none_is_none() -> None:
    with pytest.raises(Invalid):
        SentAnswer(interrupt_id="i", status="resolved", payload=[1]).answer()
    assert SentAnswer(interrupt_id="i", status="cancelled").answer() is None
