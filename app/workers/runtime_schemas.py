"""What the runtime's OpenAI-compatible routes take and give."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.backend.core.errors import AppError, Invalid
from app.backend.providers.local_chat import ChatRequest, Done

TOKENS_DEFAULT = 200


class TextPart(BaseModel):
    """A piece of text in a message."""

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    def plain(self) -> dict[str, str]:
        """Return the message as the model's template wants it."""
        text = (
            self.content
            if isinstance(self.content, str)
            else "".join(part.text for part in self.content)
        )
        return {
            "role": "system" if self.role == "developer" else self.role,
            "content": text,
        }


class StreamOptions(BaseModel):
    """What a stream carries besides text; `include_notices` (ours) adds queue positions and model loading."""

    include_usage: bool = False
    include_notices: bool = False


class ChatBody(BaseModel):
    """`POST /v1/chat/completions`."""

    model_config = ConfigDict(extra="ignore")

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions = Field(default_factory=StreamOptions)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    stop: str | list[str] | None = None
    n: Literal[1] | None = None
    tools: list[Any] | None = Field(None, max_length=0)

    @field_validator("stream_options", mode="before")
    @classmethod
    def _default_options(cls, given: Any) -> Any:
        return {} if given is None else given

    def to_request(self) -> ChatRequest:
        """Return what the engine is asked."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return ChatRequest(
            messages=[message.plain() for message in self.messages],
            max_tokens=self.max_tokens or self.max_completion_tokens or TOKENS_DEFAULT,
            temperature=self.temperature or 0.0,
            top_p=self.top_p or 0.9,
            stop=[text for text in stop if text],
        )


class EmbeddingsBody(BaseModel):
    """`POST /v1/embeddings`."""

    model: str = ""
    input: list[str] = Field(min_length=1, max_length=2048)
    encoding_format: Literal["float", "base64"] = "float"

    @model_validator(mode="before")
    @classmethod
    def _accept_one_text(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("input"), str):
            return {**given, "input": [given["input"]]}
        return given


def usage_of(done: Done) -> dict[str, int]:
    """Return the tokens of an answer in OpenAI's words."""
    return {
        "prompt_tokens": done.tokens_in,
        "completion_tokens": done.tokens_out,
        "total_tokens": done.tokens_in + done.tokens_out,
    }


def error_body(error: AppError) -> dict[str, Any]:
    """Return `error` as OpenAI's clients read it."""
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    text = error.message
    if isinstance(error, Invalid):
        text = " ".join(
            f"{name}: {' '.join(said)}" for name, said in error.details.items()
        )
    return {
        "error": {
            "message": text,
            "type": kind,
            "code": error.code,
            "param": None,
        }
    }
