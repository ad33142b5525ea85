"""What an AG-UI client sends to start a run, read as a run of ours. Source: AG-UI 1.0, `RunAgentInput`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from app.backend.api.errors import details_of
from app.backend.core.errors import Invalid
from app.backend.core.questions import Answer
from app.backend.core.texts import STORABLE, Text, storable
from app.backend.runs.external import ExternalDraft
from app.backend.threads.schemas import MessageRole

ID_LENGTH_MAX = 200
_ROLES = {"user": MessageRole.USER, "assistant": MessageRole.ASSISTANT}
_QUERY = "query"

Id = Annotated[str, StringConstraints(min_length=1, max_length=ID_LENGTH_MAX), STORABLE]


class _Sent(BaseModel):
    """What a newer client sends beyond this is left out, as the protocol asks."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class SentMessage(_Sent):
    """One message; the content is a text, or parts of which only texts are read."""

    role: str
    content: Any = None

    @property
    def text(self) -> str:
        """Return its words."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(str(part["text"]) for part in self._parts() if _is_text(part))

    @property
    def left_out(self) -> list[str]:
        """Return the kinds of its parts that are not read."""
        return [str(part.get("type")) for part in self._parts() if not _is_text(part)]

    def _parts(self) -> list[dict[str, Any]]:
        parts = self.content if isinstance(self.content, list) else []
        return [part for part in parts if isinstance(part, dict)]


class SentContext(_Sent):
    """Something that the application wants the agent to know."""

    description: Text
    value: Text


class SentTool(_Sent):
    """A tool that the application would carry out."""

    name: str


class SentAnswer(_Sent):
    """An answer to what an earlier run asked, or that there will be none."""

    interrupt_id: Text
    status: Literal["resolved", "cancelled"]
    payload: Any = None

    def answer(self) -> Answer | None:
        """Return the answer; None when there will be none.

        Raises:
            Invalid: it is neither a text nor an object with `choice` or `text`.
        """
        if self.status == "cancelled":
            return None
        given = self.payload
        if isinstance(given, str):
            given = {"text": given}
        try:
            return Answer.model_validate(given)
        except ValidationError as error:
            details = details_of(error.errors())
            raise Invalid(
                {f"resume.payload.{name}": texts for name, texts in details.items()}
            ) from None


class RunAgentInput(_Sent):
    """A run to be started, or to go on with an answer in `resume`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "threadId": "thread-1",
                "runId": "run-1",
                "messages": [{"id": "1", "role": "user", "content": "What is this?"}],
            }
        }
    )

    thread_id: Id
    run_id: Id
    messages: list[SentMessage]
    tools: list[SentTool] = Field(default_factory=list[SentTool])
    context: list[SentContext] = Field(default_factory=list[SentContext])
    state: Any = None
    forwarded_props: Any = None
    resume: list[SentAnswer] = Field(default_factory=list[SentAnswer])

    def draft(self) -> ExternalDraft:
        """Return the run: the last message of the user is the question, what was said before it comes first.

        Raises:
            Invalid: the user has said nothing.
        """
        asked = self._asked()
        if asked is None:
            message = "There is no message of the user. Send at least one with `role` user and a text."
            raise Invalid.field("messages", message)
        earlier = [
            (_ROLES[message.role], storable(message.text))
            for message in self.messages[:asked]
            if message.role in _ROLES and message.text
        ]
        facts = {_name(item.description): item.value for item in self.context}
        return ExternalDraft(
            thread_id=self.thread_id,
            run_id=self.run_id,
            input={**facts, _QUERY: self.messages[asked].text},
            earlier=earlier,
        )

    def notices(self) -> list[str]:
        """Return what of this is not used, in words."""
        asked = self._asked()
        found: list[str] = []
        if self.tools:
            names = ", ".join(tool.name for tool in self.tools)
            found.append(
                f"Tools of the application are not called: {names}. Give the agent tools of this installation instead."
            )
        if asked is not None and self.messages[asked].left_out:
            kinds = ", ".join(self.messages[asked].left_out)
            found.append(
                f"Only the text of the message is read, not: {kinds}. Upload files as documents of the agent."
            )
        for name, value in (
            ("state", self.state),
            ("forwardedProps", self.forwarded_props),
        ):
            if value:
                found.append(
                    f"`{name}` is not used. Send what the agent should know as `context`."
                )
        return found

    def _asked(self) -> int | None:
        places = [n for n, one in enumerate(self.messages) if one.role == "user"]
        return places[-1] if places else None


def _is_text(part: dict[str, Any]) -> bool:
    return part.get("type") == "text" and isinstance(part.get("text"), str)


def _name(description: str) -> str:
    return f"{description} (context)" if description == _QUERY else description
