"""P8: ingest of documents beside the bare embedding of the same passages, and of unchanged documents.

Once with the documents of the evaluation set, most of which are read by a parser in a process of its own, and once with
text alone, which shows what is not the parsers'.
"""

import asyncio
from pathlib import Path
from time import perf_counter
from uuid import UUID

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from app.backend.files.validation import KINDS
from app.backend.knowledge import ingest, parsing, repository, service, uploads
from app.backend.knowledge.chunking import searchable_text
from app.backend.knowledge.schemas import CollectionDraft, DocumentStatus
from bench.eval.world import FOLDER, make_documents
from bench.p7_retrieval import installation
from bench.report import Row, report
from bench.running import ProcessorTime
from tests.factories.rows import RowFactory

ROUNDS = 3
COPIES = 2
GOAL = ">= 90 % of the bare embedding rate; unchanged files >= 50 x faster"


async def main(settings: Settings) -> None:
    """Ingest, embed the same passages bare, and ingest again, interleaved."""
    async with bootstrap.build(settings) as services:
        actor = await RowFactory(services.db).user()
        await services.embedder.embed(["warm"])
        rows = [
            await measure(services, actor, kind, make(number))
            for number in range(1, ROUNDS + 1)
            for kind, make in (("all formats", make_files), ("text", make_texts))
        ]
    report("p8_ingest", "Ingest", rows, goal=GOAL)


async def measure(
    services: Services, actor: Actor, kind: str, files: list[tuple[str, bytes]]
) -> Row:
    """Return one round."""
    await parse_alone(services, files[-1:])  # starts the process of the parsers
    async with services.db.transaction() as session:
        collection = await service.create_collection(
            session,
            actor,
            draft=CollectionDraft(name=kind, description=""),
            embedding_model=services.embedder.name,
        )
    spent = ProcessorTime()
    started = perf_counter()
    await take_in(services, actor, collection.id, files)
    ingested, ingest_spent = perf_counter() - started, sum(spent.take().values())
    await check_ready(services, actor, collection.id)
    texts = await list_texts(services, actor, collection.id)
    spent.take()
    started = perf_counter()
    await services.embedder.embed(texts)
    bare, bare_spent = perf_counter() - started, sum(spent.take().values())
    started = perf_counter()
    await take_in(services, actor, collection.id, files)
    again = perf_counter() - started
    return {
        "documents": kind,
        "files": len(files),
        "passages": len(texts),
        "ingest passages/s": len(texts) / ingested,
        "bare embedding passages/s": len(texts) / bare,
        "% of bare": 100 * bare / ingested,
        # Where others use the machine, only this says something.
        "% of bare, processor time": 100 * bare_spent / ingest_spent,
        "ingest s": ingested,
        "parsers alone s": await parse_alone(services, files),
        "unchanged, times faster": ingested / again,
    }


async def parse_alone(services: Services, files: list[tuple[str, bytes]]) -> float:
    """Return how long the parsers need for the files, one after the other, while nothing else is done."""
    started = perf_counter()
    for name, body in files:
        await parsing.parse(services.parsers, body, KINDS[Path(name).suffix].media_type)
    return perf_counter() - started


def make_files(number: int) -> list[tuple[str, bytes]]:
    """Return one large text, as a manual is, and the documents of the evaluation set in their formats."""
    return [("manual.md", make_manual(number, COPIES)), *make_documents()]


def make_texts(number: int) -> list[tuple[str, bytes]]:
    """Return two large texts."""
    return [
        (f"{name}.md", make_manual(number, COPIES, name)) for name in ("one", "two")
    ]


def make_manual(number: int, copies: int, name: str = "manual") -> bytes:
    """Return a text that no other round has."""
    texts = [path.read_text().split("\n", 1)[1] for path in sorted(FOLDER.glob("*.md"))]
    return "\n\n".join(
        f"# Part {copy} of {name}, round {number}\n\n{text}"
        for copy in range(copies)
        for text in texts
    ).encode()


async def take_in(
    services: Services,
    actor: Actor,
    collection_id: UUID,
    files: list[tuple[str, bytes]],
) -> None:
    """Upload and ingest, as many at once as an installation has workers."""
    free = asyncio.Semaphore(services.settings.workers)

    async def take(name: str, body: bytes) -> None:
        async with free:
            document = await uploads.upload_document(
                services, actor, collection_id=collection_id, name=name, body=body
            )
            # As in the product: a file that is there and ready is no job.
            if document.status == DocumentStatus.READY:
                return
            await ingest.ingest_document(services, actor, document.id)

    await asyncio.gather(*(take(name, body) for name, body in files))


async def check_ready(services: Services, actor: Actor, collection_id: UUID) -> None:
    """Make sure that all documents can be searched."""
    async with services.db.read() as session:
        page = await service.list_documents(session, actor, collection_id=collection_id)
    for document in page.items:
        assert document.status == DocumentStatus.READY, document.error


async def list_texts(
    services: Services, actor: Actor, collection_id: UUID
) -> list[str]:
    """Return what was embedded."""
    async with services.db.read() as session:
        rows = await repository.list_texts(session, actor, collection_id)
    return [searchable_text(name, heading, text) for _, name, heading, text in rows]


if __name__ == "__main__":
    with installation() as made:
        asyncio.run(main(made))
