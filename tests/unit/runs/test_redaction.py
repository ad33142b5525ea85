"""What is taken out of events before they are stored, whole or in pieces."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from app.backend.core import clock, ids
from app.backend.core.run_events import (
    Event,
    Log,
    MessageCompleted,
    MessageDelta,
    ReasoningDelta,
    RunCompleted,
    RunOutput,
    RunStopped,
    ToolCalled,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs.redaction import Redactor, Streams

KEY = "sk-" + "a1b2c3d4e5" * 3
REDACTOR = Redactor(["a-secret-of-this-house", "p@ss/w ord", "short"])


def _stored(*events: Event) -> list[dict[str, Any]]:
    rows = [RunEvent.of(uuid4(), 1, clock.now(), event) for event in events]
    return [event.payload for event in REDACTOR.redact_stored(rows)]


def _say(parts: Sequence[str], *after: Event) -> list[Event]:
    streams, message_id = Streams(lambda: REDACTOR), ids.new_id()
    events = [MessageDelta(message_id=message_id, text=part) for part in parts]
    return [one for event in (*events, *after) for one in streams.take(event)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"Use {KEY}, please.", "Use [redacted], please."),
        (
            "Authorization: Bearer 0123456789abcdef01",
            "Authorization: Bearer [redacted]",
        ),
        ("postgresql://ann:pass@db/atelier", "postgresql://ann:[redacted]@db/atelier"),
        ("AKIAIOSFODNN7EXAMPLE and xoxb-1234567890-abc", "[redacted] and [redacted]"),
        ("say a-secret-of-this-house twice", "say [redacted] twice"),
        (
            "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\nok",
            "[redacted]\nok",
        ),
        ("a short task-force, basic things, sk-8 skis", ""),
    ],
)
def test_secret_is_cut_out_and_all_else_stays(text: str, kept: str) -> None:
    quiet = Log(message="nothing here")

    assert [one["message"] for one in _stored(quiet, Log(message=text), quiet)] == [
        "nothing here",
        kept or text,
        "nothing here",
    ]


def test_value_with_a_telling_name_is_a_secret_whatever_it_looks_like() -> None:
    args = {
        "db_password": "tea",
        "api_key": "x",
        "about": "password",
        "n": [{"secret": "y"}],
        "token_count": 3,
    }

    (payload,) = _stored(ToolCalled(tool_call_id="a", name="connect", args=args))

    cut = "[redacted]"
    assert payload["args"] == {
        "db_password": cut,
        "api_key": cut,
        "about": "password",
        "n": [{"secret": cut}],
        "token_count": 3,
    }


def test_result_of_a_run_has_no_secret() -> None:
    event = RunCompleted(output=RunOutput(answer=f"It is {KEY}."), milliseconds=1)

    cleaned = REDACTOR.redact(event)

    assert isinstance(cleaned, RunCompleted)
    assert cleaned.output.answer == "It is [redacted]."


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_secret_that_comes_in_pieces_is_never_stored(size: int) -> None:
    text = f"The key is {KEY} and the header Bearer {KEY[3:]} now. Basta, see so-and-so. Or redis://a:p@ss/w ord, amqp://b:hunter2@d."
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    done = MessageCompleted(message_id=ids.new_id(), role="assistant", text=text)

    events = _say(parts, done)

    told = "".join(one["text"] for one in _stored(*events[:-1]))
    assert (
        told
        == "The key is [redacted] and the header Bearer [redacted] now. Basta, see so-and-so. Or redis://a:[redacted], amqp://b:[redacted]@d."
    )
    assert sum(one.tokens for one in events if isinstance(one, MessageDelta)) == len(
        parts
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("at postgres://app:hunter2@db/x.", "at postgres://app:[redacted]@db/x."),
        ("at redis://:hunter2@db:6379", "at redis://:[redacted]@db:6379"),
        ('is "p@ss/w ord", ok?', 'is "[redacted]", ok?'),
        ("key=a-secret-of-this-house.", "key=[redacted]."),
        ('See: "https://a.example:80/b", {"a": 1}', ""),
    ],
)
def test_secret_in_two_pieces_is_never_stored_wherever_it_is_cut(
    text: str, kept: str
) -> None:
    for at in range(1, len(text)):
        parts = (text[:at], text[at:])

        told = "".join(one["text"] for one in _stored(*_say(parts, RunStopped())[:-1]))

        assert told == (kept or text), parts


def test_words_are_not_held_back() -> None:
    parts = ["It ", "was ", "a ", "day", " of", " sun", ', "x":', " p.\n"]

    assert [one.text for one in _say(parts) if isinstance(one, MessageDelta)] == parts


def test_what_was_held_back_comes_before_what_follows() -> None:
    message_id = ids.new_id()
    streams = Streams(lambda: REDACTOR)
    thought = ReasoningDelta(message_id=message_id, text="so sk-1")
    said = MessageDelta(message_id=message_id, text="Yes")

    events = [*streams.take(thought), *streams.take(said), *streams.take(RunStopped())]

    assert [(one.type, getattr(one, "text", "")) for one in events] == [
        ("reasoning_delta", "so "),
        ("reasoning_delta", "sk-1"),
        ("message_delta", "Yes"),
        ("run_stopped", ""),
    ]
