"""Answers as they come: told apart, gathered, and rewritten on the way."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import (
    UsageMetadata,
    add_ai_message_chunks,
    add_usage,
)
from langchain_core.messages.tool import tool_call_chunk

from app.backend.core.errors import AppError
from app.backend.middleware.patterns import Find, Span

# So many characters are let go of at once, since each look takes time.
_STEP = 32
# So many characters wait for those that follow: what is looked for must not be longer to be seen whole.
HELD = 128
_REASONING = "reasoning_content"


def text_of(chunk: AIMessageChunk) -> str:
    """Return the words of a chunk; `text` of the library looks at each anew, which takes longer than all the rest here."""
    content = chunk.content
    return content if isinstance(content, str) else chunk.text


def has_words(chunk: AIMessageChunk) -> bool:
    """Tell whether a chunk has a part of the answer, so that nothing may be asked anew."""
    return bool(
        text_of(chunk)
        or chunk.tool_call_chunks
        or chunk.additional_kwargs.get(_REASONING)
    )


@dataclass
class Gathered:
    """An answer that goes by."""

    texts: list[str] = field(default_factory=list[str])
    call_chunks: list[AIMessageChunk] = field(default_factory=list[AIMessageChunk])
    finish_reason: str = "stop"
    usage: dict[str, Any] | None = None

    def take(self, chunk: AIMessageChunk) -> None:
        """Keep what a chunk says."""
        if text := text_of(chunk):
            self.texts.append(text)
        if chunk.tool_call_chunks:
            self.call_chunks.append(chunk)
        if chunk.usage_metadata is not None:
            self.usage = dict(chunk.usage_metadata)
        reason = chunk.response_metadata.get("finish_reason")
        self.finish_reason = reason or self.finish_reason

    @property
    def text(self) -> str:
        """The words so far."""
        return "".join(self.texts)

    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the tools that are called, with their arguments."""
        return [(call["name"], call["args"]) for call in _calls(self.call_chunks)]

    @property
    def is_whole(self) -> bool:
        """Whether it is an answer that says something, was not cut, and whose calls can be read."""
        if self.finish_reason == "length":
            return False
        if not self.call_chunks:
            return bool(self.text)
        return not add_ai_message_chunks(*self.call_chunks).invalid_tool_calls


def answer_of(
    text: str, calls: Sequence[tuple[str, dict[str, Any]]], finish_reason: str
) -> AIMessageChunk:
    """Return a whole answer as one chunk."""
    return AIMessageChunk(
        content=text,
        tool_call_chunks=[
            tool_call_chunk(
                name=name,
                args=json.dumps(args, ensure_ascii=False),
                id=f"kept_{n}",
                index=n,
            )
            for n, (name, args) in enumerate(calls)
        ],
        response_metadata={"finish_reason": finish_reason},
    )


class Rewriter:
    """Puts other words in the place of some, in a text that comes in parts.

    What may still become one of them waits for what follows: the last `held` characters, or with a `mark`, which all of
    them begin with, those from its last one on.
    """

    def __init__(
        self, find: Find, put: Callable[[Span], str], held: int, mark: str = ""
    ) -> None:
        self._find, self._put, self._held, self._mark = find, put, held, mark
        self._text = ""

    def feed(self, text: str) -> str:
        """Return what can go on, now that `text` has come too."""
        if self._mark and not self._text and self._mark not in text:
            return text
        self._text += text
        until = len(self._text) - self._held
        if self._mark:
            last = self._text.rfind(self._mark, max(0, until))
            return self._release(len(self._text) if last < 0 else last)
        return self._release(until) if until >= _STEP else ""

    def finish(self) -> str:
        """Return the rest."""
        return self._release(len(self._text))

    def _release(self, until: int) -> str:
        if until <= 0:
            return ""
        parts: list[str] = []
        at, is_last = 0, until == len(self._text)
        for span in self._find(self._text):
            if span.start >= until:
                break
            if span.end > until and not is_last:
                # It may be longer than what has come of it.
                until = span.start
                break
            parts += [self._text[at : span.start], self._put(span)]
            at = span.end
        until = max(at, until)
        parts.append(self._text[at:until])
        self._text = self._text[until:]
        return "".join(parts)


async def rewritten(
    said: AsyncIterator[AIMessageChunk],
    find: Find,
    put: Callable[[Span], str],
    *,
    held: int = HELD,
    mark: str = "",
) -> AsyncIterator[AIMessageChunk]:
    """Yield an answer with other words in the place of those that `find` finds; calls of tools come at its end."""
    words, thoughts = Rewriter(find, put, held, mark), Rewriter(find, put, held, mark)
    calls: list[AIMessageChunk] = []
    async for chunk in said:
        if chunk.tool_call_chunks:
            calls.append(chunk)
        text = text_of(chunk)
        thought = str(chunk.additional_kwargs.get(_REASONING) or "")
        kept = words.feed(text) if text else ""
        kept_thought = thoughts.feed(thought) if thought else ""
        if (kept, kept_thought) == (text, thought) and not chunk.tool_call_chunks:
            yield chunk
        elif kept or kept_thought or chunk.usage_metadata or chunk.response_metadata:
            yield _with(chunk, kept, kept_thought)
    rest = AIMessageChunk(content=words.finish())
    if thought := thoughts.finish():
        rest.additional_kwargs[_REASONING] = thought
    if has_words(rest):
        yield rest
    if calls:
        found = [
            (call["name"], rewrite_values(call["args"], _rewrite(find, put)))
            for call in _calls(calls)
        ]
        broken = add_ai_message_chunks(*calls).invalid_tool_calls
        whole = answer_of("", found, "tool_calls")
        whole.tool_call_chunks += [
            tool_call_chunk(
                name=one["name"], args="", id=one["id"], index=len(found) + n
            )
            for n, one in enumerate(broken)
        ]
        yield whole


async def counted_with(
    said: AsyncIterator[AIMessageChunk], usage: UsageMetadata | None
) -> AsyncIterator[AIMessageChunk]:
    """Yield an answer whose usage has more in it; one that fails before it tells its own has that alone."""
    has_told = usage is None
    try:
        async for chunk in said:
            if usage is not None and chunk.usage_metadata is not None:
                both = add_usage(chunk.usage_metadata, usage)
                # Each takes the place of the one before.
                chunk, has_told = (
                    chunk.model_copy(update={"usage_metadata": both}),
                    True,
                )
            yield chunk
    except AppError:
        if not has_told:
            yield AIMessageChunk(content="", usage_metadata=usage)
        raise


def rewrite_message(message: BaseMessage, rewrite: Callable[[str], str]) -> BaseMessage:
    """Return a message whose texts, and what tools are called with, went through `rewrite`; the same if nothing changed."""
    content: Any = message.content
    new = (
        rewrite(content)
        if isinstance(content, str)
        else [
            {**block, "text": rewrite(block["text"])}
            if isinstance(block, dict) and isinstance(block.get("text"), str)
            else block
            for block in content
        ]
    )
    changes: dict[str, Any] = {} if new == content else {"content": new}
    if isinstance(message, AIMessage) and message.tool_calls:
        calls = [
            {**call, "args": rewrite_values(call["args"], rewrite)}
            for call in message.tool_calls
        ]
        changes |= {} if calls == message.tool_calls else {"tool_calls": calls}
    return message.model_copy(update=changes) if changes else message


def rewrite_values(value: Any, rewrite: Callable[[str], str]) -> Any:
    """Return plain values whose texts went through `rewrite`."""
    match value:
        case str():
            return rewrite(value)
        case dict():
            return {key: rewrite_values(item, rewrite) for key, item in value.items()}
        case list():
            return [rewrite_values(item, rewrite) for item in value]
        case _:
            return value


def _rewrite(find: Find, put: Callable[[Span], str]) -> Callable[[str], str]:
    def rewrite(text: str) -> str:
        rewriter = Rewriter(find, put, 0)
        return rewriter.feed(text) + rewriter.finish()

    return rewrite


def _calls(chunks: Sequence[AIMessageChunk]) -> list[Any]:
    return list(add_ai_message_chunks(*chunks).tool_calls) if chunks else []


def _with(chunk: AIMessageChunk, text: str, thought: str) -> AIMessageChunk:
    kwargs = {
        key: item for key, item in chunk.additional_kwargs.items() if key != _REASONING
    }
    if thought:
        kwargs[_REASONING] = thought
    return AIMessageChunk(
        content=text,
        additional_kwargs=kwargs,
        response_metadata=chunk.response_metadata,
        usage_metadata=chunk.usage_metadata,
        id=chunk.id,
    )
