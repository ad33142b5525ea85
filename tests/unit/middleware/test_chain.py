"""Middlewares act in their order before a model, and in the opposite one after it."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar
from uuid import UUID

import pytest
from langchain_core.messages import AIMessageChunk, SystemMessage
from typing_extensions import override

from app.backend.core.run_events import Level, MiddlewareActed
from app.backend.middleware.base import (
    Ask,
    Form,
    Middleware,
    ModelRequest,
    Parts,
    TypeInfo,
)
from app.backend.middleware.chains import compile_chain, digest_of
from app.backend.middleware.errors import InputRefused, MiddlewareBroken
from app.backend.middleware.registry import BUILTIN, list_types
from app.backend.middleware.schemas import Entry
from tests.fakes.memory import FakeMemory
from tests.unit.middleware.asking import Asker, Model, make


class Noting(Middleware):
    """Notes when it acts."""

    info: ClassVar[TypeInfo] = TypeInfo("noting", "Noting", "", Form, 50)

    def __init__(self, name: str, notes: list[str]) -> None:
        super().__init__(None, Parts(name, FakeMemory()))
        self.name, self.notes = name, notes

    @override
    async def __call__(
        self, request: ModelRequest, ask: Ask
    ) -> AsyncIterator[AIMessageChunk]:
        self.notes.append(f"{self.name} before")
        async for chunk in ask(request):
            yield chunk
        self.notes.append(f"{self.name} after")


def _entry(kind: str, **fields: Any) -> Entry:
    given = {"type": kind, "priority": 1, "config": {}, "is_critical": False}
    return Entry.model_validate({"id": UUID(int=1), **given, **fields})


async def test_cache_gives_no_answer_that_went_through_other_rules() -> None:
    memory, model = FakeMemory(), Model("Yes.")
    asker = Asker()
    cache = _entry("cache")
    for entries in ([cache], [cache], [cache, _entry("validation", priority=2)]):
        asker.chain = compile_chain("scripted/x", entries, memory)
        await asker.ask(model, "Is it?")

    assert len(model.asked) == 2


async def test_first_one_acts_first_before_the_model_and_last_after_it() -> None:
    notes: list[str] = []
    asker = Asker(Noting("one", notes), Noting("two", notes), Noting("three", notes))

    assert await asker.ask(Model("Yes", "."), "Is it?") == "Yes."
    assert notes == [
        "one before",
        "two before",
        "three before",
        "three after",
        "two after",
        "one after",
    ]


async def test_one_that_refuses_is_not_passed() -> None:
    notes: list[str] = []
    model = Model("Yes.")
    strict = make("validation", forbidden=["secret plan"])
    asker = Asker(Noting("one", notes), strict, Noting("three", notes))

    with pytest.raises(InputRefused):
        await asker.ask(model, "The Secret Plan?")

    assert (notes, model.asked) == (["one before"], [])


async def test_answer_from_the_cache_passes_only_those_before_it() -> None:
    notes: list[str] = []
    asker = Asker(Noting("one", notes), make("cache"), Noting("three", notes))
    model = Model("Yes.")
    await asker.ask(model, "Is it?")
    notes.clear()

    assert await asker.ask(model, "Is it?") == "Yes."
    assert notes == ["one before", "one after"]
    assert len(model.asked) == 1


def test_broken_one_is_left_out_and_said() -> None:
    entries = [
        _entry("logging"),
        _entry("gone"),
        _entry("cache", config={"seconds": 0}),
    ]

    chain = compile_chain("scripted/x", entries, FakeMemory())

    assert [one.info.key for one in chain.middlewares] == ["logging"]
    assert [name for name, _ in chain.left_out] == ["gone", "cache"]


async def test_what_is_left_out_is_in_the_log() -> None:
    asker = Asker()
    asker.chain = compile_chain("scripted/x", [_entry("gone")], FakeMemory())

    await asker.ask(Model("Yes."), "Is it?")

    (event,) = asker.told
    assert isinstance(event, MiddlewareActed)
    assert (event.name, event.level) == ("gone", Level.WARNING)
    assert event.message.startswith("Left out: 'gone' is no type of middleware.")


def test_broken_one_that_is_critical_refuses_the_model() -> None:
    with pytest.raises(MiddlewareBroken, match="scripted/x is not asked"):
        compile_chain("scripted/x", [_entry("gone", is_critical=True)], FakeMemory())


def test_digest_changes_with_whatever_changes_the_chain() -> None:
    one = _entry("cache", config={"seconds": 5})
    others = [
        one.model_copy(update={"config": {"seconds": 6}}),
        one.model_copy(update={"priority": 2}),
        one.model_copy(update={"is_critical": True}),
    ]

    assert len({digest_of([each]) for each in [one, *others]}) == 4
    assert digest_of([one]) == digest_of([one.model_copy()])


def test_types_have_a_form_and_stand_in_the_usual_order() -> None:
    views = list_types()

    assert len(views) == len(BUILTIN)
    places = {view.key: view.priority for view in views}
    first = {"logging": 10, "cache": 20, "retry": 30, "validation": 40}
    assert first.items() <= places.items()
    assert list(places.values()) == sorted(places.values())
    for view in views:
        for name, field in view.config_schema["properties"].items():
            assert field.get("title"), name
            assert "default" in field, name


async def test_instructions_and_tools_reach_the_model_untouched() -> None:
    model = Model("Yes.")
    tools = [{"type": "function", "function": {"name": "now"}}]
    asker = Asker(make("logging"), make("cache"), make("retry"), make("validation"))

    await asker.chunks(model, SystemMessage("Be kind."), "Is it?", tools=tools)

    assert model.texts == ["Be kind.", "Is it?"]
    assert model.asked[0].tools == tools
