"""What the log keeps of prompts: each message once for an attempt."""

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.tool import tool_call_chunk

from app.backend.agents.said import Said, usage_of
from app.backend.agents.speaking import Sent

ASKED: list[BaseMessage] = [SystemMessage("Be kind."), HumanMessage("Why?")]


def _take(sent: Sent, messages: list[BaseMessage]) -> list[tuple[int, str, str]]:
    return [(one.n, one.role, one.text) for one in sent.take(messages)]


def test_prompt_is_whole_at_first_and_then_only_what_is_new() -> None:
    sent = Sent()
    call = {"id": "1", "name": "now", "args": {"zone": "UTC"}}
    more = [AIMessage("", tool_calls=[call]), ToolMessage("Noon", tool_call_id="1")]

    assert _take(sent, ASKED) == [(1, "system", "Be kind."), (2, "user", "Why?")]
    assert _take(sent, [*ASKED, *more]) == [
        (3, "assistant", 'now {"zone": "UTC"}'),
        (4, "tool", "Noon"),
    ]
    assert _take(sent, [*ASKED, *more]) == []


def test_message_that_changed_in_its_place_is_new() -> None:
    sent = Sent()
    result = ToolMessage("Noon", tool_call_id="1")
    _take(sent, [*ASKED, result])

    later = [*ASKED, ToolMessage("(left out)", tool_call_id="1"), AIMessage("So.")]
    assert _take(sent, later) == [(3, "tool", "(left out)"), (4, "assistant", "So.")]


def test_half_a_call_of_a_tool_is_a_beginning_and_goes_with_its_message() -> None:
    half = tool_call_chunk(name="now", args='{"zo', id="1", index=0)
    said = Said("scripted/x")
    assert not said.has_begun()

    said.call_chunks.append(AIMessageChunk(content="", tool_call_chunks=[half]))
    assert said.has_begun()
    said.begin_anew()

    assert (said.has_begun(), said.calls()) == (False, [])


def test_call_that_nobody_answered_costs_nothing_and_is_no_estimate() -> None:
    used = usage_of(Said("p/x"), ASKED, "failed")

    assert (used.tokens_in, used.tokens_out) == (0, 0)
    assert (used.cost_micros, used.is_estimated) == (0, False)


def test_cost_without_a_price_is_unknown() -> None:
    used = usage_of(Said("p/x"), ASKED, "completed")

    assert used.tokens_in > 0
    assert (used.cost_micros, used.is_estimated) == (None, True)
