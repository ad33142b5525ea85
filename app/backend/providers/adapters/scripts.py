"""Scripts for the scripted model: what it says, when, and how it fails."""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.backend.core.errors import Invalid

ErrorKind = Literal["unavailable", "overflow", "busy", "key", "crash"]

_TOKENS_MAX = 200_000


class ScriptedCall(BaseModel):
    """A tool call that the model makes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    args: dict[str, Any] = Field(default_factory=dict[str, Any])


class Reply(BaseModel):
    """One answer of the model: tokens at a pace, then tool calls, then an error if there is to be one.

    In `text`, and in the texts that a tool is called with, `{question}` is the last thing that the person said, `{told}` what the last tool gave back, and
    `{quote}` the sentence of the conversation that shares most words with the question.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = ""
    tokens: int | None = Field(
        default=None,
        ge=0,
        le=_TOKENS_MAX,
        description="Say this many numbered words instead of `text`.",
    )
    tool_calls: list[ScriptedCall] = Field(default_factory=list[ScriptedCall])
    reasoning: str = ""
    tokens_per_second: float | None = Field(
        default=None, gt=0, description="None: as fast as they are taken."
    )
    first_token_seconds: float = Field(default=0, ge=0, le=600)
    queue_positions: list[int] = Field(default_factory=list[int])
    error: ErrorKind | None = None


class Script(Reply):
    """A reply, or one for each turn of the model since the person last spoke."""

    replies: list[Reply] = Field(default_factory=list[Reply])

    def reply(self, turn: int) -> Reply:
        """Return what to say in this turn; the last reply is repeated."""
        return self.replies[min(turn, len(self.replies) - 1)] if self.replies else self


# Twelve steps, four of which change something; each takes a moment, so that a test can kill it in the middle.
_CHORES = [
    "put",
    "now",
    "append",
    "now",
    "now",
    "put",
    "now",
    "now",
    "append",
    "now",
    "now",
]
_CHORE_WORDS = {
    "put": "write it down",
    "append": "add a line",
    "now": "look at the clock",
}


def _chores(thing: str) -> Script:
    """Return a script that works through `_CHORES` with the tools of `thing`, then says that it is done."""
    args = {
        "now": lambda _: {},
        "put": lambda n: {"name": f"step {n}", "text": f"Put in step {n}."},
        "append": lambda n: {"name": "journal", "line": f"Appended in step {n}."},
    }
    replies = [
        Reply(
            text=f"Step {n} of 12: I {_CHORE_WORDS[verb]}.",
            tokens_per_second=60,
            tool_calls=[
                ScriptedCall(
                    name="now" if verb == "now" else f"{thing}_{verb}",
                    args=args[verb](n),
                )
            ],
        )
        for n, verb in enumerate(_CHORES, start=1)
    ]
    return Script(replies=[*replies, Reply(text="All twelve steps are done.")])


def delegates(agent: str) -> Script:
    """Return a script that asks an agent the person's question, and says what that one answered."""
    call = ScriptedCall(
        name="run_agent", args={"agent": agent, "question": "{question}"}
    )
    return Script(
        replies=[
            Reply(text=f"I ask {agent}.", tool_calls=[call]),
            Reply(text="They say: {told}"),
        ]
    )


SCRIPTS: dict[str, Script] = {
    "hello": Script(text="Hello! I am a script, not a language model."),
    "echo": Script(text="{question}"),
    "quote": Script(text="{quote}"),
    "slow": Script(tokens=200, tokens_per_second=20, first_token_seconds=0.2),
    "empty": Script(),
    "error": Script(error="unavailable"),
    "cut": Script(tokens=10, error="crash"),
    "overflow": Script(error="overflow"),
    "busy": Script(error="busy"),
    "queued": Script(text="It was my turn.", queue_positions=[2, 1]),
    "thinks": Script(reasoning="The question is simple.", text="Yes."),
    "tool": Script(
        replies=[
            Reply(
                tool_calls=[
                    ScriptedCall(name="search_knowledge", args={"query": "help"})
                ]
            ),
            Reply(text="The tool has answered."),
        ]
    ),
    "chores": _chores("notes"),
    "chores-outside": _chores("outside"),
    "asks": Script(
        replies=[
            Reply(
                tool_calls=[
                    ScriptedCall(
                        name="ask_person",
                        args={
                            "question": "Which colour shall it be?",
                            "choices": ["Red", "Blue"],
                        },
                    )
                ]
            ),
            Reply(text="{told}"),
        ]
    ),
    "delegates": delegates("helper"),
}
# long-2000: so many tokens at once; rate-40: 400 tokens at 40 a second.
_SIZED = re.compile(r"(long|rate)-(\d{1,6})")


def find_script(name: str) -> Script:
    """Return the script called `name`, or written in it as JSON.

    Raises:
        Invalid: there is none, or the JSON is not a script.
    """
    if name.startswith("{"):
        try:
            return Script.model_validate_json(name)
        except ValidationError as error:
            raise Invalid.field(
                "model",
                f"The script in the model's name is wrong: {error.errors()[0]['msg']}.",
            ) from None
    if sized := _SIZED.fullmatch(name):
        size = int(sized[2])
        if sized[1] == "long" and size <= _TOKENS_MAX:
            return Script(tokens=size)
        if sized[1] == "rate" and size:
            return Script(tokens=size * 10, tokens_per_second=size)
    if name not in SCRIPTS:
        raise Invalid.field(
            "model",
            f"There is no script {name!r}. Choose one of {', '.join(SCRIPTS)}, long-<tokens>, rate-<tokens per second>.",
        )
    return SCRIPTS[name]
