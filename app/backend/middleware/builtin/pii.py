"""Private data: a model gets placeholders, and whoever asked reads what they stand for."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import ClassVar

from langchain_core.messages import AIMessageChunk
from pydantic import Field
from typing_extensions import override

from app.backend.middleware import patterns
from app.backend.middleware.answers import rewrite_message, rewritten
from app.backend.middleware.base import (
    Ask,
    Form,
    Middleware,
    ModelRequest,
    Parts,
    TypeInfo,
)
from app.backend.middleware.builtin.validation import Pattern
from app.backend.middleware.checking import count
from app.backend.middleware.patterns import KINDS, Finder, Kind, Span

_PLACEHOLDER = re.compile(r"\[[A-Z]+_\d+\]")
# The longest one, such as [PATTERN_1234].
_LONGEST = 16


class PiiForm(Form):
    """What is private."""

    kinds: list[Kind] = Field(
        default=["email", "card", "iban", "phone"],
        title="Kinds",
        description=f"One a line, of: {', '.join(KINDS)}.",
    )
    own: list[Pattern] = Field(
        default=[],
        max_length=50,
        title="Further patterns",
        description="Regular expressions (RE2), one a line, such as a number of customers.",
    )
    restore: bool = Field(
        default=True,
        title="Put it back into answers",
        description="And into what tools are called with. Else the placeholders stay.",
    )


class PiiMiddleware(Middleware):
    """Puts a placeholder, such as [EMAIL_1], in the place of what is private, and what was there back into the answer.

    The same value has the same placeholder in all messages of a question. Nothing is kept: the next question has the
    same messages, so the same placeholders.
    """

    info: ClassVar[TypeInfo] = TypeInfo(
        key="pii",
        label="Private data",
        about="The model sees placeholders for addresses, numbers of cards and the like; the answer has the real ones again.",
        form=PiiForm,
        priority=60,
    )

    def __init__(self, settings: PiiForm, parts: Parts) -> None:
        super().__init__(settings, parts)
        self._finder = Finder(settings.kinds, settings.own, ignores_case=True)

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        told, hidden = self.began(request), _Placeholders()

        def rewrite(text: str) -> str:
            return patterns.replace(text, self._finder.find(text), hidden.hide)

        messages = [rewrite_message(one, rewrite) for one in request.messages]
        said = ask(replace(request, messages=messages))
        if hidden.counts:
            kinds = ", ".join(f"{kind} ({n})" for kind, n in hidden.counts.items())
            told.tell(f"Hid {kinds} from the model.")
        if hidden.counts and self.settings.restore:
            said = rewritten(said, hidden.find, hidden.show, held=_LONGEST, mark="[")
        async for chunk in said:
            yield chunk
        told.again()
        if hidden.shown:
            told.tell(f"Put {count(len(hidden.shown), 'value')} back.", phase="after")


class _Placeholders:
    """What was hidden in one question, and by what."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.shown: set[str] = set()
        self._names: dict[str, str] = {}
        self._values: dict[str, str] = {}

    def hide(self, span: Span) -> str:
        """Return the placeholder of a value."""
        if span.text not in self._names:
            self.counts[span.kind] = self.counts.get(span.kind, 0) + 1
            name = f"[{span.kind.upper()}_{self.counts[span.kind]}]"
            self._names[span.text], self._values[name] = name, span.text
        return self._names[span.text]

    def find(self, text: str) -> list[Span]:
        """Return the placeholders in a text."""
        return [
            Span(match.start(), match.end(), "", match.group())
            for match in _PLACEHOLDER.finditer(text)
            if match.group() in self._values
        ]

    def show(self, span: Span) -> str:
        """Return the value behind a placeholder."""
        self.shown.add(span.text)
        return self._values[span.text]
