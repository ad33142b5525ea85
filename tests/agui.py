"""What AG-UI says of a stream: the shape of each event, by the protocol's own package, and their order."""

from collections.abc import Iterable
from typing import Any

from ag_ui.core import Event
from pydantic import TypeAdapter

EVENT: TypeAdapter[Any] = TypeAdapter(Event)
_OPENS = {
    "TEXT_MESSAGE_START": ("text", "messageId"),
    "TOOL_CALL_START": ("call", "toolCallId"),
    "REASONING_START": ("span", "messageId"),
    "REASONING_MESSAGE_START": ("thought", "messageId"),
    "STEP_STARTED": ("step", "stepName"),
}
_NEEDS = {
    "TEXT_MESSAGE_CONTENT": ("text", "messageId"),
    "TOOL_CALL_ARGS": ("call", "toolCallId"),
    "REASONING_MESSAGE_CONTENT": ("thought", "messageId"),
}
_CLOSES = {
    "TEXT_MESSAGE_END": ("text", "messageId"),
    "TOOL_CALL_END": ("call", "toolCallId"),
    "REASONING_END": ("span", "messageId"),
    "REASONING_MESSAGE_END": ("thought", "messageId"),
    "STEP_FINISHED": ("step", "stepName"),
}
_ENDS = {"RUN_FINISHED", "RUN_ERROR"}


def check_shape(sent: dict[str, Any]) -> None:
    """Check an event against the package's model: nothing is lost, misnamed or unknown."""
    event = EVENT.validate_python(sent)

    assert not event.model_extra, event.model_extra
    assert event.model_dump(mode="json", by_alias=True) == sent


def check_stream(sent: list[dict[str, Any]]) -> None:
    """Check the events of one run, and the order that the protocol asks for."""
    for one in sent:
        check_shape(one)
    kinds = [one["type"] for one in sent]
    assert kinds[0] == "RUN_STARTED"
    assert kinds[-1] in _ENDS
    assert not set(kinds[1:-1]) & {"RUN_STARTED", *_ENDS}
    if kinds[-1] == "RUN_FINISHED":
        assert {**sent[0], **sent[-1]}["runId"] == sent[0]["runId"]
        assert {**sent[0], **sent[-1]}["threadId"] == sent[0]["threadId"]
    opened: set[tuple[str, str]] = set()
    for one in sent:
        for table, is_open in ((_OPENS, False), (_NEEDS, True), (_CLOSES, True)):
            if one["type"] in table:
                name, key = table[one["type"]]
                assert ((name, one[key]) in opened) is is_open, one
        if one["type"] in _OPENS:
            name, key = _OPENS[one["type"]]
            opened.add((name, one[key]))
        if one["type"] in _CLOSES:
            name, key = _CLOSES[one["type"]]
            opened.discard((name, one[key]))
        if one["type"] == "RUN_FINISHED":
            assert not opened


def texts_of(sent: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the messages that a client has in the end, by their ids."""
    texts: dict[str, str] = {}
    for one in sent:
        if one["type"] == "TEXT_MESSAGE_CONTENT":
            texts[one["messageId"]] = texts.get(one["messageId"], "") + one["delta"]
    return texts
