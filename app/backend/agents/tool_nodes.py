"""The steps of an agent with tools: its model decides, one tool at a time is called, and in the end it answers.

Each step has one effect at most, and each comes to the same calls when it is repeated: what the model decided is in
the state before the first tool is called. So LangGraph may run a step once more from its top.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from app.backend.agents.citations import cite
from app.backend.agents.context import AgentParts, Task, ToolState
from app.backend.agents.loops import check_repeats
from app.backend.agents.prompts import (
    WITH_TOOLS,
    PromptFacts,
    estimate_tokens,
    fill,
    make_prompt,
)
from app.backend.agents.speaking import Sent, Speaker
from app.backend.agents.spec import AgentSpec
from app.backend.agents.unread import find_caveat, tell_lost
from app.backend.core import clock
from app.backend.core.effects import Effect, EffectCall
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import (
    Log,
    Passage,
    RunOutput,
    Stage,
    StageChanged,
    ToolCalled,
    ToolReturned,
)
from app.backend.knowledge.tool import SEARCH_TOOL
from app.backend.models.chosen import OpenModel
from app.backend.models.request import Caller
from app.backend.providers.base import ChatOptions
from app.backend.tools.base import AnyTool, ToolContext, ToolResult
from app.backend.tools.errors import UnknownTool, WrongArguments
from app.backend.tools.policy import Source, perform

WINDOW_UNKNOWN = 8192
CALLS_MAX = 16
_WINDOW_MARGIN = 64
# The next attempt would not know that the model wanted this, and might do it once more.
_NOT_KEPT = "{name} is not carried out now, since the store of checkpoints does not answer. Say so, or try again later."
_LEFT_OUT = "(left out: the conversation has become too long)"
_TOLD = {
    "recorded": "{title} was done before this attempt; what it gave back then is used.",
    "person": "{title} happened, as a person says; it is not done again.",
}


@dataclass(frozen=True)
class ToolNodes:
    """What the nodes of the graph do in one run; the graph itself is the same for all runs."""

    parts: AgentParts
    task: Task
    run: RunContext
    keeps_up: Callable[[], Awaitable[bool]]
    sent: Sent = field(default_factory=Sent)
    _entered: set[Stage] = field(default_factory=set[Stage])

    async def think(self, state: ToolState) -> ToolState:
        """Let the model say what to do next, or the answer."""
        spec, step = self._spec, state.get("step", 0) + 1
        self.run.budget.begin_step(step)
        self._enter_stage()
        if step == 1:
            tell_lost(spec, self.run)
        speaker = Speaker(spec, self.run, self.parts.models, self.sent)
        messages = await self._messages(state)
        said = await speaker.listen(self._model, messages)
        speaker.complete(said, messages)
        calls = [
            {"id": f"call_{step}_{n}", "name": name, "args": args}
            for n, (name, args) in enumerate(said.calls()[:CALLS_MAX], start=1)
        ]
        turn = {"by": "model", "text": said.text, "calls": calls}
        update: ToolState = {"step": step, "messages": [turn]}
        if calls:
            return {**update, "pending": [str(call["id"]) for call in calls]}
        return {**update, "answer": said.text}

    async def act(self, state: ToolState) -> ToolState:
        """Call the next tool."""
        wanted, *rest = state.get("pending", [])
        call = _call_of(state, wanted)
        self._enter_stage()
        effect_call = _effect_call(call, state.get("step", 0))
        self._announce(call, effect_call)
        check_repeats(self.run, _calls(state), call)
        began = clock.monotonic()
        tool = next((one for one in self._tools() if one.name == call["name"]), None)
        result, source = await self._perform(tool, call, effect_call)
        title = tool.title if tool else call["name"]
        if source in _TOLD:
            self.run.emit(Log(message=_TOLD[source].format(title=title)))
        self.run.emit(
            ToolReturned(
                tool_call_id=call["id"],
                name=call["name"],
                result=result.content,
                is_error=result.is_error,
                milliseconds=round((clock.monotonic() - began) * 1000, 1),
                source=source,
            )
        )
        told = {"by": "tool", "id": call["id"], "text": result.content}
        update: ToolState = {
            "messages": [{**told, "is_error": result.is_error}],
            "pending": rest,
        }
        if found := _number(result.passages, _passages(state)):
            update["found"] = found
        known = state.get("notes", [])
        if notes := [note for note in result.notes if note not in known]:
            update["notes"] = notes
        return update

    async def cite(self, state: ToolState) -> ToolState:
        """Find the passage that supports each sentence of the answer."""
        answer = state.get("answer", "")
        passages = [Passage.model_validate(item) for item in _passages(state)]
        sentences, citations = await cite(self.parts.embedder, answer, passages)
        output = RunOutput(
            answer=answer,
            sentences=sentences,
            citations=citations,
            caveat=await self._caveat(state),
        )
        return {"output": output.model_dump(mode="json")}

    @property
    def _spec(self) -> AgentSpec:
        return self.task.spec

    async def _caveat(self, state: ToolState) -> str:
        has_searched = any(call["name"] == SEARCH_TOOL for call in _calls(state))
        unread = ""
        if has_searched and self._spec.collection_ids:
            unread = await find_caveat(self.parts, self._spec, self.run)
        return " ".join(filter(None, [unread, *state.get("notes", [])]))

    def _tools(self) -> list[AnyTool]:
        return self.parts.tools.pick(self._spec.tools)

    async def _model(self, name: str) -> OpenModel:
        spec, run = self._spec, self.run
        options = ChatOptions(temperature=spec.temperature, max_tokens=spec.max_tokens)
        tools = self._tools()
        caller = Caller(
            run.actor,
            run_id=run.run_id,
            emit=run.emit,
            has_effects=any(tool.effect != Effect.PURE for tool in tools),
        )
        return await self.parts.models.open(
            run.agent_owner,
            name,
            options=options,
            tools=[_declaration(tool) for tool in tools],
            caller=caller,
        )

    def _enter_stage(self) -> None:
        # Once an attempt: one that goes on in the middle is past the first step.
        if Stage.GENERATING not in self._entered:
            self._entered.add(Stage.GENERATING)
            message = f"{self._spec.model} decides what to do."
            self.run.emit(StageChanged(stage=Stage.GENERATING, message=message))

    def _announce(self, call: dict[str, Any], effect_call: EffectCall) -> None:
        run = self.run
        has_waited = any(
            key.startswith(f"{call['id']}:") for key in run.answers
        ) or any(
            end.is_own and end.key.endswith(f":{effect_call.place}")
            for end in run.children.values()
        )
        if not has_waited:
            args = call["args"] or {}
            self.run.emit(
                ToolCalled(tool_call_id=call["id"], name=call["name"], args=args)
            )

    async def _perform(
        self, tool: AnyTool | None, call: dict[str, Any], effect_call: EffectCall
    ) -> tuple[ToolResult, Source]:
        name, args = call["name"], call["args"]
        if tool is None:
            known = [one.name for one in self._tools()]
            error = UnknownTool.of(name, known)
            return ToolResult(content=error.message, is_error=True), "executed"
        if args is None:
            error = WrongArguments(
                f"The arguments of {name} are no JSON object. Call it again."
            )
            return ToolResult(content=error.message, is_error=True), "executed"
        if tool.effect != Effect.PURE and not await self.keeps_up():
            return ToolResult(
                content=_NOT_KEPT.format(name=name), is_error=True
            ), "executed"
        context = ToolContext(
            run=self.run,
            call_id=call["id"],
            read=self.parts.db.read,
            collection_ids=self._spec.collection_ids,
            passages=self._spec.passages,
        )
        return await perform(tool, effect_call, context)

    async def _messages(self, state: ToolState) -> list[BaseMessage]:
        spec = self._spec
        facts = PromptFacts(
            now=clock.now(),
            user_name=self.task.user_name or self.run.actor.email,
            user_email=self.run.actor.email,
            agent_name=spec.name,
            model=spec.model,
        )
        ask = self.parts.models.context_window
        known = await ask(self.run.agent_owner, spec.model)
        window = known or WINDOW_UNKNOWN
        budget = window - spec.max_tokens - _WINDOW_MARGIN
        said = [_message(item) for item in _said(state)]
        prompt = make_prompt(
            f"{fill(spec.instructions, facts)}\n{WITH_TOOLS}".strip(),
            state.get("query", ""),
            history=self.task.history,
            extra=self.task.extra,
            budget=budget - _size(said),
        )
        return [*prompt.messages, *_shorten(said, budget - _size(prompt.messages))]


def _effect_call(call: dict[str, Any], step: int) -> EffectCall:
    position = int(call["id"].rsplit("_", 1)[1])
    return EffectCall(step, position, call["name"], call["args"] or {})


def _declaration(tool: AnyTool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.schema,
    }
    return {"type": "function", "function": function}


def _said(state: ToolState) -> list[dict[str, Any]]:
    return [*state.get("said", []), *state.get("messages", [])]


def _calls(state: ToolState) -> list[dict[str, Any]]:
    return [call for turn in _said(state) for call in turn.get("calls", [])]


def _call_of(state: ToolState, wanted: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(wanted, dict):
        return wanted
    return next(call for call in reversed(_calls(state)) if call["id"] == wanted)


def _passages(state: ToolState) -> list[dict[str, Any]]:
    return [*state.get("passages", []), *state.get("found", [])]


def _message(item: dict[str, Any]) -> BaseMessage:
    if "id" in item:
        status = "error" if item["is_error"] else "success"
        return ToolMessage(item["text"], tool_call_id=item["id"], status=status)
    calls = [{**call, "args": call["args"] or {}} for call in item["calls"]]
    return AIMessage(item["text"], tool_calls=calls)


def _shorten(messages: list[BaseMessage], budget: int) -> list[BaseMessage]:
    """Return the messages without the oldest results, if they are too long for `budget` tokens together."""
    kept = list(messages)
    for n, message in enumerate(kept[:-1]):
        if _size(kept) <= budget:
            break
        if isinstance(message, ToolMessage):
            kept[n] = message.model_copy(update={"content": _LEFT_OUT})
    return kept


def _size(messages: list[BaseMessage]) -> int:
    return sum(estimate_tokens(str(message.content)) for message in messages)


def _number(found: list[Passage], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the passages that are not known yet, numbered on."""
    ids_known = {item["chunk_id"] for item in known}
    new = [one for one in found if str(one.chunk_id) not in ids_known]
    return [
        one.model_copy(update={"n": n}).model_dump(mode="json")
        for n, one in enumerate(new, start=len(known) + 1)
    ]
