"""A model that plays a script: for tests, demos and benchmarks, without a language model.

`scripted/<name>` plays a named script, `scripted/{"text": "…"}` the one in its name.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import takewhile
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import BaseTool
from typing_extensions import override

from app.backend.core import clock
from app.backend.core.errors import AppError
from app.backend.providers.adapters.scripts import (
    ErrorKind,
    Reply,
    Script,
    find_script,
)
from app.backend.providers.base import ChatOptions, Notice, ProviderModel, with_notice
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelKeyRejected,
    ModelUnavailable,
)

_TOKEN = re.compile(r"\s*\S+")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")
_WORD = re.compile(r"\w{4,}")
_QUESTION = "Question: "
_SHOWN = ("hello", "echo", "quote", "slow")


class ScriptedChat(BaseChatModel):
    """Plays a script; the same messages give the same answer."""

    script: Script
    max_tokens: int | None = None

    @property
    @override
    def _llm_type(self) -> str:
        return "scripted"

    @override
    def bind_tools(
        self, tools: Sequence[dict[str, Any] | type | BaseTool | Any], **kwargs: Any
    ) -> Any:
        return self

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self._reply(messages)
        _raise(reply.error)
        tokens = list(self._tokens(reply, messages))
        message = AIMessage(
            content="".join(tokens),
            tool_calls=[
                _call(reply, messages, self._turn(messages), index)
                for index in range(len(reply.tool_calls))
            ],
            usage_metadata=_usage(messages, len(tokens)),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        reply = self._reply(messages)
        for position in reply.queue_positions:
            notice = Notice(type="queued", position=position).model_dump()
            yield ChatGenerationChunk(
                message=with_notice(AIMessageChunk(content=""), notice)
            )
        await asyncio.sleep(reply.first_token_seconds)
        if reply.reasoning:
            yield _chunk(additional_kwargs={"reasoning_content": reply.reasoning})
        count = 0
        async for token in self._paced(reply, messages):
            count += 1
            yield _chunk(content=token)
        _raise(reply.error)
        if reply.tool_calls:
            turn = self._turn(messages)
            calls = [
                _call_chunk(reply, messages, turn, index)
                for index in range(len(reply.tool_calls))
            ]
            yield _chunk(tool_call_chunks=calls)
        end = "tool_calls" if reply.tool_calls else "stop"
        yield ChatGenerationChunk(
            message=AIMessageChunk(content="", usage_metadata=_usage(messages, count)),
            generation_info={
                "finish_reason": "length" if count == self.max_tokens else end
            },
        )

    async def _paced(
        self, reply: Reply, messages: Sequence[BaseMessage]
    ) -> AsyncIterator[str]:
        began = clock.monotonic()
        pause = 1 / reply.tokens_per_second if reply.tokens_per_second else 0
        for count, token in enumerate(self._tokens(reply, messages)):
            # By the clock, not by the sleep: a late token does not make all later ones late. At full speed others get a turn.
            due = began + count * pause if pause else 0
            await asyncio.sleep(max(0.0, due - clock.monotonic()))
            yield token

    def _reply(self, messages: Sequence[BaseMessage]) -> Reply:
        return self.script.reply(self._turn(messages))

    def _turn(self, messages: Sequence[BaseMessage]) -> int:
        since = takewhile(
            lambda message: not isinstance(message, HumanMessage), reversed(messages)
        )
        return sum(isinstance(message, AIMessage) for message in since)

    def _tokens(self, reply: Reply, messages: Sequence[BaseMessage]) -> Iterator[str]:
        if reply.tokens is not None:
            tokens = (f"word{number} " for number in range(1, reply.tokens + 1))
        else:
            tokens = (
                found.group() for found in _TOKEN.finditer(_fill(reply.text, messages))
            )
        for count, token in enumerate(tokens):
            if self.max_tokens is not None and count >= self.max_tokens:
                return
            yield token


class ScriptedProvider:
    """`scripted/<script>`."""

    name = "scripted"
    label = "Scripted"
    is_configured = True
    how_to_configure = ""

    async def list_models(self) -> Sequence[ProviderModel]:
        """Return the scripts that show something; the rest are for tests."""
        return [ProviderModel(name) for name in _SHOWN]

    def check(self, model: str) -> None:
        """Raise Invalid unless `model` is, or spells out, a script."""
        find_script(model)

    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        """Return the model that plays the script called, or spelled out in, `model`."""
        # Long scripts are asked for by name; only scripts with real texts heed the agent's limit.
        script = find_script(model)
        return ScriptedChat(
            script=script,
            max_tokens=options.max_tokens if script.tokens is None else None,
        )

    def window_of(self, model: str) -> int | None:  # noqa: ARG002 - the same for all
        """A script has none."""
        return None

    async def close(self) -> None:
        """Nothing is open."""


def _fill(text: str, messages: Sequence[BaseMessage]) -> str:
    if "{question}" in text:
        text = text.replace("{question}", _last(messages, HumanMessage))
    if "{told}" in text:
        text = text.replace("{told}", _last(messages, ToolMessage))
    if "{quote}" in text:
        text = text.replace("{quote}", _quote(messages))
    return text


def _last(messages: Sequence[BaseMessage], kind: type[BaseMessage]) -> str:
    return next(
        (message.text for message in reversed(messages) if isinstance(message, kind)),
        "",
    )


def _quote(messages: Sequence[BaseMessage]) -> str:
    # The passages stand before the question.
    text = "\n".join(message.text for message in messages)
    said, mark, question = text.rpartition(_QUESTION)
    if not mark:
        said, _, question = text.rstrip().rpartition("\n")
    wanted = set(_WORD.findall(question.lower()))
    sentences = [found.group().strip() for found in _SENTENCE.finditer(said)]
    return max(
        sentences,
        key=lambda text: len(wanted & set(_WORD.findall(text.lower()))),
        default="",
    )


def _usage(messages: Sequence[BaseMessage], tokens_out: int) -> UsageMetadata:
    tokens_in = sum(len(message.text.split()) for message in messages)
    return UsageMetadata(
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        total_tokens=tokens_in + tokens_out,
    )


def _chunk(**fields: Any) -> ChatGenerationChunk:
    return ChatGenerationChunk(
        message=AIMessageChunk(content=fields.pop("content", ""), **fields)
    )


def _call(
    reply: Reply, messages: Sequence[BaseMessage], turn: int, index: int
) -> dict[str, Any]:
    call = reply.tool_calls[index]
    args = {
        name: _fill(value, messages) if isinstance(value, str) else value
        for name, value in call.args.items()
    }
    return {
        "type": "tool_call",
        "id": _call_id(turn, index),
        "name": call.name,
        "args": args,
    }


def _call_id(turn: int, index: int) -> str:
    return f"call_{turn + 1}_{index + 1}"


def _call_chunk(
    reply: Reply, messages: Sequence[BaseMessage], turn: int, index: int
) -> Any:
    call = _call(reply, messages, turn, index)
    args = json.dumps(call["args"], ensure_ascii=False)
    return tool_call_chunk(name=call["name"], args=args, id=call["id"], index=index)


def _raise(kind: ErrorKind | None) -> None:
    match kind:
        case None:
            return
        case "overflow":
            error: AppError = ContextOverflow.of(2048)
        case "busy":
            error = ModelBusy(
                "The script says that the model is busy. Try again.", pause=1
            )
        case "key":
            error = ModelKeyRejected(
                "The script says that the key is rejected. Choose another script."
            )
        case "unavailable":
            error = ModelUnavailable(
                "The script says that the model does not answer. Choose another script.",
                service="scripted",
            )
        case "crash":
            error = ModelUnavailable(
                "The script says that the connection broke in the middle. Choose another script.",
                service="scripted",
            )
    raise error
