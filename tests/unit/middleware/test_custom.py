"""Types of middlewares that an installed package announces."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from uuid import UUID

import pytest

from app.backend.middleware import registry
from app.backend.middleware.chains import compile_chain
from app.backend.middleware.schemas import Entry
from tests.fakes.memory import FakeMemory
from tests.unit.middleware.asking import Asker, Model, make

ANNOUNCED = {
    "polite": "tests.fakes.polite:Polite",
    "breaking": "tests.fakes.polite:Breaking",
    "cache": "tests.fakes.polite:Polite",
    "Not a name": "tests.fakes.polite:Polite",
    "other_name": "tests.fakes.polite:Polite",
    "no_class": "tests.fakes.polite:PoliteForm",
    "gone": "tests.fakes.nothing:Polite",
}


@pytest.fixture(autouse=True)
def announced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with all that can be announced, right and wrong."""

    def find(*, group: str) -> list[EntryPoint]:
        return [EntryPoint(name, value, group) for name, value in ANNOUNCED.items()]

    monkeypatch.setattr(registry, "entry_points", find)
    registry.types.cache_clear()
    yield
    registry.types.cache_clear()


def test_only_what_is_a_middleware_under_its_own_name_is_there() -> None:
    custom = [view.key for view in registry.list_types() if view.is_custom]

    assert custom == ["breaking", "polite"]
    assert registry.find_type("cache") in registry.BUILTIN


async def test_custom_one_acts_and_is_told() -> None:
    model, asker = Model("Yes."), Asker(make("polite", words="Be quick."))

    await asker.ask(model, "Is it?")

    assert model.texts == ["Be quick.", "Is it?"]
    assert asker.acted == [("Polite", "before", "Asked for kindness.")]


def test_one_that_cannot_start_is_left_out_without_its_details() -> None:
    entry = Entry(
        id=UUID(int=1), type="breaking", priority=1, config={}, is_critical=False
    )

    chain = compile_chain("scripted/x", [entry], FakeMemory())

    assert (list(chain.middlewares), list(chain.left_out)) == (
        [],
        [("breaking", "RuntimeError.")],
    )
