"""The steps of an agent: search its documents, ask its model, find what supports the answer."""

from dataclasses import dataclass

from app.backend.agents.citations import cite, to_citation
from app.backend.agents.context import AgentParts, AgentState, Next, Task
from app.backend.agents.grounding import find_missing_quote
from app.backend.agents.prompts import (
    NOTHING_FOUND,
    SMALL_MODEL_PASSAGES,
    SMALL_WINDOW,
    YOUR_DOCUMENTS_SAY,
    Prompt,
    PromptFacts,
    fill,
    make_prompt,
    search_query,
)
from app.backend.agents.said import Said
from app.backend.agents.schemas import AgentKind
from app.backend.agents.speaking import ROLE, Speaker
from app.backend.agents.spec import AgentSpec
from app.backend.agents.unread import find_caveat, tell_lost
from app.backend.core import clock, ids
from app.backend.core.repeats import say_once
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import (
    Level,
    Log,
    MessageCompleted,
    MessageDelta,
    MessageStarted,
    Passage,
    RunOutput,
    Sentence,
    Stage,
    StageChanged,
    Step,
)
from app.backend.knowledge.schemas import SearchResult
from app.backend.knowledge.search import search
from app.backend.knowledge.telling import tell_found
from app.backend.models.catalog import OWN
from app.backend.models.chosen import OpenModel
from app.backend.models.request import Caller
from app.backend.providers.base import ChatOptions

WINDOW_UNKNOWN = 8192
NO_DOCUMENTS = "Retrieval is skipped: this agent has no documents, so it answers from its model alone."
# Room for the template's own tokens around the messages.
_WINDOW_MARGIN = 64


@dataclass(frozen=True)
class AgentNodes:
    """What the nodes of the graph do in one run; the graph itself is the same for all runs."""

    parts: AgentParts
    task: Task
    run: RunContext

    async def retrieve(self, state: AgentState) -> AgentState:
        """Search the agent's documents, or say that it has none."""
        emit = self.run.emit
        count = len(self._spec.collection_ids)
        tell_lost(self._spec, self.run)
        if count == 0:
            emit(StageChanged(stage=Stage.RETRIEVING, message="Skipped."))
            emit(Step(content=NO_DOCUMENTS))
            return {"passages": [], "next": self._next(is_relevant=not self._quotes)}
        what = "1 collection" if count == 1 else f"{count} collections"
        emit(StageChanged(stage=Stage.RETRIEVING, message=f"Searching {what}."))
        caveat = await find_caveat(self.parts, self._spec, self.run)
        query, history = state.get("query", ""), self.task.history
        result = await self._search(search_query(query, history))
        if history and not result.is_relevant:
            # It may be about something else than the question before it.
            result = await self._search(query)
        tell_found(self.run, result)
        return {
            "passages": [item.model_dump(mode="json") for item in result.passages],
            "next": self._next(is_relevant=result.is_relevant),
            "caveat": " ".join(filter(None, [caveat, *result.notes])),
        }

    async def refuse(self, state: AgentState) -> AgentState:
        """Say that the documents have no answer, and show what came nearest."""
        output = RunOutput(
            answer=NOTHING_FOUND,
            sentences=[Sentence(text=NOTHING_FOUND)],
            nearest=_passages(state),
            is_answered=False,
            caveat=state.get("caveat", ""),
        )
        return self._say(output)

    async def quote(self, state: AgentState) -> AgentState:
        """Answer with the passages themselves; no model is asked."""
        passages = _passages(state)
        texts = [passage.text.strip() for passage in passages]
        output = RunOutput(
            answer="\n\n".join(texts),
            citations=[
                to_citation(passage, number, passage.score)
                for number, passage in enumerate(passages, start=1)
            ],
            sentences=[
                Sentence(
                    text=text if number == len(texts) else f"{text}\n\n",
                    citations=[number],
                )
                for number, text in enumerate(texts, start=1)
            ],
            caveat=state.get("caveat", ""),
        )
        return self._say(output)

    async def generate(self, state: AgentState) -> AgentState:
        """Ask the model, and pass its words on as they come."""
        spec, emit = self._spec, self.run.emit
        self.run.budget.begin_step(1)
        prompt = await self._prompt(state)
        emit(
            StageChanged(
                stage=Stage.GENERATING, message=f"{spec.model} writes the answer."
            )
        )
        speaker = Speaker(spec, self.run, self.parts.models)
        answer = await speaker.listen(self._model, prompt.messages)
        self._end_repeats(answer)
        await self._quote_what_was_missed(state, answer)
        speaker.complete(answer, prompt.messages)
        if answer.finish_reason == "length":
            emit(
                Log(
                    message=f"The answer was cut at {spec.max_tokens} tokens, the agent's limit."
                )
            )
        return {"answer": answer.text}

    async def cite(self, state: AgentState) -> AgentState:
        """Find the passage that supports each sentence of the answer."""
        answer = state.get("answer", "")
        sentences, citations = await cite(self.parts.embedder, answer, _passages(state))
        output = RunOutput(
            answer=answer,
            sentences=sentences,
            citations=citations,
            caveat=state.get("caveat", ""),
        )
        return {"output": output.model_dump(mode="json")}

    @property
    def _spec(self) -> AgentSpec:
        return self.task.spec

    @property
    def _quotes(self) -> bool:
        return self._spec.kind == AgentKind.QUOTES

    async def _search(self, query: str) -> SearchResult:
        return await search(
            self.parts,
            self.run.agent_owner,
            collection_ids=self._spec.collection_ids,
            query=query,
            limit=self._spec.passages,
            asker_id=self.run.actor.user_id,
        )

    def _next(self, *, is_relevant: bool) -> Next:
        if not is_relevant:
            return "refuse"
        return "quote" if self._quotes else "generate"

    async def _model(self, name: str) -> OpenModel:
        spec, run = self._spec, self.run
        options = ChatOptions(temperature=spec.temperature, max_tokens=spec.max_tokens)
        caller = Caller(run.actor, run_id=run.run_id, emit=run.emit)
        return await self.parts.models.open(
            run.agent_owner, name, options=options, caller=caller
        )

    def _end_repeats(self, answer: Said) -> None:
        provider, _, _ = answer.model.partition("/")
        # What a large model repeats may be what it was asked for.
        text = say_once(answer.text) if provider in OWN else answer.text
        if text != answer.text:
            answer.text = text
            message = (
                "The model began to say the same again and again; it is kept once."
            )
            self.run.emit(Log(level=Level.WARNING, message=message))

    async def _quote_what_was_missed(self, state: AgentState, answer: Said) -> None:
        passages = _passages(state)
        if not passages:
            return
        quote = await find_missing_quote(
            self.parts.embedder, state.get("query", ""), answer.text, passages
        )
        if quote:
            addition = f"\n\n{YOUR_DOCUMENTS_SAY}\n\u201c{quote}\u201d"
            answer.text += addition
            self.run.emit(MessageDelta(message_id=answer.message_id, text=addition))

    def _say(self, output: RunOutput) -> AgentState:
        message_id = ids.new_id()
        self.run.emit(MessageStarted(message_id=message_id, role=ROLE))
        self.run.emit(
            MessageCompleted(message_id=message_id, role=ROLE, text=output.answer)
        )
        return {"answer": output.answer, "output": output.model_dump(mode="json")}

    async def _prompt(self, state: AgentState) -> Prompt:
        spec, run = self._spec, self.run
        facts = PromptFacts(
            now=clock.now(),
            user_name=self.task.user_name or run.actor.email,
            user_email=run.actor.email,
            agent_name=spec.name,
            model=spec.model,
        )
        ask = self.parts.models.context_window
        known = await ask(run.agent_owner, spec.model)
        window = known or WINDOW_UNKNOWN
        passages = _passages(state)
        if window <= SMALL_WINDOW and len(passages) > SMALL_MODEL_PASSAGES:
            self.run.emit(
                Step(
                    content=f"The window of {spec.model} is small: it reads the best {SMALL_MODEL_PASSAGES} of {len(passages)} passages."
                )
            )
            passages = passages[:SMALL_MODEL_PASSAGES]
        prompt = make_prompt(
            fill(spec.instructions, facts),
            state.get("query", ""),
            passages=passages,
            history=self.task.history,
            extra=self.task.extra,
            budget=window - spec.max_tokens - _WINDOW_MARGIN,
        )
        if prompt.turns_left_out:
            self.run.emit(
                Step(
                    content=f"{prompt.turns_left_out} earlier turns do not fit in the model's window and are left out."
                )
            )
        if prompt.passages_left_out:
            self.run.emit(
                Step(
                    content=f"{prompt.passages_left_out} passages do not fit in the model's window and are left out."
                )
            )
        return prompt


def _passages(state: AgentState) -> list[Passage]:
    return [Passage.model_validate(item) for item in state.get("passages", [])]
