"""The agent editor: what the form starts with, what it refuses, what it keeps."""

from typing import Any

import pytest

from app.backend.agents import service as agents
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.state import agent_editor
from app.state.agent_editor import AgentEditorState
from app.state.budgets import BudgetsState
from tests.factories.rows import MakeAgent, MakeCollection, RowFactory
from tests.states import make_state


def _form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Potter",
        "description": "Knows the kiln.",
        "kind": "answer",
        "instructions": "Be brief. Today is {today}.",
        "model": "scripted/hello",
        "temperature": "0.2",
        "max_tokens": "150",
        "passages": "3",
        "execution": "worker",
        "remote_url": "",
        "remote_agent_id": "",
        "remote_key": "",
        "suggested_prompts": "How hot?\n\n  How long?  ",
        **changes,
    }


async def test_save_makes_an_agent(
    cookie: str, actor: Actor, make_collection: MakeCollection, services: Services
) -> None:
    collection = await make_collection(actor)
    state = make_state(AgentEditorState, path="/agents/new", cookie=cookie)
    await AgentEditorState.load_new.fn(state)

    await AgentEditorState.save.fn(
        state, _form(**{f"collection:{collection.id}": "on"})
    )

    async with services.db.read() as session:
        (agent,) = (await agents.list_agents(session, actor)).items
    assert agent.name == "Potter"
    assert agent.suggested_prompts == ["How hot?", "How long?"]
    assert agent.collection_ids == [collection.id]
    assert (agent.temperature, agent.max_tokens, agent.passages) == (0.2, 150, 3)
    assert state.saved_at


async def test_load_existing_fills_the_form(
    cookie: str, actor: Actor, make_agent: MakeAgent, make_collection: MakeCollection
) -> None:
    collection = await make_collection(actor)
    agent = await make_agent(actor, name="Known", collection_ids=[collection.id])
    state = make_state(AgentEditorState, path=f"/agents/{agent.id}/edit", cookie=cookie)

    await AgentEditorState.load_existing.fn(state)

    assert state.values.name == "Known"
    assert [choice.is_chosen for choice in state.collections] == [True]
    assert state.editing_id == str(agent.id)


async def test_save_changes_the_agent(
    cookie: str, actor: Actor, make_agent: MakeAgent, services: Services
) -> None:
    agent = await make_agent(actor, name="Before")
    state = make_state(AgentEditorState, path=f"/agents/{agent.id}/edit", cookie=cookie)
    await AgentEditorState.load_existing.fn(state)

    await AgentEditorState.save.fn(state, _form(name="After"))

    async with services.db.read() as session:
        changed = await agents.get_agent(session, actor, agent_id=agent.id)
    assert changed.name == "After"


async def test_collection_beyond_those_that_are_listed_stays_chosen(
    cookie: str,
    actor: Actor,
    make_agent: MakeAgent,
    make_collection: MakeCollection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(agent_editor, "COLLECTIONS_SHOWN", 1)
    older, newer = await make_collection(actor), await make_collection(actor)
    agent = await make_agent(actor, collection_ids=[older.id])
    state = make_state(AgentEditorState, path=f"/agents/{agent.id}/edit", cookie=cookie)

    await AgentEditorState.load_existing.fn(state)

    assert {(choice.field, choice.is_chosen) for choice in state.collections} == {
        (f"collection:{newer.id}", False),
        (f"collection:{older.id}", True),
    }


async def test_editor_chooses_among_the_models_of_the_agents_owner(
    other_cookie: str,
    actor: Actor,
    other_actor: Actor,
    rows: RowFactory,
    services: Services,
) -> None:
    agent = await rows.agent(actor)
    await rows.share(agent, other_actor, "edit")
    theirs = await rows.default_model(other_actor)
    path = f"/agents/{agent.id}/edit"
    state = make_state(AgentEditorState, path=path, cookie=other_cookie)

    await AgentEditorState.load_existing.fn(state)
    await AgentEditorState.save.fn(state, _form(model="", execution="remote"))

    assert theirs not in {choice.name for choice in state.models}
    async with services.db.read() as session:
        changed = await agents.get_agent(session, actor, agent_id=agent.id)
    assert changed.model == services.settings.default_model


async def test_load_new_starts_from_a_template(cookie: str) -> None:
    path = "/agents/new?template=study-partner"
    state = make_state(AgentEditorState, path=path, cookie=cookie)

    await AgentEditorState.load_new.fn(state)

    assert state.values.name == "Study partner"
    assert state.values.temperature == "0.3"


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": "  "}, "name", "Fill this in."),
        ({"temperature": "9"}, "temperature", "The most is 2.0."),
        ({"max_tokens": "many"}, "max_tokens", "Write a whole number."),
        ({"instructions": "Hello {foo}"}, "instructions", "{foo} is no variable."),
        (
            {"model": "nobody/x"},
            "model",
            "'nobody/x' is not a model: you have no provider",
        ),
        (
            {"execution": "remote", "remote_url": "ftp://x"},
            "remote_url",
            "is no URL of a runtime",
        ),
    ],
)
async def test_save_says_which_field_is_wrong(
    cookie: str, changes: dict[str, Any], field: str, message: str
) -> None:
    state = make_state(AgentEditorState, path="/agents/new", cookie=cookie)
    await AgentEditorState.load_new.fn(state)

    answer = await AgentEditorState.save.fn(state, _form(**changes))

    assert message in state.errors[field]
    assert f"ref_{next(iter(state.errors))}" in str(answer)


async def test_save_keeps_the_tools_that_are_ticked(
    cookie: str, actor: Actor, services: Services
) -> None:
    state = make_state(
        AgentEditorState, path="/agents/new?template=note-keeper", cookie=cookie
    )
    await AgentEditorState.load_new.fn(state)
    assert [tool.field for tool in state.tools if tool.is_chosen][:1] == [
        "tool:ask_person"
    ]

    ticked = {"tool:now": "on", "tool:notes_put": "on"}
    await AgentEditorState.save.fn(state, _form(kind="tools", **ticked))

    async with services.db.read() as session:
        (agent,) = (await agents.list_agents(session, actor)).items
    assert (agent.kind, agent.tools) == ("tools", ["now", "notes_put"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": "local/smollm2-135m"}, "model"),
        ({"execution": "remote"}, "execution"),
    ],
)
async def test_agent_with_tools_that_could_not_work_is_refused(
    cookie: str, changes: dict[str, str], field: str
) -> None:
    state = make_state(AgentEditorState, path="/agents/new", cookie=cookie)
    await AgentEditorState.load_new.fn(state)

    await AgentEditorState.save.fn(state, _form(kind="tools", **changes))

    assert field in state.errors


@pytest.mark.parametrize("named", ["of somebody else", "nobody knows"])
async def test_agent_that_may_not_be_seen_is_missing(
    cookie: str, other_actor: Actor, make_agent: MakeAgent, named: str
) -> None:
    agent = await make_agent(other_actor)
    ref = str(agent.id) if named == "of somebody else" else "a"
    state = make_state(AgentEditorState, path=f"/agents/{ref}/edit", cookie=cookie)

    await AgentEditorState.load_existing.fn(state)

    assert state.is_missing


async def test_agent_is_there_again_after_one_that_is_missing(
    cookie: str, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    state = make_state(AgentEditorState, path=f"/agents/{agent.id}/edit", cookie=cookie)
    state.is_missing = True

    await AgentEditorState.load_existing.fn(state)

    assert not state.is_missing


async def test_page_alone_says_that_there_is_no_such_agent(cookie: str) -> None:
    state = make_state(BudgetsState, path="/agents/a/edit", cookie=cookie)

    assert await BudgetsState.load_of_agent.fn(state) is None
