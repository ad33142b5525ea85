"""The word index: BM25 over the chunk rows of a collection, one folder per version, kept on each host."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import bm25s  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
import Stemmer

from app.backend.core import clock, ids
from app.backend.knowledge.index import Hit

_IDS_FILE = "ids.npy"
_WORD = r"(?u)\b\w+\b"
_VERSIONS_KEPT = 2
# So many times as long as it took to make an index, none is made that nobody asked for.
_REST = 30

LoadTexts = Callable[[], Awaitable[list[tuple[UUID, str]]]]


@dataclass(frozen=True)
class _Loaded:
    version: int
    scorer: bm25s.BM25 | None
    chunk_ids: list[UUID]


class WordIndexes:
    """Finds passages by the words of a query; makes the index that a version of a collection lacks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[UUID, _Loaded] = {}
        self._locks: dict[UUID, asyncio.Lock] = {}
        self._rests_until: dict[UUID, float] = {}

    async def query(
        self,
        collection_id: UUID,
        version: int,
        query: str,
        *,
        limit: int,
        load_texts: LoadTexts,
    ) -> list[Hit]:
        """Return the passages that share words with the query, best first."""
        loaded = await self._need(collection_id, version, load_texts)
        return _search(loaded, split_words(query), limit)

    def weigh(
        self, collection_id: UUID, query: str, texts: Sequence[str]
    ) -> list[float]:
        """Return, for each text, the share of the query's rare words that it has, 0 to 1."""
        loaded = self._loaded[collection_id]
        asked, *said = split_texts([query, *texts])
        weights = _weights(loaded, set(asked))
        total = sum(weights.values())
        if not total:
            return [0.0] * len(texts)
        return [
            sum(weights.get(word, 0.0) for word in set(words)) / total for words in said
        ]

    async def prepare(
        self, collection_id: UUID, version: int, load_texts: LoadTexts
    ) -> None:
        """Make the index of a version before somebody asks for it, unless another one was made only just.

        Where document after document comes in, each would cost an index of all that were there before.
        """
        started = clock.monotonic()
        if started < self._rests_until.get(collection_id, 0.0):
            return
        await self._need(collection_id, version, load_texts)
        now = clock.monotonic()
        self._rests_until[collection_id] = now + _REST * (now - started)

    async def remove(self, collection_id: UUID) -> None:
        """Remove every version of a collection's index on this host."""
        self._loaded.pop(collection_id, None)
        folder = self._folder / str(collection_id)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _need(
        self, collection_id: UUID, version: int, load_texts: LoadTexts
    ) -> _Loaded:
        loaded = self._loaded.get(collection_id)
        if loaded is not None and loaded.version == version:
            return loaded
        async with self._locks.setdefault(collection_id, asyncio.Lock()):
            loaded = self._loaded.get(collection_id)
            if loaded is not None and loaded.version == version:
                return loaded
            folder = self._folder / str(collection_id) / str(version)
            if not folder.is_dir():
                rows = await load_texts()
                await asyncio.to_thread(_build, folder, rows)
            loaded = await asyncio.to_thread(_load, folder, version)
            self._loaded[collection_id] = loaded
            return loaded


def split_words(text: str) -> list[str]:
    """Return the stemmed words of a text without the commonest ones."""
    return split_texts([text])[0]


def split_texts(texts: Sequence[str]) -> list[list[str]]:
    """Return the words of each text; one call for many costs little more than for one."""
    found = bm25s.tokenize(
        list(texts),
        token_pattern=_WORD,
        stopwords="en_plus",
        stemmer=Stemmer.Stemmer("english"),
        return_ids=False,
        show_progress=False,
    )
    return [[str(word) for word in words] for words in found]


def _build(folder: Path, rows: list[tuple[UUID, str]]) -> None:
    # Made beside its place and renamed: whoever comes second finds it done and drops his own.
    staged = folder.with_name(f".{ids.new_id().hex}")
    staged.mkdir(parents=True)
    try:
        packed = b"".join(chunk_id.bytes for chunk_id, _ in rows)
        np.save(staged / _IDS_FILE, np.frombuffer(packed, np.uint8).reshape(-1, 16))
        scorer = _index([text for _, text in rows])
        if scorer is not None:
            scorer.save(staged, show_progress=False)
        if not folder.exists():
            staged.rename(folder)
    except FileExistsError:
        pass
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    _remove_old(folder.parent)


def _index(texts: list[str]) -> bm25s.BM25 | None:
    tokens: Any = bm25s.tokenize(
        texts,
        token_pattern=_WORD,
        stopwords="en_plus",
        stemmer=Stemmer.Stemmer("english"),
        show_progress=False,
    )
    if not any(tokens.ids):
        return None
    scorer = bm25s.BM25()
    scorer.index(tokens, show_progress=False)
    return scorer


def _remove_old(folder: Path) -> None:
    versions = [path for path in folder.iterdir() if path.name.isdigit()]
    versions.sort(key=lambda path: int(path.name), reverse=True)
    for path in versions[_VERSIONS_KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _load(folder: Path, version: int) -> _Loaded:
    packed = np.load(folder / _IDS_FILE)
    chunk_ids = [UUID(bytes=item.tobytes()) for item in packed]
    has_words = (folder / "params.index.json").is_file()
    scorer = (
        bm25s.BM25.load(folder, mmap=True, show_progress=False) if has_words else None
    )
    return _Loaded(version, scorer, chunk_ids)


def _search(loaded: _Loaded, words: list[str], limit: int) -> list[Hit]:
    known = _known(loaded, words)
    if loaded.scorer is None or not known:
        return []
    scores: Any = loaded.scorer.get_scores(known)
    # Most passages share no word with the query, and numpy picks slowly from so many zeros.
    places = np.flatnonzero(scores)
    best = places[np.argsort(-scores[places], kind="stable")[:limit]]
    return [Hit(loaded.chunk_ids[place], float(scores[place])) for place in best]


def _known(loaded: _Loaded, words: list[str]) -> list[str]:
    vocabulary = loaded.scorer.vocab_dict if loaded.scorer is not None else {}
    return [word for word in words if word in vocabulary]


def _weights(loaded: _Loaded, words: set[str]) -> dict[str, float]:
    """Return how rare each word is in the collection; an unknown one is the rarest."""
    count = max(1, len(loaded.chunk_ids))
    if loaded.scorer is None:
        return {}
    scores: Any = loaded.scorer.scores
    starts = scores["indptr"]
    vocabulary = loaded.scorer.vocab_dict
    weights: dict[str, float] = {}
    for word in words:
        place = vocabulary.get(word)
        uses = 0 if place is None else int(starts[place + 1] - starts[place])
        weights[word] = float(np.log(1 + (count - uses + 0.5) / (uses + 0.5)))
    return weights
