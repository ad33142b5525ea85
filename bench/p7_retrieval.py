"""P7: a search over 20,000 passages, end to end, beside its bare steps: embedding, Chroma, BM25."""

import asyncio
import gc
import random
import tempfile
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from uuid import UUID

import numpy as np

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from app.backend.files.schemas import Upload
from app.backend.knowledge import (
    ingest,
    ingest_rows,
    repository,
    search,
    service,
)
from app.backend.knowledge.chunking import Piece
from app.backend.knowledge.index import BATCH
from app.backend.knowledge.schemas import CollectionDraft, DocumentStatus
from bench.eval.questions import load_questions
from bench.eval.world import FOLDER
from bench.report import Row, percentile, report
from tests.factories.rows import RowFactory
from tests.processes import ForkServer
from tests.stack import start_stack

PASSAGES = 20_000
ROUNDS = 3
GOAL = "p50 <= 15 ms, p95 <= 40 ms"
_WORDS = 60
_VECTOR = 384


async def main(settings: Settings) -> None:
    """Fill a collection, then measure each step and the whole, interleaved."""
    async with bootstrap.build(settings) as services:
        actor = await RowFactory(services.db).user()
        collection_id = await fill(services, actor)
        questions = [item.question for item in load_questions()]
        steps = await make_steps(services, actor, collection_id)
        times: dict[str, list[float]] = {name: [] for name in steps}
        for step in steps.values():
            await step(questions[0])
        gc.collect()
        gc.freeze()  # as the processes that search do
        for _ in range(ROUNDS):
            for question in questions:
                for name, step in steps.items():
                    started = perf_counter()
                    await step(question)
                    times[name].append((perf_counter() - started) * 1000)
    floor = sum(percentile(times[name], 50) for name in ("embed", "vectors", "words"))
    rows: list[Row] = [
        {
            "step": name,
            "p50 ms": percentile(found, 50),
            "p95 ms": percentile(found, 95),
            "p99 ms": percentile(found, 99),
            "of the bare steps": percentile(found, 50) / floor,
        }
        for name, found in times.items()
    ]
    report("p7_retrieval", f"Search over {PASSAGES:,} passages", rows, goal=GOAL)


@contextmanager
def installation() -> Generator[Settings, None, None]:
    """Start an installation with a runtime of its own."""
    with (
        start_stack("sqlite") as stack,
        ForkServer(stack) as server,
        tempfile.TemporaryDirectory() as folder,
        stack.make_installation(Path(folder) / "data") as settings,
    ):
        runtime = server.start_runtime(settings)
        yield settings
        runtime.stop()


async def make_steps(
    services: Services, actor: Actor, collection_id: UUID
) -> dict[str, Callable[[str], Awaitable[object]]]:
    """Return the bare steps of a search, and the search itself."""
    (vector,) = await services.embedder.embed(["warm"])
    async with services.db.read() as session:
        row = await repository.find_collection(session, actor, collection_id)
    assert row is not None

    async def load() -> list[tuple[UUID, str]]:
        return await search.load_texts(services.db, actor, collection_id)

    return {
        "embed": lambda question: services.embedder.embed([question]),
        "vectors": lambda _: services.index.query(
            collection_id, vector, limit=search.POOL
        ),
        "words": lambda question: services.words.query(
            collection_id, row.version, question, limit=search.POOL, load_texts=load
        ),
        "search, end to end": lambda question: search.search(
            services, actor, collection_ids=[collection_id], query=question
        ),
    }


async def fill(services: Services, actor: Actor) -> UUID:
    """Add passages of random sentences; their vectors are random too, which is as much work to search."""
    words = sorted(
        {word for path in FOLDER.glob("*.md") for word in path.read_text().split()}
    )
    chance = random.Random(7)
    texts = [" ".join(chance.choices(words, k=_WORDS)) for _ in range(PASSAGES)]
    vectors = np.random.default_rng(7).normal(size=(PASSAGES, _VECTOR))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    collection_id, document_id = await add_rows(services, actor, texts)
    async with services.db.read() as session:
        chunks = await repository.list_chunks(
            session, actor, document_id=document_id, limit=PASSAGES
        )
    for first in range(0, PASSAGES, BATCH):
        batch = chunks[first : first + BATCH]
        await services.index.upsert(
            collection_id,
            document_id,
            [chunk.id for chunk in batch],
            vectors[first : first + BATCH].tolist(),
        )
    return collection_id


async def add_rows(
    services: Services, actor: Actor, texts: list[str]
) -> tuple[UUID, UUID]:
    """Add one ready document that has all the passages."""
    document_id = ids.new_id()
    upload = Upload(name="all.txt", media_type="text/plain", size=1, sha256="0")
    async with services.db.transaction() as session:
        collection = await service.create_collection(
            session,
            actor,
            draft=CollectionDraft(name="All", description=""),
            embedding_model=services.embedder.name,
        )
        await service.add_document(
            session,
            actor,
            collection_id=collection.id,
            document_id=document_id,
            upload=upload,
            outbox=services.outbox,
        )
    async with services.db.transaction() as session:
        row = await repository.find_any_document(session, document_id)
        assert row is not None
        row.status = DocumentStatus.READY
        session.add(row)
        rows = [
            ingest.to_chunk_values(row, ordinal, Piece(text, "", None, 0, len(text)))
            for ordinal, text in enumerate(texts)
        ]
        await repository.raise_version(session, collection.id)
    await services.db.write(
        lambda connection: ingest_rows.replace_chunks(connection, row, rows)
    )
    return collection.id, document_id


if __name__ == "__main__":
    with installation() as made:
        asyncio.run(main(made))
