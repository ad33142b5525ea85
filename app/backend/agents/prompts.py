"""The words that a model gets: instructions with variables, passages, earlier turns, the question."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)

from app.backend.core.run_events import Passage

NOTHING_FOUND = "Nothing in your documents answers this."
YOUR_DOCUMENTS_SAY = "Your documents say:"
_TOKENS_PER_MESSAGE = 8
_VARIABLE = re.compile(r"\{([a-z_]+)\}")
# Braces of anything but a single word, as in JSON, are left alone.

DEFAULT_INSTRUCTIONS = "You are a helpful assistant. Answer briefly."
# Worded for the small model that ships; larger ones do well with it too. Chosen by `make eval`.
FROM_PASSAGES = "Answer the question with the information in the context. Answer in one short sentence."
WITH_TOOLS = "Use your tools when they help. Call them only with what you know, and say in your own words what came out."
SMALL_WINDOW = 2048
SMALL_MODEL_PASSAGES = 2


@dataclass(frozen=True)
class Variable:
    """A word in braces that instructions may contain."""

    name: str
    description: str
    value: Callable[["PromptFacts"], str]


@dataclass(frozen=True)
class PromptFacts:
    """What the variables are filled with."""

    now: datetime
    user_name: str
    user_email: str
    agent_name: str
    model: str


VARIABLES: tuple[Variable, ...] = (
    Variable("today", "the date, such as 2026-11-21", lambda f: f"{f.now:%Y-%m-%d}"),
    Variable("weekday", "the day of the week", lambda f: f"{f.now:%A}"),
    Variable("now", "date and time in UTC", lambda f: f"{f.now:%Y-%m-%d %H:%M} UTC"),
    Variable("user_name", "your name, or your e-mail", lambda f: f.user_name),
    Variable("user_email", "your e-mail", lambda f: f.user_email),
    Variable("agent_name", "the agent's name", lambda f: f.agent_name),
    Variable("model", "the model's name", lambda f: f.model),
)
_BY_NAME: Mapping[str, Variable] = MappingProxyType(
    {variable.name: variable for variable in VARIABLES}
)


@dataclass(frozen=True)
class Turn:
    """A question and its answer from earlier in the conversation."""

    question: str
    answer: str


def check_instructions(instructions: str) -> list[str]:
    """Return what is wrong with the variables in `instructions`, in words."""
    unknown = sorted(
        {name for name in _VARIABLE.findall(instructions) if name not in _BY_NAME}
    )
    known = ", ".join(f"{{{name}}}" for name in _BY_NAME)
    return [
        f"{{{name}}} is no variable. Use one of {known}, or write it without braces."
        for name in unknown
    ]


def fill(instructions: str, facts: PromptFacts) -> str:
    """Return the instructions with their variables replaced; unknown ones stay as they are."""

    def replace(match: re.Match[str]) -> str:
        variable = _BY_NAME.get(match[1])
        return variable.value(facts) if variable else match[0]

    return _VARIABLE.sub(replace, instructions)


def search_query(query: str, history: Sequence[Turn]) -> str:
    """Return what to search for: a follow-up such as "and why?" needs the question before it."""
    return f"{history[-1].question}\n{query}" if history else query


@dataclass(frozen=True)
class Prompt:
    """What goes to the model, and what had to be left out of it."""

    messages: list[BaseMessage]
    passages: list[Passage]
    turns_left_out: int = 0
    passages_left_out: int = 0


def make_prompt(
    instructions: str,
    query: str,
    *,
    passages: Sequence[Passage] = (),
    history: Sequence[Turn] = (),
    extra: Mapping[str, Any] = MappingProxyType({}),
    budget: int,
) -> Prompt:
    """Return the prompt that fits in about `budget` tokens.

    Old turns go first, then the passages that fit the question least; the question always stays whole, so that
    one that is too long is the model's error and not a silent cut.
    """
    kept_passages, turns = list(passages), list(history)

    def size() -> int:
        messages = _messages(instructions, query, kept_passages, turns, extra)
        return sum(
            estimate_tokens(str(message.content)) + _TOKENS_PER_MESSAGE
            for message in messages
        )

    while turns and size() > budget:
        turns.pop(0)
    while len(kept_passages) > 1 and size() > budget:
        kept_passages.pop()
    return Prompt(
        messages=_messages(instructions, query, kept_passages, turns, extra),
        passages=kept_passages,
        turns_left_out=len(history) - len(turns),
        passages_left_out=len(passages) - len(kept_passages),
    )


def estimate_tokens(text: str) -> int:
    """Return about how many tokens `text` has; a little too many rather than too few."""
    return max(1, -(-len(text.encode()) // 3))


def _messages(
    instructions: str,
    query: str,
    passages: Sequence[Passage],
    turns: Sequence[Turn],
    extra: Mapping[str, Any],
) -> list[BaseMessage]:
    system = instructions.strip() or DEFAULT_INSTRUCTIONS
    question = query
    if passages:
        system = f"{system}\n{FROM_PASSAGES}"
        # The best passage stands last, beside the question: a small model heeds what it read last.
        context = "\n\n".join(passage.text.strip() for passage in reversed(passages))
        question = f"Context:\n{context}\n\nQuestion: {query}\nAnswer with the fact from the context."
    if extra:
        facts = "\n".join(f"{name}: {value}" for name, value in extra.items())
        question = f"{question}\n\n{facts}"
    messages: list[BaseMessage] = [SystemMessage(system)]
    for turn in turns:
        messages += [HumanMessage(turn.question), AIMessage(turn.answer)]
    return [*messages, HumanMessage(question)]


def unread_caveat(unread: int, documents: int) -> str:
    """Say that some of an agent's documents cannot be found yet."""
    noun = "document" if documents == 1 else "documents"
    are, them = ("is", "it") if unread == 1 else ("are", "them")
    return f"{unread} of {documents} {noun} {are} still being read; the answer may miss {them}."
