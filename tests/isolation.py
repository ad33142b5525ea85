"""What isolation tests share: all that a person can own, and a look at everything that is stored.

Somebody else's thing and one that does not exist must look the same, and asking for either must change nothing.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.backend.agents.tables import AgentRow, AgentShareRow
from app.backend.bootstrap import Services
from app.backend.budgets.tables import BudgetRow
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.jobs import QueueName
from app.backend.core.run_events import RunStatus
from app.backend.files.tables import FileRow
from app.backend.identity.tables import (
    ApiKeyRow,
    GroupRow,
    LinkedLoginRow,
    SessionRow,
)
from app.backend.knowledge.parsed import Parsed
from app.backend.knowledge.parsing import PARSED_JSON
from app.backend.knowledge.parts import parsed_key
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.tables import ChunkRow, CollectionShareRow, DocumentRow
from app.backend.middleware.tables import ModelMiddlewareRow
from app.backend.models.tables import ModelRow
from app.backend.providers.tables import ProviderRow, ProviderShareRow
from app.backend.runs.tables import CheckpointLinkRow, RunEventRow
from app.backend.tables import metadata
from app.backend.threads.schemas import MessageRole
from app.backend.threads.tables import MessageRow
from app.backend.tools.tables import NoteRow
from tests.factories.rows import RowFactory
from tests.factories.usage import usage_row

# In every text that somebody else owns; whoever reads it has seen too much.
SECRET = "hush-hush"
_NOTED_AT_USE = {("api_key", "last_used_at"), ("session", "last_seen_at")}
_ANY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Kind(StrEnum):
    """Kinds of things that have an id and an owner."""

    AGENT = "agent"
    COLLECTION = "collection"
    DOCUMENT = "document"
    PASSAGE = "passage"
    THREAD = "thread"
    RUN = "run"
    KEY = "key"
    LOGIN = "login"
    LINKED_LOGIN = "linked login"
    NOTE = "note"
    SHARE = "share"
    PROVIDER = "provider"
    MODEL = "model"
    MIDDLEWARE = "middleware"
    BUDGET = "budget"


World = Mapping[Kind, list[UUID]]


async def make_world(services: Services, owner: Actor) -> World:
    """Give `owner` something of every kind; of documents and runs some that go on and some that failed."""
    rows = RowFactory(services.db)
    mine: dict[str, Any] = {"owner_id": owner.user_id}
    named: dict[str, Any] = {"name": SECRET, "description": SECRET}
    collection = await rows.collection(owner, manual_due_at=clock.now(), **named)
    agent = await rows.agent(
        owner,
        instructions=SECRET,
        suggested_prompts=[SECRET],
        collection_ids=[collection.id],
        **named,
    )
    thread = await rows.thread(owner, agent_id=agent.id, title=SECRET)
    await _add_message(rows, owner, thread.id)
    documents = [
        await _add_document(rows, owner, collection.id, status)
        for status in (DocumentStatus.READY, DocumentStatus.FAILED)
    ]
    models = await _add_model(rows, owner)
    shared = (agent.id, collection.id, models[Kind.PROVIDER][0])
    key = ApiKeyRow(name=SECRET, prefix="x", key_hash=ids.new_token(), **mine)
    return {
        Kind.AGENT: [agent.id],
        Kind.COLLECTION: [collection.id],
        Kind.DOCUMENT: documents,
        Kind.PASSAGE: [await _add_passage(services, owner, documents[0])],
        Kind.THREAD: [thread.id],
        Kind.RUN: [
            await _add_run(rows, owner, agent, thread.id, status)
            for status in (RunStatus.QUEUED, RunStatus.FAILED)
        ],
        Kind.KEY: [(await rows.add(key)).id],
        Kind.LOGIN: [await _add_login(rows, owner)],
        Kind.LINKED_LOGIN: [await _add_linked_login(rows, owner)],
        Kind.NOTE: [await _add_note(rows, owner)],
        Kind.SHARE: await _add_shares(rows, owner, *shared),
        Kind.BUDGET: [await _add_budget(rows, owner, agent.id)],
        **models,
    }


async def read_all(services: Services) -> dict[str, Any]:
    """Return every row, every stored object and how many jobs wait; what is noted at each use is left out."""
    found: dict[str, Any] = {}
    async with services.db.engine.connect() as connection:
        for table in metadata.sorted_tables:
            columns = [
                column
                for column in table.columns
                if (table.name, column.name) not in _NOTED_AT_USE
            ]
            kept = await connection.execute(select(*columns))
            found[table.name] = sorted(map(repr, kept.all()))
    folder = services.settings.data_dir / "objects"
    found["objects"] = sorted(str(path) for path in folder.rglob("*"))
    for queue in QueueName:
        found[queue] = await services.redis.execute_command("LLEN", f"rq:queue:{queue}")
    return found


def without_ids(text: str) -> str:
    """Return `text` with every id replaced, so that answers about two things can be compared."""
    return _ANY_ID.sub("ID", text)


def _later() -> datetime:
    return clock.now() + timedelta(days=1)


async def _add_model(rows: RowFactory, owner: Actor) -> World:
    mine: dict[str, Any] = {"owner_id": owner.user_id}
    told: dict[str, Any] = {"label": SECRET, "type": "scripted", **mine}
    name = f"own-{ids.new_id().hex[-12:]}"
    provider = await rows.add(ProviderRow(name=name, **told))
    facts: dict[str, Any] = {"kind": "chat", "environment": "LAB", **mine}
    model = await rows.add(ModelRow(provider_id=provider.id, name=SECRET, **facts))
    stands: dict[str, Any] = {"type": "validation", "priority": 40}
    before = ModelMiddlewareRow(
        model_id=model.id,
        model_name=f"{name}/{SECRET}",
        config={"forbidden": [SECRET]},
        **stands,
    )
    return {
        Kind.PROVIDER: [provider.id],
        Kind.MODEL: [model.id],
        Kind.MIDDLEWARE: [(await rows.add(before)).id],
    }


async def _add_passage(services: Services, owner: Actor, document_id: UUID) -> UUID:
    async with services.db.read() as session:
        document = await session.get_one(DocumentRow, document_id)
    await services.objects.put(
        parsed_key(document.collection_id, document_id),
        PARSED_JSON.dump_json(Parsed(SECRET)),
        media_type="application/json",
    )
    place: dict[str, Any] = {"ordinal": 0, "start": 0, "end": 5, "text": SECRET}
    place |= {"collection_id": document.collection_id, "document_id": document_id}
    passage = ChunkRow(owner_id=owner.user_id, **place)
    return (await RowFactory(services.db).add(passage)).id


async def _add_budget(rows: RowFactory, owner: Actor, agent_id: UUID) -> UUID:
    values: dict[str, Any] = {
        "scope": "agent",
        "period": "day",
        "unit": "usd",
        "policy": "cheaper",
    }
    budget = BudgetRow(
        owner_id=owner.user_id,
        agent_id=agent_id,
        amount=1,
        cheaper_model=SECRET,
        **values,
    )
    return (await rows.add(budget)).id


async def _add_run(
    rows: RowFactory, owner: Actor, agent: AgentRow, thread_id: UUID, status: RunStatus
) -> UUID:
    run = await rows.run(
        owner,
        agent=agent,
        thread_id=thread_id,
        status=status,
        last_seq=1,
        input={"query": SECRET},
    )
    event: dict[str, Any] = {"ts": clock.now(), "type": "log", "level": "info"}
    payload = {"message": SECRET, "level": "info"}
    row = RunEventRow(
        run_id=run.id, seq=1, owner_id=owner.user_id, payload=payload, **event
    )
    await rows.add(row)
    called = {"run_id": run.id, "agent_id": agent.id, "agent_name": SECRET}
    await rows.add(usage_row(owner, **called))
    step: dict[str, Any] = {"step": 0, "node": SECRET, "next_node": SECRET}
    link = CheckpointLinkRow(
        run_id=run.id,
        epoch=1,
        checkpoint_id=str(run.id),
        owner_id=owner.user_id,
        thread_id=thread_id,
        agent_id=agent.id,
        saver_thread=f"{run.id}:1",
        **step,
    )
    await rows.add(link)
    return run.id


async def _add_shares(
    rows: RowFactory,
    owner: Actor,
    agent_id: UUID,
    collection_id: UUID,
    provider_id: UUID,
) -> list[UUID]:
    group = await rows.add(GroupRow(name=f"{SECRET} {ids.new_id()}"))
    share: dict[str, Any] = {"group_id": group.id, "level": "view"}
    mine: dict[str, Any] = {"owner_id": owner.user_id, **share}
    return [
        (await rows.add(AgentShareRow(object_id=agent_id, **mine))).id,
        (await rows.add(CollectionShareRow(object_id=collection_id, **mine))).id,
        (await rows.add(ProviderShareRow(object_id=provider_id, **mine))).id,
    ]


async def _add_message(rows: RowFactory, owner: Actor, thread_id: UUID) -> None:
    said: dict[str, Any] = {"sequence": 1, "role": MessageRole.USER}
    row = MessageRow(
        owner_id=owner.user_id, thread_id=thread_id, content=SECRET, **said
    )
    await rows.add(row)


async def _add_login(rows: RowFactory, owner: Actor) -> UUID:
    login = SessionRow(
        owner_id=owner.user_id, token_hash=ids.new_token(), expires_at=_later()
    )
    return (await rows.add(login)).id


async def _add_linked_login(rows: RowFactory, owner: Actor) -> UUID:
    linked = LinkedLoginRow(
        owner_id=owner.user_id,
        provider="github",
        issuer="https://github.com/login/oauth",
        subject=ids.new_token(),
        email=SECRET,
    )
    return (await rows.add(linked)).id


async def _add_note(rows: RowFactory, owner: Actor) -> UUID:
    name = f"{SECRET} {ids.new_id()}"
    note = NoteRow(owner_id=owner.user_id, name=name, text=SECRET)
    return (await rows.add(note)).id


async def _add_document(
    rows: RowFactory, owner: Actor, collection_id: UUID, status: DocumentStatus
) -> UUID:
    name = f"{SECRET}-{status}.md"
    upload: dict[str, Any] = {"name": name, "media_type": "text/markdown", "size": 5}
    sha256 = ids.new_token()
    file = await rows.add(
        FileRow(owner_id=owner.user_id, object_key=sha256, sha256=sha256, **upload)
    )
    document = DocumentRow(
        owner_id=owner.user_id,
        collection_id=collection_id,
        file_id=file.id,
        sha256=sha256,
        status=status,
        error=SECRET,
        chunks_total=1,
        chunks_done=1,
        **upload,
    )
    return (await rows.add(document)).id
