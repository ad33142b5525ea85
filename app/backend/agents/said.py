"""What has come out of a model in a call, the most that the call may take, and what it took."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks

from app.backend.agents.prompts import estimate_tokens
from app.backend.core import clock, ids
from app.backend.core.counts import TOKENS_MAX
from app.backend.core.run_events import (
    UsageRecorded,
)
from app.backend.core.spending import PlannedCall
from app.backend.usage.prices import Price

Outcome = Literal["completed", "failed", "cut"]


@dataclass
class Said:
    """What came out of a model so far."""

    model: str
    message_id: UUID = field(default_factory=ids.new_id)
    text: str = ""
    tokens: int = 0
    usage: dict[str, Any] | None = None
    finish_reason: str = "stop"
    is_unpaid: bool = False
    price: Price | None = None
    window: int | None = None
    asked_tokens: int = 0
    began: float = field(default_factory=clock.monotonic)
    first_token_at: float | None = None
    has_thought: bool = False
    is_open: bool = False
    call_chunks: list[AIMessageChunk] = field(default_factory=list[AIMessageChunk])

    def has_begun(self) -> bool:
        """Whether a part of it has come."""
        return (
            self.first_token_at is not None
            or self.has_thought
            or bool(self.call_chunks)
        )

    def begin_anew(self) -> None:
        """Become another message, of which nothing is said yet."""
        self.message_id = ids.new_id()
        self.text, self.tokens, self.usage, self.finish_reason = "", 0, None, "stop"
        self.began, self.first_token_at = clock.monotonic(), None
        self.has_thought = self.is_open = self.is_unpaid = False
        self.asked_tokens = 0
        self.call_chunks.clear()

    def calls(self) -> list[tuple[str, dict[str, Any] | None]]:
        """Return the tools that it calls, with their arguments; None are arguments that are no JSON object."""
        if not self.call_chunks:
            return []
        whole = add_ai_message_chunks(*self.call_chunks)
        good = [(call["name"], call["args"]) for call in whole.tool_calls]
        bad = [(call["name"] or "", None) for call in whole.invalid_tool_calls]
        return [*good, *bad]


def plan_call(
    said: Said,
    tokens_out: int,
    messages: Sequence[BaseMessage],
    tools: Sequence[dict[str, Any]],
) -> PlannedCall:
    """Return the most that a call may take whose answer has `tokens_out` at most."""
    tokens_in = _estimate(messages)
    if tools:
        tokens_in += estimate_tokens(json.dumps(tools))
    price = said.price
    return PlannedCall(
        id=said.message_id,
        model=said.model,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost_micros=price.cost_micros(tokens_in, tokens_out) if price else None,
    )


def usage_of(
    said: Said, messages: Sequence[BaseMessage], outcome: Outcome
) -> UsageRecorded:
    """Return what a call took, and what it cost."""
    ended = clock.monotonic()
    usage = said.usage or {}
    # One that never began to answer was not paid.
    is_paid = (outcome != "failed" or said.has_begun()) and not said.is_unpaid
    tokens_in = _told(usage, "input_tokens") or (is_paid and _estimate(messages)) or 0
    tokens_out = _told(usage, "output_tokens") or (is_paid and said.tokens) or 0
    cached = _told(usage.get("input_token_details"), "cache_read")
    thought = _told(usage.get("output_token_details"), "reasoning")
    return UsageRecorded(
        call_id=said.message_id,
        model=said.model,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=cached,
        tokens_reasoning=thought,
        window=said.window,
        first_token_milliseconds=_milliseconds(
            said.began, said.first_token_at or ended
        ),
        milliseconds=_milliseconds(said.began, ended),
        price=said.price.version if said.price else "",
        cost_micros=_cost(said.price, tokens_in, tokens_out, cached),
        is_estimated=is_paid and not usage,
        outcome=outcome,
    )


def _cost(
    price: Price | None, tokens_in: int, tokens_out: int, cached: int
) -> int | None:
    if not tokens_in and not tokens_out:
        return 0  # whatever the price is
    if price is None:
        return None
    return price.cost_micros(tokens_in, tokens_out, tokens_cached=cached)


def _told(usage: dict[str, Any] | None, name: str) -> int:
    told = (usage or {}).get(name) or 0
    # What no call can take is not believed.
    return told if 0 <= told <= TOKENS_MAX else 0


def _estimate(messages: Sequence[BaseMessage]) -> int:
    return estimate_tokens("\n".join(str(message.content) for message in messages))


def _milliseconds(began: float, ended: float) -> float:
    return round((ended - began) * 1000, 1)
