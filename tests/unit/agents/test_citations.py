"""Which passage supports which sentence."""

from collections.abc import Sequence
from uuid import UUID
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backend.agents.citations import cite, split_sentences
from app.backend.core.run_events import Passage


class WordEmbedder:
    """Sentences are near when they share words."""

    name = "words"

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._vector(text) for text in texts]

    async def close(self) -> None:
        pass

    def _vector(self, text: str) -> list[float]:
        vector = np.zeros(512)
        for word in text.lower().replace(".", "").split():
            vector[crc32(word.encode()) % 512] += 1
        size = np.linalg.norm(vector)
        return (vector / size if size else vector).tolist()


def _passage(n: int, text: str) -> Passage:
    return Passage(
        n=n,
        chunk_id=UUID(int=n),
        document_id=UUID(int=100 + n),
        document_name="a.md",
        text=text,
        score=0.5,
    )


BOILER = _passage(1, "The boiler was made in Leeds. It holds forty litres of water.")
CAT = _passage(2, "Our cat sleeps all day. She is called Miller.")


async def test_cite_numbers_passages_by_their_first_use() -> None:
    sentences, citations = await cite(
        WordEmbedder(),
        "The cat is called Miller. The boiler holds forty litres of water. The cat sleeps all day.",
        [BOILER, CAT],
    )

    assert [sentence.citations for sentence in sentences] == [[1], [2], [1]]
    assert [(item.n, item.chunk_id) for item in citations] == [
        (1, CAT.chunk_id),
        (2, BOILER.chunk_id),
    ]


async def test_cite_gives_an_unsupported_sentence_no_citation() -> None:
    sentences, citations = await cite(
        WordEmbedder(), "Bananas grow in Ecuador.", [BOILER, CAT]
    )

    assert [sentence.citations for sentence in sentences] == [[]]
    assert citations == []


async def test_cite_knows_a_quote_by_its_words() -> None:
    sentences, citations = await cite(
        WordEmbedder(),
        "Of all that was ever written about heating, this is it: \u201cIt holds forty  litres of water.\u201d",
        [CAT, BOILER],
    )

    assert [sentence.citations for sentence in sentences] == [[1]]
    assert [(item.chunk_id, item.score) for item in citations] == [
        (BOILER.chunk_id, 1.0)
    ]


async def test_cite_without_passages_asks_nobody() -> None:
    sentences, citations = await cite(WordEmbedder(), "Hello. Bye.", [])

    assert [sentence.text for sentence in sentences] == ["Hello. ", "Bye."]
    assert citations == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ("See e.g. Smith et al. It works.", 2),
        ("It costs 3.5 euros. Dr. Who paid.", 2),
        ("- first\n- second\n", 2),
        ("No end", 1),
        ("", 0),
        ('He said "Stop." Then he left.', 2),
        ("It stops.\n\nYour documents say:\n\u201cIt stops at once.\u201d", 2),
    ],
)
def test_split_sentences_counts(text: str, count: int) -> None:
    assert len(split_sentences(text)) == count


@given(st.text(alphabet=st.sampled_from("aB1 .!?\n\"'é…"), max_size=60))
def test_split_sentences_loses_nothing(text: str) -> None:
    joined = "".join(split_sentences(text))

    assert joined == text or not text.strip()
