"""A page's events of `on_load` come again whenever the websocket does: nothing that the person sees is wiped."""

from typing import Any

import pytest
import reflex as rx

from app import routes
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.state.agent_editor import AgentEditorState
from app.state.agent_list import AgentListState
from app.state.agent_run import AgentRunState
from app.state.api_keys import ApiKeysState
from app.state.collection import CollectionState
from app.state.collection_list import CollectionListState
from app.state.knowledge_search import KnowledgeSearchState
from app.state.second_factor import SecondFactorState
from app.state.settings import SettingsState
from tests.factories.rows import RowFactory
from tests.states import make_state

ERRORS = {"name": "Fill this in."}
ID = str(ids.new_id())

# What a person brought about on a page, by clicks and keys. Stores without such things are not listed.
VISITS: list[tuple[type[rx.State], str, str, dict[str, Any]]] = [
    (
        ApiKeysState,
        "load",
        routes.SETTINGS,
        {"fresh_key": "atk_secret", "doomed_key": ID, "errors": ERRORS},
    ),
    (SettingsState, "load", routes.SETTINGS, {"errors": ERRORS}),
    (
        SecondFactorState,
        "load",
        routes.SETTINGS,
        {"asked": "begin", "secret": "x", "qr": "data:", "codes": ["x"]},
    ),
    (AgentListState, "load", routes.AGENTS, {"doomed_id": ID}),
    (AgentEditorState, "load_new", routes.AGENT_NEW, {"errors": ERRORS}),
    (AgentEditorState, "load_existing", routes.AGENT_EDIT, {"errors": ERRORS}),
    (
        CollectionListState,
        "load",
        routes.KNOWLEDGE,
        {"is_adding": True, "errors": ERRORS},
    ),
    (
        CollectionState,
        "load",
        routes.COLLECTION,
        {"is_editing": True, "doomed": ID, "errors": ERRORS},
    ),
]


@pytest.fixture
async def places(rows: RowFactory, actor: Actor) -> dict[str, str]:
    """Addresses of pages that name something of the owner's."""
    agent = await rows.agent(actor)
    collection = await rows.collection(actor)
    return {
        routes.AGENT: routes.agent_path(agent.id),
        routes.AGENT_EDIT: routes.agent_edit_path(agent.id),
        routes.COLLECTION: routes.collection_path(collection.id),
    }


def _names(visit: tuple[Any, ...]) -> str:
    return f"{visit[0].__name__}.{visit[1]}"


@pytest.mark.parametrize("visit", VISITS, ids=_names)
async def test_second_load_keeps_what_the_person_brought_about(
    cookie: str, places: dict[str, str], visit: tuple[type[rx.State], str, str, Any]
) -> None:
    kind, load, route, given = visit
    state = make_state(kind, path=places.get(route, route), cookie=cookie)
    handler: Any = kind.event_handlers[load]
    await handler.fn(state)
    for name, value in given.items():
        setattr(state, name, value)

    await handler.fn(state)

    assert {name: getattr(state, name) for name in given} == given


@pytest.mark.parametrize("visit", VISITS, ids=_names)
async def test_leaving_puts_it_away(
    visit: tuple[type[rx.State], str, str, dict[str, Any]],
) -> None:
    kind, _, _, given = visit
    state: Any = make_state(kind, **given)

    await kind.event_handlers["leave"].fn(state)

    assert not any(getattr(state, name) for name in given)


async def test_load_after_the_first_click_keeps_the_new_key(cookie: str) -> None:
    state = make_state(ApiKeysState, path=routes.SETTINGS, cookie=cookie)
    await ApiKeysState.create.fn(state, {"name": "ci"})

    await ApiKeysState.load.fn(state)

    (row,) = state.rows
    assert state.fresh_key.startswith(row.prefix)


async def test_search_is_forgotten_in_another_collection_only(
    cookie: str, places: dict[str, str]
) -> None:
    here = places[routes.COLLECTION]
    state = make_state(KnowledgeSearchState, path=here, cookie=cookie)
    await KnowledgeSearchState.search.fn(state, {"query": "kiln"})

    await KnowledgeSearchState.load.fn(state)
    assert state.query == "kiln"

    there = routes.collection_path(ids.new_id())
    elsewhere = make_state(
        KnowledgeSearchState, path=there, cookie=cookie, query="kiln", _path=here
    )
    await KnowledgeSearchState.load.fn(elsewhere)
    assert elsewhere.query == ""


async def test_run_that_goes_on_is_named_by_the_address(
    cookie: str, actor: Actor, rows: RowFactory
) -> None:
    agent = await rows.agent(actor)
    run = await rows.run(actor, agent=agent)
    state = make_state(AgentRunState, path=routes.agent_path(agent.id), cookie=cookie)

    answer = await AgentRunState.load.fn(state)

    assert f"?run={run.id}" in str(answer)


@pytest.mark.parametrize("kind", [AgentListState, CollectionListState])
async def test_list_stays_as_long_as_it_is_shown(
    cookie: str, actor: Actor, rows: RowFactory, kind: Any
) -> None:
    for _ in range(51):
        await rows.agent(actor)
        await rows.collection(actor)
    state = make_state(kind, cookie=cookie)
    await kind.load.fn(state)
    await kind.load_more.fn(state)

    await kind.load.fn(state)

    assert (len(state.rows), state.has_more) == (51, False)
