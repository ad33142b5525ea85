import asyncio

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.knowledge import ingest, repository, service, uploads
from app.backend.knowledge.parts import changed_channel
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.search import search
from app.backend.knowledge.tables import CollectionRow
from tests.integration.knowledge.conftest import AddDocument

HANDBOOK = """# Handbook

## Leave

Every employee gets thirty days of paid leave a year.

## Pumps

The Kestrel pump is reset by holding the green button for nine seconds.
"""


async def test_upload_to_ready_search_finds_the_passage(
    parts: Services, actor: Actor, collection: CollectionRow, add_document: AddDocument
) -> None:
    document = await add_document("handbook.md", HANDBOOK)

    assert document.status == DocumentStatus.READY
    assert document.chunks_done == document.chunks_total == 2
    found = await search(
        parts, actor, collection_ids=[collection.id], query="How do I reset the pump?"
    )
    assert found.is_relevant
    assert "nine seconds" in found.passages[0].text
    assert found.passages[0].score > 0.5
