"""Finds what is private or dangerous in a text, in time that grows with its length alone (RE2)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import re2  # pyright: ignore[reportMissingTypeStubs] - it ships none

Kind = Literal["email", "card", "iban", "phone", "ip", "secret"]
KINDS: tuple[Kind, ...] = get_args(Kind)
OWN = "pattern"
_EXPRESSIONS: Mapping[Kind, str] = {
    "email": r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,24}",
    "card": r"\b\d(?:[ \-]?\d){12,18}\b",
    "iban": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
    "phone": r"(?:\+|\b00)\d{1,3}(?:[ \-./]?\(?\d{1,4}\)?){2,5}\d\b",
    "ip": r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b",
    # What is longer than what waits is seen from its beginning on, and grows from there: no end is asked for.
    "secret": r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)|\b(?:sk|pk|rk)[-_][A-Za-z0-9_\-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bAKIA[A-Z0-9]{16}\b|\bxox[abprs]-[A-Za-z0-9\-]{10,}|\beyJ[A-Za-z0-9_\-]{10,}(?:\.[A-Za-z0-9_\-]*){0,4}",
}


@dataclass(frozen=True)
class Span:
    """A part of a text, and what takes its place; `kind` says what it is."""

    start: int
    end: int
    kind: str
    text: str = ""


Find = Callable[[str], list[Span]]


class Finder:
    """Finds what is of some kinds, or matches patterns of one's own; what overlaps is one."""

    def __init__(
        self,
        kinds: Iterable[Kind],
        own: Iterable[str] = (),
        *,
        ignores_case: bool = False,
    ) -> None:
        """Take kinds and patterns.

        Raises:
            ValueError: a pattern is none; the message names it.
        """
        self._patterns: list[tuple[str, Any]] = [
            (kind, re2.compile(_EXPRESSIONS[kind])) for kind in kinds
        ]
        self._patterns += [(OWN, compile_own(text, ignores_case)) for text in own]

    def __bool__(self) -> bool:
        """Tell whether there is something to find."""
        return bool(self._patterns)

    def find(self, text: str) -> list[Span]:
        """Return what is found, in the order of the text."""
        spans = sorted(
            (
                Span(match.start(), match.end(), kind, match.group())
                for kind, pattern in self._patterns
                for match in pattern.finditer(text)
                if match.group() and _is_one(kind, match.group())
            ),
            key=lambda span: (span.start, -span.end),
        )
        found: list[Span] = []
        for span in spans:
            if not found or span.start >= found[-1].end:
                found.append(span)
        return found


def compile_own(text: str, ignores_case: bool = False) -> Any:
    """Return a pattern that a person wrote.

    Raises:
        ValueError: it is none.
    """
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignores_case
    try:
        return re2.compile(text, options)
    except re2.error as error:
        message = f"{text!r} is no regular expression of RE2: {error}"
        raise ValueError(message) from None


def replace(text: str, spans: Iterable[Span], put: Callable[[Span], str]) -> str:
    """Return a text with something else in the place of each span."""
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += [text[at : span.start], put(span)]
        at = span.end
    return "".join([*parts, text[at:]])


def _is_one(kind: str, text: str) -> bool:
    match kind:
        case "card":
            return _passes_luhn(text)
        case "iban":
            return _is_iban(text)
        case _:
            return True


def _passes_luhn(text: str) -> bool:
    """Tell whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    digits = [int(letter) for letter in reversed(text) if letter.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """Tell whether the check digits are right (ISO 13616)."""
    letters = text.replace(" ", "")
    number = "".join(str(int(one, 36)) for one in letters[4:] + letters[:4])
    return int(number) % 97 == 1
