"""Checks an answer against the sentences that fit its question best; what a model missed is quoted."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.backend.agents.citations import split_sentences
from app.backend.core.run_events import Passage
from app.backend.knowledge.bm25 import split_words
from app.backend.knowledge.embeddings import Embedder

SIMILAR = 0.85
SHARED_WORDS = 0.5
WORDS_MIN = 4
TITLE_WORDS_MAX = 8
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_RULE = re.compile(r"[|\s:-]*")
_SENTENCE_END = re.compile(r"[.!?…:;,][\"')\]»]*$")
_NUMBERS = [
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen", "twenty"),
]
_NUMBER_WORDS = {word: str(value) for value, word in enumerate(_NUMBERS, start=1)}


@dataclass(frozen=True)
class _Line:
    """A sentence in its place: under a heading, after another sentence, in a passage."""

    text: str
    heading: str
    before: str
    place: int

    @property
    def in_place(self) -> str:
        """The sentence with what gives it meaning, such as what "it" stands for."""
        return f"{self.heading} {self.before} {self.text}".strip()


async def find_missing_quote(
    embedder: Embedder, query: str, answer: str, passages: Sequence[Passage]
) -> str:
    """Return the sentence that answers `query` best, unless `answer` says the like; then nothing.

    Raises:
        ServiceUnavailable: the embedder does not answer.
    """
    lines = [
        line for place, item in enumerate(passages) for line in _lines(item, place)
    ]
    if not lines:
        return ""
    said = [text.strip() for text in split_sentences(answer)]
    vectors = np.asarray(
        await embedder.embed(
            [
                query,
                *said,
                *(line.text for line in lines),
                *(line.in_place for line in lines),
            ]
        ),
        dtype=np.float32,
    )
    asked, told, rest = vectors[0], vectors[1 : len(said) + 1], vectors[len(said) + 1 :]
    alone, placed = rest[: len(lines)], rest[len(lines) :]
    key = int(np.argmax(_rank(query, lines, passages, alone @ asked, placed @ asked)))
    is_said = any(
        _says_the_like(text, lines[key].text, query, float(vector @ alone[key]))
        for text, vector in zip(said, told, strict=True)
    )
    return "" if is_said else lines[key].text


def _rank(
    query: str,
    lines: Sequence[_Line],
    passages: Sequence[Passage],
    alone: np.ndarray,
    placed: np.ndarray,
) -> np.ndarray:
    """Return how well each sentence fits the question: by meaning, by words, and by its passage."""
    words = [set(split_words(line.text)) for line in lines]
    around = [set(split_words(line.in_place)) for line in lines]
    uses = Counter(word for found in words for word in found)
    weights = {
        word: float(np.log(1 + len(lines) / (0.5 + uses[word])))
        for word in split_words(query)
    }
    total = sum(weights.values()) or 1.0

    def share(found: set[str]) -> float:
        return sum(weights[word] for word in weights.keys() & found) / total

    by_words = np.array(
        [share(a) + share(b) for a, b in zip(words, around, strict=True)]
    )
    by_passage = np.array(
        [passages[line.place].score + 1 / (3 + 3 * line.place) for line in lines]
    )
    return 0.5 * (alone + placed) + 0.3 * (by_words + by_passage)


def _says_the_like(text: str, key: str, query: str, similarity: float) -> bool:
    """Tell whether a sentence says what the key sentence says, and not just what was asked."""
    asked = set(split_words(query))
    if not numbers_in(text) <= numbers_in(key) | numbers_in(query):
        return False
    new = set(split_words(text)) - asked
    shared = len(new & set(split_words(key))) / len(new) if new else 0.0
    return shared > SHARED_WORDS or (shared > 0 and similarity >= SIMILAR)


def numbers_in(text: str) -> set[str]:
    """Return the numbers of a text, whether in digits or in words."""
    digits = {re.sub(r"[.,]", "", found) for found in _DIGITS.findall(text)}
    words = set(re.findall(r"[a-z]+", text.lower()))
    return digits | {_NUMBER_WORDS[word] for word in words & _NUMBER_WORDS.keys()}


def _lines(passage: Passage, place: int) -> list[_Line]:
    lines: list[_Line] = []
    heading = before = ""
    rows = passage.text.strip().split("\n")
    for row in rows:
        text = row.strip()
        if text.startswith("#"):
            heading = text.lstrip("# ")
            continue
        if _RULE.fullmatch(text):
            continue
        if text.startswith("|"):
            text = ", ".join(cell.strip() for cell in text.strip("|").split("|"))
        if len(rows) > 1 and not lines and not heading and _is_title(text):
            heading = text
            continue
        for sentence in split_sentences(text):
            if len(sentence.split()) < WORDS_MIN and not _DIGITS.search(sentence):
                continue  # the heading of a PDF, which nothing marks as one
            lines.append(_Line(sentence.strip(), heading, before, place))
            before = sentence.strip()
    return lines


def _is_title(text: str) -> bool:
    """Tell whether the first line of a passage is a title, which nothing marks as one in a PDF."""
    is_short = len(text.split()) <= TITLE_WORDS_MAX
    return is_short and text[0].isalpha() and not _SENTENCE_END.search(text)
