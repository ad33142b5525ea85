"""What the graph does with real documents: answers with citations, quotes, refuses."""

from uuid import UUID

import pytest

from app.backend.agents import service as agents
from app.backend.agents.context import Task
from app.backend.agents.prompts import NOTHING_FOUND, Turn
from app.backend.agents.schemas import AgentKind
from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import (
    Event,
    Level,
    Log,
    MessageCompleted,
    MessageDelta,
    QueuePosition,
    ReasoningDelta,
    Retrieved,
    RunOutput,
    Step,
    ToolReturned,
    UsageRecorded,
)
from app.backend.knowledge import uploads
from app.backend.knowledge.tables import CollectionRow
from app.backend.knowledge.tool import NOTHING
from app.backend.runs.runner import run_agent
from tests.factories.rows import MakeAgent


async def _run(
    parts: Services,
    actor: Actor,
    agent_id: UUID,
    query: str,
    *history: Turn,
) -> tuple[RunOutput, list[Event]]:
    events: list[Event] = []
    async with parts.db.read() as session:
        spec = await agents.get_spec(
            session, actor, agent_id=agent_id, keyring=parts.keyring
        )
    context = RunContext(
        actor=actor,
        run_id=ids.new_id(),
        agent_id=agent_id,
        thread_id=None,
        emit=lambda event: events.append(event),
        is_cancelled=lambda: False,
        saver_thread=str(ids.new_id()),
    )
    task = Task(spec=spec, query=query, history=history)
    return await run_agent(parts, task, context), events


async def test_answer_comes_with_the_passage_that_supports_it(
    parts: Services, actor: Actor, make_agent: MakeAgent, handbook: CollectionRow
) -> None:
    agent = await make_agent(
        actor, model="scripted/quote", collection_ids=[handbook.id]
    )

    output, events = await _run(
        parts, actor, agent.id, "How many litres of water does the boiler hold?"
    )

    assert "forty litres" in output.answer
    assert "".join(sentence.text for sentence in output.sentences) == output.answer
    assert output.citations
    assert [item.n for item in output.citations] == list(
        range(1, len(output.citations) + 1)
    )
    assert "forty litres" in output.citations[0].text
    assert output.citations[0].document_name == "handbook.md"
    (retrieved,) = [event for event in events if isinstance(event, Retrieved)]
    assert retrieved.passages
    assert any(isinstance(event, UsageRecorded) for event in events)


async def test_sentence_of_the_models_own_has_no_citation(
    parts: Services, actor: Actor, make_agent: MakeAgent, handbook: CollectionRow
) -> None:
    said = '{"text": "The cat is called Pepper. Bananas grow well in Ecuador."}'
    agent = await make_agent(
        actor, model=f"scripted/{said}", collection_ids=[handbook.id]
    )

    output, _ = await _run(parts, actor, agent.id, "What is the cat called?")

    assert [bool(sentence.citations) for sentence in output.sentences] == [True, False]


async def test_question_that_the_documents_do_not_answer_asks_no_model(
    parts: Services, actor: Actor, make_agent: MakeAgent, handbook: CollectionRow
) -> None:
    agent = await make_agent(
        actor, model="scripted/error", collection_ids=[handbook.id]
    )

    output, events = await _run(
        parts, actor, agent.id, "Who won the football world cup in Brazil?"
    )

    assert (output.answer, output.is_answered) == (NOTHING_FOUND, False)
    assert output.nearest
    assert output.citations == []
    assert not any(isinstance(event, UsageRecorded) for event in events)


@pytest.mark.parametrize("kind", [AgentKind.ANSWER, AgentKind.QUOTES])
@pytest.mark.parametrize("query", ["What is the cat called?", "Who won in Brazil?"])
async def test_documents_that_are_still_being_read_are_said(
    parts: Services,
    actor: Actor,
    make_agent: MakeAgent,
    handbook: CollectionRow,
    kind: AgentKind,
    query: str,
) -> None:
    agent = await make_agent(
        actor, kind=kind, model="scripted/quote", collection_ids=[handbook.id]
    )
    before, _ = await _run(parts, actor, agent.id, query)
    await uploads.upload_document(
        parts, actor, collection_id=handbook.id, name="late.md", body=b"# Late"
    )

    output, events = await _run(parts, actor, agent.id, query)

    said = "1 of 2 documents is still being read; the answer may miss it."
    assert (before.caveat, output.caveat) == ("", said)
    assert Log(level=Level.WARNING, message=said) in events


async def test_agent_with_tools_cites_what_it_searched_for(
    parts: Services, actor: Actor, make_agent: MakeAgent, handbook: CollectionRow
) -> None:
    search = '{"name": "search_knowledge", "args": {"query": "litres of the boiler"}}'
    agent = await make_agent(
        actor,
        kind=AgentKind.TOOLS,
        tools=["search_knowledge"],
        model=f'scripted/{{"replies": [{{"tool_calls": [{search}]}}, {{"tool_calls": [{search}]}}, {{"text": "It holds forty litres of water."}}]}}',
        collection_ids=[handbook.id],
    )
    await uploads.upload_document(
        parts, actor, collection_id=handbook.id, name="late.md", body=b"# Late"
    )

    output, events = await _run(parts, actor, agent.id, "How much?")

    assert "forty litres" in output.citations[0].text
    assert output.sentences[0].citations == [1]
    # The same passages, found twice, are not two sources.
    assert len({item.chunk_id for item in output.citations}) == len(output.citations)
    assert [type(event) for event in events].count(Retrieved) == 2
    assert "still being read" in output.caveat


async def test_quotes_are_the_passages_and_ask_no_model(
    parts: Services, actor: Actor, make_agent: MakeAgent, handbook: CollectionRow
) -> None:
    agent = await make_agent(
        actor,
        model="scripted/error",
        kind=AgentKind.QUOTES,
        collection_ids=[handbook.id],
    )

    output, events = await _run(parts, actor, agent.id, "What is the cat called?")

    assert "Pepper" in output.answer
    assert len(output.sentences) == len(output.citations)
    assert "".join(sentence.text for sentence in output.sentences) == output.answer
    assert not any(isinstance(event, MessageDelta) for event in events)


async def test_quotes_without_documents_say_so(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, kind=AgentKind.QUOTES)

    output, _ = await _run(parts, actor, agent.id, "Anything?")

    assert not output.is_answered


async def test_follow_up_is_searched_with_the_question_before_it(
    parts: Services, actor: Actor, make_agent: MakeAgent, handbook: CollectionRow
) -> None:
    agent = await make_agent(
        actor, model="scripted/quote", collection_ids=[handbook.id]
    )
    before = Turn("What is our cat called?", "She is called Pepper.")

    output, events = await _run(
        parts, actor, agent.id, "And when does she eat?", before
    )

    (retrieved,) = [event for event in events if isinstance(event, Retrieved)]
    assert retrieved.query == "What is our cat called?\nAnd when does she eat?"
    assert output.is_answered
    assert "six in the evening" in output.answer


async def test_agent_without_documents_says_that_it_skips_retrieval(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/hello")

    output, events = await _run(parts, actor, agent.id, "Hello?")

    steps = [event.content for event in events if isinstance(event, Step)]
    assert any("Retrieval is skipped" in text for text in steps)
    assert output.is_answered
    assert output.citations == []


@pytest.mark.parametrize(
    ("script", "kind"), [("queued", QueuePosition), ("thinks", ReasoningDelta)]
)
async def test_what_a_model_says_besides_text_is_an_event(
    parts: Services, actor: Actor, make_agent: MakeAgent, script: str, kind: type[Event]
) -> None:
    agent = await make_agent(actor, model=f"scripted/{script}")

    _, events = await _run(parts, actor, agent.id, "Hello?")

    assert any(isinstance(event, kind) for event in events)


async def test_answer_that_reaches_the_limit_says_so(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/hello", max_tokens=3)

    _, events = await _run(parts, actor, agent.id, "Hello?")

    (done,) = [event for event in events if isinstance(event, MessageCompleted)]
    assert done.finish_reason == "length"


async def test_follow_up_about_something_else_is_searched_for_by_itself(
    parts: Services, actor: Actor, make_agent: MakeAgent, handbook: CollectionRow
) -> None:
    agent = await make_agent(
        actor, model="scripted/quote", collection_ids=[handbook.id]
    )
    question = (
        "Which teams played football for the world cup of 1954, and where did they go?"
    )

    output, events = await _run(
        parts, actor, agent.id, "When does Pepper eat?", Turn(question, NOTHING_FOUND)
    )

    assert output.is_answered
    assert "Pepper" in output.answer
    assert len([event for event in events if isinstance(event, Retrieved)]) == 1


async def test_what_a_model_says_again_and_again_is_kept_once(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/echo")

    output, events = await _run(parts, actor, agent.id, "Well: " + "the boiler, " * 12)

    assert output.answer == "Well: the boiler,"
    (done,) = [event for event in events if isinstance(event, MessageCompleted)]
    assert done.text == output.answer
    assert any(
        "again and again" in event.message for event in events if isinstance(event, Log)
    )


async def test_empty_answer_is_an_answer_without_sentences(
    parts: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/empty")

    output, _ = await _run(parts, actor, agent.id, "Hello?")

    assert (output.answer, output.sentences) == ("", [])


async def _lose_model(parts: Services, collection_id: UUID) -> None:
    async with parts.db.transaction() as session:
        row = await session.get_one(CollectionRow, collection_id)
        row.embedding_model = "gone/vectors"
        session.add(row)


async def test_collection_that_is_searched_by_words_alone_is_told(
    parts: Services, actor: Actor, make_agent: MakeAgent, handbook: CollectionRow
) -> None:
    agent = await make_agent(
        actor, model="scripted/quote", collection_ids=[handbook.id]
    )
    await _lose_model(parts, handbook.id)

    output, events = await _run(
        parts, actor, agent.id, "How many litres of water does the boiler hold?"
    )

    assert "forty litres" in output.answer
    (told,) = [event for event in events if isinstance(event, Log)]
    assert told.level == Level.WARNING
    assert "ranked by words alone: " in told.message
    assert "'gone'" in told.message
    assert output.caveat == told.message


@pytest.mark.parametrize(
    ("query", "found"), [("boiler", "From handbook.md:\n"), ("zeppelin", NOTHING)]
)
async def test_agent_with_tools_and_its_model_are_told_of_a_search_by_words_alone(
    parts: Services,
    actor: Actor,
    make_agent: MakeAgent,
    handbook: CollectionRow,
    query: str,
    found: str,
) -> None:
    search = f'{{"name": "search_knowledge", "args": {{"query": "{query}"}}}}'
    agent = await make_agent(
        actor,
        kind=AgentKind.TOOLS,
        tools=["search_knowledge"],
        model=f'scripted/{{"replies": [{{"tool_calls": [{search}]}}, {{"tool_calls": [{search}]}}, {{"text": "I found nothing."}}]}}',
        collection_ids=[handbook.id],
    )
    await _lose_model(parts, handbook.id)
    await uploads.upload_document(
        parts, actor, collection_id=handbook.id, name="late.md", body=b"# Late"
    )

    output, events = await _run(parts, actor, agent.id, "Which airship?")

    logged = [event.message for event in events if isinstance(event, Log)]
    note = next(message for message in logged if "by words alone" in message)
    returned = [event.result for event in events if isinstance(event, ToolReturned)]
    assert [text.startswith(f"{note}\n\n{found}") for text in returned] == [True] * 2
    # Told twice, the same is said once.
    unread = "1 of 2 documents is still being read; the answer may miss it."
    assert output.caveat == f"{unread} {note}"
