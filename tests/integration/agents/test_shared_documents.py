"""What a shared agent reads for whoever runs it: passages for its answers, and no documents."""

from uuid import UUID

import pytest

from app.backend.agents.tables import AgentRow
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import NotFound
from app.backend.core.run_events import Event, Log, RunOutput
from app.backend.knowledge import search, uploads
from app.backend.knowledge.tables import CollectionRow
from app.backend.runs.execute import ExecuteBody, execute
from tests.factories.rows import MakeAgent, RowFactory

QUESTION = "How many litres of water does the boiler hold?"


async def _execute(
    parts: Services, actor: Actor, agent_id: UUID
) -> tuple[RunOutput, list[Event]]:
    events: list[Event] = []
    body = ExecuteBody(agent_id=agent_id, query=QUESTION)
    result = await execute(parts, actor, body, lambda event: events.append(event))
    assert result.output_data is not None, result.error
    return result.output_data, events


async def _make_reader(
    make_agent: MakeAgent, owner: Actor, handbook: CollectionRow, kind: str
) -> AgentRow:
    reply = '{"replies": [{"tool_calls": [{"name": "search_knowledge", "args": {"query": "litres of water in the boiler"}}]}, {"text": "It holds forty litres of water."}]}'
    return await make_agent(
        owner,
        kind=kind,
        model=f"scripted/{reply}" if kind == "tools" else "scripted/quote",
        tools=["search_knowledge"],
        collection_ids=[handbook.id],
    )


@pytest.mark.parametrize("kind", ["answer", "quotes", "tools"])
async def test_answer_cites_the_owners_document_which_the_runner_cannot_open(
    parts: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    handbook: CollectionRow,
    kind: str,
) -> None:
    agent = await _make_reader(make_agent, actor, handbook, kind)
    await rows.share(agent, other_actor, "run")

    output, _ = await _execute(parts, other_actor, agent.id)

    assert "forty litres" in output.answer
    (citation, *_) = output.citations
    assert "forty litres" in citation.text
    with pytest.raises(NotFound, match="passage"):
        await uploads.show_passage(parts, other_actor, chunk_id=citation.chunk_id)
    with pytest.raises(NotFound, match="document"):
        await uploads.make_download_url(
            parts, other_actor, document_id=citation.document_id
        )
    with pytest.raises(NotFound, match="collection"):
        await search.search(
            parts, other_actor, collection_ids=[handbook.id], query=QUESTION
        )


@pytest.mark.parametrize("kind", ["answer", "quotes", "tools"])
async def test_runner_is_not_told_which_collection_was_searched_by_words_alone(
    parts: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    handbook: CollectionRow,
    kind: str,
) -> None:
    agent = await _make_reader(make_agent, actor, handbook, kind)
    await rows.share(agent, other_actor, "run")
    async with parts.db.transaction() as session:
        row = await session.get_one(CollectionRow, handbook.id)
        row.name, row.embedding_model = "Secret plans", "gone/vectors"
        session.add(row)

    output, events = await _execute(parts, other_actor, agent.id)

    assert output.citations
    assert output.caveat == search.NOT_BY_MEANING
    seen = " ".join(event.model_dump_json() for event in events)
    assert search.NOT_BY_MEANING in seen
    assert "Secret plans" not in seen
    assert "gone" not in seen


async def test_shared_collection_is_searched_and_read(
    parts: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    handbook: CollectionRow,
) -> None:
    await rows.share(handbook, other_actor, "view")
    agent = await make_agent(other_actor, kind="quotes", collection_ids=[handbook.id])

    output, _ = await _execute(parts, other_actor, agent.id)

    (citation, *_) = output.citations
    shown = await uploads.show_passage(parts, other_actor, chunk_id=citation.chunk_id)
    assert "Pepper" in shown.text


async def test_collection_that_the_agents_owner_lost_is_skipped_and_the_log_says_so(
    parts: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    handbook: CollectionRow,
) -> None:
    await rows.share(handbook, other_actor, "view")
    agent = await make_agent(other_actor, kind="quotes", collection_ids=[handbook.id])
    await rows.unshare(handbook)

    output, events = await _execute(parts, other_actor, agent.id)

    assert output.citations == []
    told = [event.message for event in events if isinstance(event, Log)]
    assert any("1 collection is skipped" in message for message in told)
