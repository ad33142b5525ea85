"""What stands before a model, on the page of models: added, changed, switched, put in order and taken away."""

from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.state import edge
from app.state.middleware import DELETE, FORM, LIST, TYPES, MiddlewareState
from tests.priced import add_priced
from tests.states import make_state

MODEL = "priced/hello"


@pytest.fixture(autouse=True)
def _parts(services: Services) -> None:
    edge.install(services)


async def _opened(cookie: str, model: str = MODEL) -> MiddlewareState:
    state = make_state(MiddlewareState, path="/models", cookie=cookie)
    await MiddlewareState.open.fn(state, model, "")
    return state


async def _add(state: MiddlewareState, key: str, **form: Any) -> Any:
    await MiddlewareState.choose.fn(state, key)
    return await MiddlewareState.save.fn(state, {"is_active": "on", **form})


async def test_middleware_is_added_and_stands_in_its_order(
    services: Services, actor: Actor, cookie: str
) -> None:
    await add_priced(services, actor, "hello")
    state = await _opened(cookie)
    assert (state.step, state.rows, state.models) == (LIST, [], [MODEL])

    await MiddlewareState.show_types.fn(state)
    assert state.step == TYPES
    assert {"cache", "validation"} <= {tile.key for tile in state.tiles}
    await MiddlewareState.choose.fn(state, "validation")
    kinds = {field.field: field.kind for field in state.fields}
    assert state.step == FORM
    assert kinds["config.forbidden"] == "lines"
    assert kinds["config.input_action"] == "choice"
    assert kinds["config.clean"] == "switch"
    assert kinds["config.characters_max"] == "number"
    form = {
        "config.forbidden": "one\n\ntwo\n",
        "config.sensitive": "",
        "config.input_action": "warn",
        "priority": "7",
        "is_active": "on",
    }
    await MiddlewareState.save.fn(state, form)
    await _add(state, "cache", priority="3", is_critical="on")

    assert [(row.label, row.priority) for row in state.rows] == [
        ("Cache", 3),
        ("Validation", 7),
    ]
    assert [row.is_critical for row in state.rows] == [True, False]
    assert "Forbidden in questions: one two" in state.rows[1].facts
    await MiddlewareState.edit.fn(state, state.rows[1].id)
    values = {field.field: field for field in state.fields}
    assert values["config.forbidden"].value == "one\ntwo"
    assert values["config.sensitive"].value == ""
    assert values["config.input_action"].options == ["block", "redact", "warn"]
    assert not values["config.clean"].is_on


async def test_wrong_fields_are_named_and_nothing_is_kept(
    services: Services, actor: Actor, cookie: str
) -> None:
    await add_priced(services, actor, "hello")
    state = await _opened(cookie)

    await _add(state, "cache", **{"config.seconds": "0"})
    assert list(state.errors) == ["config.seconds"]
    await _add(state, "cache", priority="101")
    assert list(state.errors) == ["priority"]

    assert (state.step, state.rows) == (FORM, [])


async def test_middleware_is_switched_and_taken_away(
    services: Services, actor: Actor, cookie: str
) -> None:
    await add_priced(services, actor, "hello")
    state = await _opened(cookie)
    await _add(state, "cache")
    (row,) = state.rows

    await MiddlewareState.switch.fn(state, row.id, False)
    assert [one.is_active for one in state.rows] == [False]
    await MiddlewareState.ask_delete.fn(state, row.id, row.label)
    assert state.step == DELETE
    await MiddlewareState.delete.fn(state)

    assert (state.step, state.rows) == (LIST, [])


async def test_models_of_the_settings_have_them_too(cookie: str) -> None:
    state = await _opened(cookie, "")
    assert state.model in state.models

    await MiddlewareState.open.fn(state, "scripted/hello", "")
    await _add(state, "logging")

    assert [row.label for row in state.rows] == ["Logging"]
