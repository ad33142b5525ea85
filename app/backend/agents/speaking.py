"""Asks a model, and passes its words on as they come."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from app.backend.agents.said import Said, plan_call, usage_of
from app.backend.agents.schemas import AgentKind
from app.backend.agents.spec import AgentSpec
from app.backend.core import clock, masking
from app.backend.core.errors import AppError, Invalid
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import (
    CUT,
    FallbackAsked,
    Level,
    Log,
    MessageCompleted,
    MessageDelta,
    MessageStarted,
    ModelCall,
    PromptMessage,
    QueuePosition,
    ReasoningDelta,
    RetryScheduled,
    Step,
)
from app.backend.core.spending import LimitReached, OverBudget
from app.backend.core.texts import storable
from app.backend.middleware.errors import GuardMissing
from app.backend.models.catalog import ModelCatalog
from app.backend.models.chosen import OpenModel
from app.backend.models.patience import ASKED_MAX, Pause, patiently
from app.backend.models.request import is_unpaid
from app.backend.providers.base import Notice, notice_of
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)
from app.backend.usage.prices import price_of

ROLE = "assistant"
_GONE = (ModelBusy, ModelUnavailable, ModelMissing)
# A fallback may also be one that cannot take this question.
_NO_ANSWER = (*_GONE, ModelKeyRejected, ModelRefused, ContextOverflow)
_ROLES = {"system": "system", "human": "user", "ai": ROLE, "tool": "tool"}


# Makes the model of a name ready to be asked.
MakeModel = Callable[[str], Awaitable[OpenModel]]


def _guarded(make: MakeModel) -> MakeModel:
    """Return what makes the models of one question ready: what guards the first must guard the others too."""
    first: list[OpenModel] = []

    async def made(name: str) -> OpenModel:
        model = await make(name)
        first.append(model)
        missing = ", ".join(sorted(first[0].guards - model.guards))
        if missing:
            message = f"What is critical before {first[0].name} is not critical before it: {missing}. Put it there too, under Models."
            raise GuardMissing(message)
        return model

    return made


class Sent:
    """What was sent in an attempt so far, so that its log says each message once."""

    def __init__(self) -> None:
        self._before: Sequence[tuple[str, str]] = ()

    def take(self, messages: Sequence[BaseMessage]) -> list[PromptMessage]:
        """Return the messages that are not in their place in the prompt before."""
        before = self._before
        self._before = [_words_of(message) for message in messages]
        return [
            PromptMessage(n=n, role=role, text=text)
            for n, (role, text) in enumerate(self._before, start=1)
            if (role, text) not in before[n - 1 : n]
        ]


@dataclass(frozen=True)
class Speaker:
    """An agent's model, speaking in one run; when it does not answer, its fallbacks are asked in turn."""

    spec: AgentSpec
    run: RunContext
    models: ModelCatalog
    sent: Sent = field(default_factory=Sent)

    @property
    def model_name(self) -> str:
        """The agent's own model."""
        return self.spec.model

    async def listen(self, make: MakeModel, messages: Sequence[BaseMessage]) -> Said:
        """Return what the model says; the message is begun, and `complete` ends it."""
        make = _guarded(make)
        name = self._asked_for(self.model_name)
        try:
            said = await self._ask_or_cheaper(make, await make(name), messages)
        except _GONE as error:
            said = await self._ask_others(make, messages, error)
        # The log takes secrets out by itself; the graph's state and the conversation keep this.
        said.text = masking.mask_said(said.text)
        return said

    async def _ask_others(
        self, make: MakeModel, messages: Sequence[BaseMessage], failure: AppError
    ) -> Said:
        """Ask the fallbacks in turn; where none answers, what the last one that was asked failed with is raised."""
        before = self._asked_for(self.model_name)
        chain = [name for name in await self._chain(failure) if name != before]
        for number, name in enumerate(chain, start=1):
            try:
                model = await make(name)
            # What the model before failed with says more.
            except AppError as error:  # lint-skip: edge-catch
                message = f"The fallback {name} cannot be asked: {error.message}"
                self.run.emit(Log(level=Level.WARNING, message=message))
                continue
            self.run.emit(
                FallbackAsked(
                    model=name,
                    instead_of=before,
                    number=number,
                    numbers_max=len(chain),
                    reason=failure.message,
                )
            )
            try:
                return await self._ask_or_cheaper(make, model, messages)
            except _NO_ANSWER as error:
                before, failure = self._asked_for(name), error
        raise failure

    def _asked_for(self, name: str) -> str:
        """Return the model that is asked for `name`: a budget may have led to another one."""
        return self.run.spending.model_for(name)

    async def _ask_or_cheaper(
        self, make: MakeModel, model: OpenModel, messages: Sequence[BaseMessage]
    ) -> Said:
        """Ask a model, or the one that a budget names for when it is used up."""
        try:
            return await self._ask(model, messages)
        except OverBudget as over:
            if not over.instead:
                raise
            cheaper = await self._make_cheaper(make, model.name, over)
        return await self._ask(cheaper, messages)

    async def _make_cheaper(
        self, make: MakeModel, name: str, over: OverBudget
    ) -> OpenModel:
        """Return the cheaper model, said to stand for `name`; when it cannot be asked, `over` is raised."""
        try:
            model = await make(over.instead)
        # The budget says more.
        except AppError as error:  # lint-skip: edge-catch
            message = f"{over.instead} cannot be asked instead: {error.message}"
            self.run.emit(Log(level=Level.WARNING, message=message))
            raise over from None
        self.run.emit(
            FallbackAsked(
                model=over.instead,
                instead_of=name,
                number=1,
                numbers_max=1,
                reason=over.reason,
            )
        )
        return model

    async def _chain(self, failure: AppError) -> list[str]:
        """Return what is asked in the model's place; for one that is not there, in the end, the default."""
        owner, own = self.run.agent_owner, self.spec.fallbacks
        if not isinstance(failure, ModelMissing):
            names = await self.models.fallbacks(owner, self.model_name, named=own)
        else:
            try:
                names = [*own, await self.models.default_name(owner)]
            except Invalid:
                # None is chosen, and the failure says what is wrong.
                names = own
        return [name for name in dict.fromkeys(names) if name != self.model_name]

    async def _ask(self, model: OpenModel, messages: Sequence[BaseMessage]) -> Said:
        said = Said(model.name)
        said.price, said.window = price_of(model.chosen), model.chosen.context_window

        def announce(pause: Pause) -> None:
            self._cut(said, messages)
            self._announce_pause(model.name, pause)

        async def may_ask_again() -> bool:
            # Else the attempts would be multiplied with those of what stands before the model.
            is_ours = said.has_begun() or not model.asks_again
            return is_ours and await model.may_ask_again()

        try:
            await patiently(may_ask_again, announce)(self._hear, model, said, messages)
        except BaseException as error:
            if isinstance(error, _NO_ANSWER):
                self._cut(said, messages)
            # What was said until then is paid too.
            if said.is_open:
                outcome = "failed" if _is_failure(error) else "cut"
                self.run.emit(usage_of(said, messages, outcome))
            raise
        return said

    async def _hear(
        self, model: OpenModel, said: Said, messages: Sequence[BaseMessage]
    ) -> None:
        """Ask once."""

        async def reserve(
            sent: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]
        ) -> None:
            planned = plan_call(said, self.spec.max_tokens, sent, tools)
            await self.run.spending.reserve(planned)
            said.asked_tokens = planned.tokens_in
            self._open(said, messages)

        async for chunk in model.stream(messages, reserve=reserve):
            self._open(said, messages)
            self._take(chunk, said)

    def _open(self, said: Said, messages: Sequence[BaseMessage]) -> None:
        if said.is_open:
            return
        said.is_open = True
        self.run.emit(
            MessageStarted(
                message_id=said.message_id,
                role=ROLE,
                model=said.model,
                call=self._call(said, messages),
            )
        )

    def _cut(self, said: Said, messages: Sequence[BaseMessage]) -> None:
        """End a message of which a part has come, so that another one says it anew."""
        if not said.has_begun() and said.usage is None:
            return
        self.run.emit(
            MessageCompleted(
                message_id=said.message_id,
                role=ROLE,
                text=said.text,
                finish_reason=CUT,
            )
        )
        self.run.emit(usage_of(said, messages, "failed"))
        said.begin_anew()

    def complete(self, said: Said, messages: Sequence[BaseMessage]) -> None:
        """Say that the message is whole, and what it took."""
        self.run.emit(
            MessageCompleted(
                message_id=said.message_id,
                role=ROLE,
                text=said.text,
                finish_reason=said.finish_reason,
                tools_called=[name for name, _ in said.calls()],
            )
        )
        self.run.emit(usage_of(said, messages, "completed"))

    def _take(self, chunk: AIMessageChunk, said: Said) -> None:
        if chunk.tool_call_chunks:
            said.call_chunks.append(chunk)
            said.tokens += 1
        notice = notice_of(chunk)
        if notice is not None:
            self._announce(notice, said.model)
        reasoning = chunk.additional_kwargs.get("reasoning_content")
        if reasoning:
            said.has_thought = True
            self.run.emit(
                ReasoningDelta(message_id=said.message_id, text=str(reasoning))
            )
        if chunk.text:
            if said.first_token_at is None:
                said.first_token_at = clock.monotonic()
            text = storable(chunk.text)
            said.text += text
            said.tokens += 1
            self.run.emit(MessageDelta(message_id=said.message_id, text=text))
        if chunk.usage_metadata is not None:
            said.usage = dict(chunk.usage_metadata)
        said.is_unpaid = said.is_unpaid or is_unpaid(chunk)
        reason = chunk.response_metadata.get("finish_reason")
        said.finish_reason = reason or said.finish_reason

    def _call(self, said: Said, messages: Sequence[BaseMessage]) -> ModelCall:
        has_tools = self.spec.kind == AgentKind.TOOLS
        return ModelCall(
            messages=self.sent.take(messages),
            size=len(messages),
            tools=list(self.spec.tools) if has_tools else [],
            temperature=self.spec.temperature,
            max_tokens=self.spec.max_tokens,
            tokens_in=said.asked_tokens,
            price=said.price.version if said.price else "",
            window=said.window,
        )

    def _announce_pause(self, model: str, pause: Pause) -> None:
        self.run.emit(
            RetryScheduled(
                what=model,
                attempt=pause.attempt,
                attempts_max=ASKED_MAX,
                seconds=round(pause.seconds, 1),
                reason=str(pause.error),
            )
        )

    def _announce(self, notice: Notice, model: str) -> None:
        emit = self.run.emit
        match notice.type:
            case "queued":
                emit(QueuePosition(part=model, position=notice.position))
            case "loading":
                emit(Step(content=f"Loading the model {model} into memory."))
            case "loaded":
                seconds = notice.milliseconds / 1000
                emit(Step(content=f"The model {model} is ready ({seconds:.1f} s)."))
            case "reconnecting":
                emit(Step(content=f"The connection to {model} broke; trying again."))


def _words_of(message: BaseMessage) -> tuple[str, str]:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    asked = [
        f"{call['name']} {json.dumps(call['args'], ensure_ascii=False)}"
        for call in calls
    ]
    text = "\n".join([str(message.content), *asked] if message.content else asked)
    return _ROLES[message.type], storable(text)


def _is_failure(error: BaseException) -> bool:
    if isinstance(error, OverBudget):
        # Not the answer was cut: it was not asked for again.
        return True
    return isinstance(error, Exception) and not isinstance(error, LimitReached)
