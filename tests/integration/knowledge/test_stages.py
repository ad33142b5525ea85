"""How far a document is, as the API and the pages show it whenever it changes."""

from dataclasses import replace
from uuid import UUID

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.knowledge import ingest, repository, service, uploads
from app.backend.knowledge.index import BATCH
from app.backend.knowledge.parsed import Parsed
from app.backend.knowledge.parsing import PARSED_JSON
from app.backend.knowledge.parts import parsed_key
from app.backend.knowledge.schemas import DocumentStatus, DocumentView
from app.backend.knowledge.tables import CollectionRow
from app.state.lines import document_line
from tests.fakes.knowledge import FakeEmbedder, FakeIndex

PAGES = 200
PAGE = "Of page {n} this is said, in a sentence that is as long as such sentences are. "
LONG = "\n\n".join(f"# Page {n}\n\n{PAGE.format(n=n) * 4}" for n in range(PAGES))


class _Follower:
    """A page that reads the document at once whenever it is told of a change."""

    def __init__(self, parts: Services, actor: Actor) -> None:
        self._parts, self._actor = parts, actor
        self.seen: list[DocumentView] = []

    async def publish(self, _channel: str, document_id: str) -> None:
        async with self._parts.db.read() as session:
            self.seen.append(
                await service.get_document(
                    session, self._actor, document_id=UUID(document_id)
                )
            )


async def _follow(
    parts: Services, actor: Actor, collection: CollectionRow, body: str
) -> list[DocumentView]:
    first = await uploads.upload_document(
        parts, actor, collection_id=collection.id, name="a.md", body=body.encode()
    )
    follower = _Follower(parts, actor)
    faked = {"embedder": FakeEmbedder(), "index": FakeIndex(), "redis": follower}
    await ingest.ingest_document(replace(parts, **faked), actor, first.id, patience=0)
    return [first, *follower.seen]


async def test_long_document_is_seen_in_each_stage_with_rising_progress(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    seen = await _follow(parts, actor, collection, LONG)

    assert list(dict.fromkeys(one.status for one in seen)) == [
        status for status in DocumentStatus if status != DocumentStatus.FAILED
    ]
    lines = [document_line(one) for one in seen]
    assert list(dict.fromkeys(line.stage for line in lines)) == [1, 2, 3, 4, 5]
    percents = [line.percent for line in lines]
    assert percents == sorted(set(percents))
    done = [one.chunks_done for one in seen if one.status == DocumentStatus.CHUNKED]
    assert done == list(range(0, PAGES, BATCH))


async def test_short_document_is_written_in_three_steps(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    seen = await _follow(parts, actor, collection, "# Pump\n\nPress the button.")

    assert [one.status for one in seen] == [
        DocumentStatus.UPLOADED,
        DocumentStatus.CHUNKED,
        DocumentStatus.READY,
    ]


async def test_parsed_document_is_not_parsed_again(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    document = await uploads.upload_document(
        parts, actor, collection_id=collection.id, name="a.md", body=b"The original."
    )
    kept = PARSED_JSON.dump_json(Parsed(text="What was made of it."))
    key = parsed_key(collection.id, document.id)
    await parts.objects.put(key, kept, media_type="application/json")
    async with parts.db.transaction() as session:
        row = await repository.find_any_document(session, document.id)
        assert row is not None
        row.status = DocumentStatus.PARSED
        session.add(row)

    faked = replace(parts, embedder=FakeEmbedder(), index=FakeIndex())
    await ingest.ingest_document(faked, actor, document.id, patience=0)

    async with parts.db.read() as session:
        (chunk,) = await service.list_chunks(session, actor, document_id=document.id)
    assert chunk.text == "What was made of it."
