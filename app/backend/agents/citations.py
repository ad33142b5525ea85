"""Which passage supports which sentence of an answer: computed, not asked of the model."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from app.backend.core.run_events import Citation, Passage, Sentence
from app.backend.knowledge.embeddings import Embedder

# A sentence is supported by meaning alone, or by less of it together with the words that it shares.
SIMILARITY_ALONE = 0.6
SIMILARITY_WITH_WORDS = 0.3
SHARED_WORDS = 0.6
_WORD = re.compile(r"\w+")
_SHORT = 3
# Word for word, and long enough not to stand there by chance.
_QUOTED = re.compile('[\u201c"]([^\u201c\u201d"]{15,})[\u201d"]')
_CLOSING, _OPENING = "\"'\u201d\u2019)\\]", "\"'\u201c\u2018(\\["
_END = re.compile(rf"(?<=[.!?…])[{_CLOSING}]*\s+(?=[{_OPENING}]?[^\W_a-z])|\n+\s*")
_NOT_AN_END = re.compile(
    r"(?:^|\s)(?:e\.g|i\.e|cf|vs|etc|approx|no|fig|dr|mr|mrs|ms|prof|st|[A-Za-z])\.\s*$",
    re.IGNORECASE,
)


def split_sentences(text: str) -> list[str]:
    """Return the sentences of `text`, each with the space after it: joined they are `text` again."""
    sentences: list[str] = []
    start = 0
    for found in _END.finditer(text):
        piece = text[start : found.end()]
        before = text[start : found.start()]
        # A colon leads in what follows, so that its source is the source of both.
        if before.rstrip().endswith(":"):
            continue
        if "\n" not in found.group() and _NOT_AN_END.search(before):
            continue
        if piece.strip():
            sentences.append(piece)
            start = found.end()
    if text[start:].strip():
        sentences.append(text[start:])
    elif sentences:
        sentences[-1] += text[start:]
    return sentences


async def cite(
    embedder: Embedder, answer: str, passages: Sequence[Passage]
) -> tuple[list[Sentence], list[Citation]]:
    """Return the answer's sentences with their citations, numbered by first use.

    Raises:
        ServiceUnavailable: the embedder does not answer.
    """
    texts = split_sentences(answer)
    if not passages or not texts:
        return [Sentence(text=text) for text in texts], []
    pieces = [piece for passage in passages for piece in _pieces(passage.text)]
    owners = [i for i, passage in enumerate(passages) for _ in _pieces(passage.text)]
    vectors = np.asarray(await embedder.embed([*texts, *pieces]), dtype=np.float32)
    near = vectors[: len(texts)] @ vectors[len(texts) :].T
    numbers: dict[int, int] = {}
    scores: dict[int, float] = {}
    sentences: list[Sentence] = []
    for text, row in zip(texts, near, strict=True):
        found = _support(text, row, owners, passages)
        if found is None:
            sentences.append(Sentence(text=text))
            continue
        place, score = found
        number = numbers.setdefault(place, len(numbers) + 1)
        scores[place] = max(score, scores.get(place, 0.0))
        sentences.append(Sentence(text=text, citations=[number]))
    citations = [
        to_citation(passages[place], number, scores[place])
        for place, number in numbers.items()
    ]
    return sentences, citations


def to_citation(passage: Passage, number: int, score: float) -> Citation:
    """Return `passage` as the citation `number`."""
    return Citation(
        n=number,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        document_name=passage.document_name,
        page=passage.page,
        text=passage.text,
        score=round(score, 4),
    )


def _support(
    text: str, near: np.ndarray, owners: Sequence[int], passages: Sequence[Passage]
) -> tuple[int, float] | None:
    """Return the passage that supports a sentence best, and how well, if any does."""
    quoted = [" ".join(found.split()) for found in _QUOTED.findall(text)]
    for place, passage in enumerate(passages):
        whole = " ".join(passage.text.split())
        if quoted and all(quote in whole for quote in quoted):
            return place, 1.0
    words = _words(text)
    best: tuple[float, int, float] | None = None
    for place, passage in enumerate(passages):
        similarity = max(
            float(value)
            for value, owner in zip(near, owners, strict=True)
            if owner == place
        )
        shared = len(words & _words(passage.text)) / len(words) if words else 0.0
        if similarity < SIMILARITY_ALONE and not (
            similarity >= SIMILARITY_WITH_WORDS and shared >= SHARED_WORDS
        ):
            continue
        rank = similarity + shared
        if best is None or rank > best[0]:
            best = rank, place, similarity
    return (best[1], best[2]) if best else None


def _pieces(text: str) -> list[str]:
    # A sentence is compared with the sentences of a passage: against all of it, one fact drowns in the others.
    sentences = [piece.strip() for piece in split_sentences(text)]
    pairs = [f"{a} {b}" for a, b in pairwise(sentences)]
    return pairs or [text]


def _words(text: str) -> set[str]:
    return {
        word
        for word in _WORD.findall(text.lower())
        if len(word) >= _SHORT or word.isdigit()
    }
