"""Knowledge on the real stack, with the embedder in the test's own process."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.knowledge import ingest, service, uploads
from app.backend.knowledge.local_embedders import OnnxEmbedder
from app.backend.knowledge.schemas import DocumentView
from app.backend.knowledge.tables import CollectionRow
from app.backend.models.files import ensure_default_models
from tests.factories.rows import MakeCollection
from tests.stack import Stack, settings_of

AddDocument = Callable[..., Awaitable[DocumentView]]


@pytest.fixture(scope="session")
def onnx(stack: Stack) -> OnnxEmbedder:
    files = ensure_default_models(settings_of(stack.folder).models_dir)
    return OnnxEmbedder(files.embedder, files.tokenizer)


@pytest.fixture
def parts(services: Services, onnx: OnnxEmbedder) -> Services:
    return replace(services, embedder=onnx)


@pytest.fixture
async def collection(actor: Actor, make_collection: MakeCollection) -> CollectionRow:
    return await make_collection(actor)


@pytest.fixture
def add_document(
    parts: Services, actor: Actor, collection: CollectionRow
) -> AddDocument:
    """`await add_document("a.md", "# Text")` uploads and ingests, and returns what became of it."""

    async def add(name: str, body: str | bytes) -> DocumentView:
        content = body.encode() if isinstance(body, str) else body
        document = await uploads.upload_document(
            parts, actor, collection_id=collection.id, name=name, body=content
        )
        await ingest.ingest_document(parts, actor, document.id, patience=0)
        await parts.outbox.settle()
        async with parts.db.read() as session:
            return await service.get_document(session, actor, document_id=document.id)

    return add
