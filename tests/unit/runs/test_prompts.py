"""How much of a prompt the log keeps."""

from app.backend.core import ids
from app.backend.core.run_events import MessageStarted, ModelCall, PromptMessage
from app.backend.runs import prompts


def _started(*texts: str) -> MessageStarted:
    messages = [
        PromptMessage(n=n, role="user", text=text) for n, text in enumerate(texts, 1)
    ]
    call = ModelCall(
        messages=messages, size=len(texts), temperature=0.5, max_tokens=200
    )
    return MessageStarted(message_id=ids.new_id(), role="assistant", call=call)


def test_short_prompt_is_kept_as_it_is() -> None:
    event = _started("Be kind.", "Why?")

    assert prompts.shorten(event) == event
    plain = event.model_copy(update={"call": None})
    assert prompts.shorten(plain) is plain


def test_long_text_loses_its_middle() -> None:
    text = f"begin{'.' * prompts.TEXT_MAX}end"

    call = prompts.shorten(_started(text)).call

    assert call is not None
    (message,) = call.messages
    assert message.text.startswith("begin.")
    assert message.text.endswith(".end")
    assert "\n[8 characters are left out here]\n" in message.text
    assert len(message.text) < prompts.TEXT_MAX + 60


def test_oldest_messages_are_left_out_of_a_long_prompt() -> None:
    texts = [f"{n}{'.' * 14_999}" for n in range(9)]

    call = prompts.shorten(_started(*texts)).call

    assert call is not None
    assert [message.n for message in call.messages] == [6, 7, 8, 9]
    assert call.size == 9
