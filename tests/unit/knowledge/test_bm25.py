import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from typing_extensions import override

from app.backend.core import clock
from app.backend.knowledge.bm25 import WordIndexes, split_words

Texts = list[tuple[UUID, str]]
COLLECTION = uuid4()


class Loader:
    def __init__(self, *texts: str) -> None:
        self.texts: Texts = [(uuid4(), text) for text in texts]
        self.calls = 0

    async def __call__(self) -> Texts:
        self.calls += 1
        return self.texts


@pytest.fixture
def loader() -> Loader:
    return Loader(
        "The Kestrel pump is reset with the green button.",
        "Employees get thirty days of leave.",
        "The Falcon valve opens at nine bar.",
    )


async def test_query_finds_other_forms_of_a_word(
    tmp_path: Path, loader: Loader
) -> None:
    indexes = WordIndexes(tmp_path)

    hits = await indexes.query(
        COLLECTION, 1, "resetting pumps", limit=5, load_texts=loader
    )

    assert [hit.chunk_id for hit in hits] == [loader.texts[0][0]]


async def test_query_loads_the_texts_of_a_version_once(
    tmp_path: Path, loader: Loader
) -> None:
    for indexes in (WordIndexes(tmp_path), WordIndexes(tmp_path)):
        await asyncio.gather(
            *(
                indexes.query(COLLECTION, 1, "valve", limit=5, load_texts=loader)
                for _ in range(4)
            )
        )

    assert loader.calls == 1


class SlowLoader(Loader):
    """Loads for so many seconds of a clock that only it and the test move."""

    def __init__(self, hands: list[float], seconds: float, *texts: str) -> None:
        super().__init__(*texts)
        self._hands, self._seconds = hands, seconds

    @override
    async def __call__(self) -> Texts:
        self._hands[0] += self._seconds
        return await super().__call__()


async def test_prepare_rests_thirty_times_as_long_as_an_index_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: hands[0])
    indexes = WordIndexes(tmp_path)
    newer = Loader("Another text.", "And one more.")
    await indexes.prepare(COLLECTION, 1, SlowLoader(hands, 2.0, "A text."))

    hands[0] += 59.0
    await indexes.prepare(COLLECTION, 2, newer)
    calls_before_the_end = newer.calls
    hands[0] += 1.0
    await indexes.prepare(COLLECTION, 2, newer)

    assert (calls_before_the_end, newer.calls) == (0, 1)


async def test_query_does_not_wait_for_the_end_of_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: hands[0])
    indexes = WordIndexes(tmp_path)
    newer = Loader("Another text.", "And one more.")
    await indexes.prepare(COLLECTION, 1, SlowLoader(hands, 2.0, "A text."))
    await indexes.prepare(COLLECTION, 2, newer)

    hits = await indexes.query(COLLECTION, 2, "another", limit=5, load_texts=newer)

    assert [hit.chunk_id for hit in hits] == [newer.texts[0][0]]


async def test_query_of_a_new_version_sees_its_texts_and_drops_old_ones(
    tmp_path: Path,
) -> None:
    indexes = WordIndexes(tmp_path)
    for version in range(1, 5):
        hits = await indexes.query(
            COLLECTION,
            version,
            f"word{version}",
            limit=5,
            load_texts=Loader(f"word{version} alone", "filler text"),
        )
        assert len(hits) == 1

    kept = {path.name for path in (tmp_path / str(COLLECTION)).iterdir()}
    assert kept == {"3", "4"}


@pytest.mark.parametrize("texts", [(), ("",), ("the of and",)])
async def test_query_of_a_collection_without_words_finds_nothing(
    tmp_path: Path, texts: tuple[str, ...]
) -> None:
    indexes = WordIndexes(tmp_path)

    hits = await indexes.query(
        COLLECTION, 1, "anything", limit=5, load_texts=Loader(*texts)
    )

    assert hits == []
    assert indexes.weigh(COLLECTION, "anything", ["anything"]) in ([0.0], [1.0])


@pytest.mark.parametrize("query", ["", "the", "?!", "unknownword"])
async def test_query_without_known_words_finds_nothing(
    tmp_path: Path, loader: Loader, query: str
) -> None:
    indexes = WordIndexes(tmp_path)

    assert await indexes.query(COLLECTION, 1, query, limit=5, load_texts=loader) == []


async def test_weigh_counts_rare_words_more(tmp_path: Path, loader: Loader) -> None:
    indexes = WordIndexes(tmp_path)
    await indexes.prepare(COLLECTION, 1, loader)

    both, one, none = indexes.weigh(
        COLLECTION, "Kestrel pump", ["pump Kestrel", "pump", "valve"]
    )

    assert (both, none) == (1.0, 0.0)
    assert 0 < one < 1


async def test_remove_forgets_every_version(tmp_path: Path, loader: Loader) -> None:
    indexes = WordIndexes(tmp_path)
    await indexes.prepare(COLLECTION, 1, loader)

    await indexes.remove(COLLECTION)

    assert not (tmp_path / str(COLLECTION)).exists()


def test_split_words_drops_the_commonest() -> None:
    assert split_words("How do I reset the pumps?") == ["reset", "pump"]
