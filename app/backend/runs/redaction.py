"""Takes obvious secrets out of a run's events before they are stored or shown to anybody.

Most events have none, so a whole batch is looked at in one pass; only one that has something is gone through.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import re2  # pyright: ignore[reportMissingTypeStubs] - it ships none
from pydantic import BaseModel

from app.backend.core import masking
from app.backend.core.masking import LENGTH_MIN
from app.backend.core.masking import MASK as REDACTED
from app.backend.core.run_events import Event, MessageDelta, ReasoningDelta
from app.backend.core.stored_events import RunEvent

E = TypeVar("E", bound=BaseModel)
# Where secrets of known shapes begin, and what follows; the words before them that tell what they are stay.
_BEGINNINGS = {
    "sk-": r"[\w\-]{20,}",
    "ghp_": r"\w{30,}",
    "gho_": r"\w{30,}",
    "ghs_": r"\w{30,}",
    "ghu_": r"\w{30,}",
    "github_pat_": r"\w{30,}",
    "glpat-": r"[\w\-]{20,}",
    "xoxb-": r"[\w\-]{10,}",
    "xoxp-": r"[\w\-]{10,}",
    "xapp-": r"[\w\-]{10,}",
    "AKIA": r"[A-Z0-9]{16}",
    "ASIA": r"[A-Z0-9]{16}",
    "AIza": r"[\w\-]{35}",
    "hf_": r"\w{30,}",
    "atl_": r"[\w\-]{20,}",
    "eyJ": r"[\w\-]{10,}\.[\w\-]{10,}\.[\w\-]{10,}",
}
_BEGINS = tuple(_BEGINNINGS)
_KEY_BEGINS, _KEY_ENDS = "-----BEGIN", "-----END"
_KEY = r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----"
_SHAPES = "|".join(f"{begin}{rest}" for begin, rest in _BEGINNINGS.items())
_BEARER = r"(?i:bearer|basic) +[\w\-.+/~]{16,}=*"
_IN_URL = r"://[^\s/:@]*:[^\s/@]+@"
# Names of values that are secrets whatever they look like.
_NAMES = r"password|passwd|api_?key|secret|client_secret|access_token|refresh_token|auth_token|private_key|authorization"
_NAME = re.compile(rf"(?i)[\w\-]*(?:{_NAMES})")
_CUT = re.compile(
    rf"(?P<scheme>(?i:bearer|basic) +)[\w\-.+/~]{{16,}}=*|(?P<user>://[^\s/:@]*:)[^\s/@]+@|{_KEY}|\b(?:{_SHAPES})"
)
_TEXT_OF = {"message_delta": "text", "reasoning_delta": "text", "log": "message"}
_GROWING = (MessageDelta, ReasoningDelta)
_HELD_MAX = 4096
_SCHEMES = frozenset({"bearer", "basic"})
_SCHEME_PARTS = frozenset(
    word[:size] for word in _SCHEMES for size in range(1, len(word) + 1)
)
_BEGIN_PARTS = frozenset(
    text[:size] for text in _BEGINNINGS for size in range(1, len(text))
)
# From the colon after a scheme on, until it is sure that no password comes.
_ADDRESS = re.compile(r"(?<![^\w+.\-]):(?:/?|//[^/@]*)\Z")
_JOINT = re.compile(r".*[^\w\-.]")
_WORD_MAX = 256


def _shape_from(text: str) -> int:
    if _KEY_BEGINS in text and _KEY_ENDS not in text:
        return text.index(_KEY_BEGINS)
    words = text[-_WORD_MAX:].rsplit(None, 2)
    if not words:
        return len(text)
    *before, last = words
    if text[-1].isspace():
        return text.rindex(last) if last.lower() in _SCHEMES else len(text)
    if before and before[-1].lower() in _SCHEMES:
        return text.rindex(before[-1])
    if not last.isalnum():
        if address := _ADDRESS.search(last):
            return len(text) - len(last) + address.start()
        if joint := _JOINT.match(last):
            last = last[joint.end() :]
    may_begin = (
        last.startswith(_BEGINS)
        or last in _BEGIN_PARTS
        or last.lower() in _SCHEME_PARTS
    )
    return len(text) - len(last) if last and may_begin else len(text)


def _parts_of(values: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the beginnings of the values by their last letters, longest first: most texts that grow end with none."""
    parts: dict[str, set[str]] = defaultdict(set)
    for value in values:
        for size in range(1, len(value)):
            parts[value[size - 1]].add(value[:size])
    return {
        last: tuple(sorted(found, key=len, reverse=True))
        for last, found in parts.items()
    }


class Redactor:
    """Knows what a secret looks like, and which values of this installation are secrets."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        known = sorted({value for value in values if len(value) >= LENGTH_MIN}, key=len)
        self._values = tuple(reversed(known))
        options = re2.Options()
        options.log_errors = False
        options.never_capture = True
        literal = [re2.escape(value) for value in self._values]
        found = "|".join(
            [
                *literal,
                _BEARER,
                _IN_URL,
                "-----BEGIN [A-Z ]*PRIVATE KEY",
                rf"\b(?:{_SHAPES})",
                rf"(?im:^[\w\-]*(?:{_NAMES})$)",
            ]
        )
        self._any = re2.compile(found, options)
        self._parts = _parts_of(self._values)

    def redact_stored(self, events: Sequence[RunEvent]) -> list[RunEvent]:
        """Return events without secrets, as they may be stored."""
        texts = "\n".join([_said(event) for event in events])
        if not self._any.search(texts):
            return list(events)
        return [
            event.model_copy(update={"payload": self._clean(event.payload)})
            for event in events
        ]

    def redact(self, event: E) -> E:
        """Return an event without secrets."""
        payload = event.model_dump(mode="json")
        if not self._any.search("\n".join(_texts(payload))):
            return event
        return type(event).model_validate(self._clean(payload))

    def redact_text(self, text: str) -> str:
        """Return a text without secrets."""
        for value in self._values:
            text = text.replace(value, REDACTED)
        return _CUT.sub(_replace, text)

    def held_from(self, text: str) -> int:
        """Return where a text that goes on ends for now: what follows may be the beginning of a secret."""
        end = _shape_from(text)
        parts = self._parts.get(text[-1:], ())
        if text.endswith(parts):
            for part in parts:
                at = len(text) - len(part)
                # In the middle of a word it is a part of that.
                if text.endswith(part) and not text[at - 1 : at].isalnum():
                    return min(at, end)
        return end

    def _clean(self, value: Any) -> Any:
        match value:
            case str():
                return self.redact_text(value)
            case dict():
                return {
                    key: REDACTED
                    if isinstance(item, str) and item and _NAME.fullmatch(str(key))
                    else self._clean(item)
                    for key, item in value.items()
                }
            case list():
                return [self._clean(item) for item in value]
            case _:
                return value


_INSTALLED_MAX = 100
_installed: dict[masking.Owners, tuple[int, Redactor]] = {}


def installed() -> Redactor:
    """Return what knows the secrets that this process has met so far: in a run, those that it may know."""
    known, owners = masking.known(), masking.bound_owners()
    version, redactor = _installed.get(owners, (-1, None))
    if redactor is None or version != known.version:
        if len(_installed) >= _INSTALLED_MAX:
            _installed.clear()
        redactor = Redactor(known.of(owners))
        _installed[owners] = (known.version, redactor)
    return redactor


class Streams:
    """Holds back the end of a text that grows while it may be the beginning of a secret, so that none is stored in two halves."""

    def __init__(self, redactor: Callable[[], Redactor]) -> None:
        self._redactor = redactor
        self._held: MessageDelta | ReasoningDelta | None = None

    def take(self, event: Event) -> Sequence[Event]:
        """Return what may be stored now: mostly `event` itself."""
        if not isinstance(event, _GROWING):
            return (*self.release(), event)
        held, before = self._held, ()
        if held is not None:
            self._held = None
            if type(held) is type(event) and held.message_id == event.message_id:
                event = _joined(held, event)
            else:
                before = (held,)
        at = self._redactor().held_from(event.text)
        if at == len(event.text) or len(event.text) - at > _HELD_MAX:
            return (*before, event)
        self._held = event.model_copy(update={"text": event.text[at:], **_none(event)})
        if at == 0:
            self._held = event
            return before
        return (*before, event.model_copy(update={"text": event.text[:at]}))

    def release(self) -> Sequence[Event]:
        """Return what was held back: nothing follows it."""
        held, self._held = self._held, None
        return () if held is None else (held,)


def _joined(
    held: MessageDelta | ReasoningDelta, event: MessageDelta | ReasoningDelta
) -> MessageDelta | ReasoningDelta:
    update: dict[str, Any] = {"text": held.text + event.text}
    if isinstance(held, MessageDelta) and isinstance(event, MessageDelta):
        update["tokens"] = held.tokens + event.tokens
    return event.model_copy(update=update)


def _none(event: Event) -> dict[str, int]:
    # Its tokens are counted with the part that is let through.
    return {"tokens": 0} if isinstance(event, MessageDelta) else {}


def _said(event: RunEvent) -> str:
    # Most events of a log are of these types, and have one text.
    name = _TEXT_OF.get(event.type)
    return event.payload[name] if name else "\n".join(_texts(event.payload))


def _texts(payload: Any) -> Iterator[str]:
    """Return the texts of a payload, and the names of values inside of it."""
    match payload:
        case str():
            yield payload
        case dict():
            for key, value in payload.items():
                if isinstance(value, str):
                    yield str(key)
                    yield value
                else:
                    yield from _texts(value)
        case list():
            for item in payload:
                yield from _texts(item)
        case _:
            pass


def _replace(match: re.Match[str]) -> str:
    if match["scheme"]:
        return f"{match['scheme']}{REDACTED}"
    if match["user"]:
        return f"{match['user']}{REDACTED}@"
    return REDACTED
