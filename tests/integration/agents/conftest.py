"""Agents with the embedder in the test's own process, and a small collection to read."""

from dataclasses import replace

import pytest

from app.backend.bootstrap import Services, with_tools
from app.backend.core.actor import Actor
from app.backend.knowledge import ingest, uploads
from app.backend.knowledge.local_embedders import OnnxEmbedder
from app.backend.knowledge.tables import CollectionRow
from app.backend.models.files import ensure_default_models
from tests.factories.rows import MakeCollection
from tests.stack import Stack, settings_of

HANDBOOK = """# The boiler

The boiler in the cellar was built by Miller and Sons in Leeds in 1987. It holds forty litres of water.

# The cat

Our cat is called Pepper. She sleeps on the boiler all day long and eats at six in the evening.
"""


@pytest.fixture(scope="session")
def onnx(stack: Stack) -> OnnxEmbedder:
    """The real embedder."""
    files = ensure_default_models(settings_of(stack.folder).models_dir)
    return OnnxEmbedder(files.embedder, files.tokenizer)


@pytest.fixture
def parts(services: Services, onnx: OnnxEmbedder) -> Services:
    """The parts, with that embedder."""
    return with_tools(replace(services, embedder=onnx))


@pytest.fixture
async def handbook(
    parts: Services, actor: Actor, make_collection: MakeCollection
) -> CollectionRow:
    """A collection with one document, ready to be searched."""
    collection = await make_collection(actor)
    document = await uploads.upload_document(
        parts,
        actor,
        collection_id=collection.id,
        name="handbook.md",
        body=HANDBOOK.encode(),
    )
    await ingest.ingest_document(parts, actor, document.id, patience=0)
    return collection
