"""What is known of a model before anybody has said anything."""

import pytest

from app.backend.models.offers import cheapest, describe
from app.backend.models.pricing import find_known
from app.backend.models.schemas import ModelKind, OfferedModel
from app.backend.providers.base import ProviderModel
from app.backend.providers.registry import TYPES


def offer(key: str, name: str, **said: object) -> OfferedModel:
    return describe(TYPES[key].info, ProviderModel(name, **said))  # pyright: ignore[reportArgumentType]


def test_well_known_model_has_its_window_and_prices() -> None:
    known = offer("openai", "gpt-4o")

    assert known.capabilities.context_window == 128_000
    assert (known.price_in, known.price_out) == (2.5, 10.0)
    assert known.capabilities.tools


def test_what_the_service_says_wins() -> None:
    said = offer("openai", "gpt-4o", context=5000, price_in=1.0, can_call_tools=False)

    assert (said.capabilities.context_window, said.price_in) == (5000, 1.0)
    assert not said.capabilities.tools


def test_model_on_one_s_own_machine_has_no_price_and_no_tools_yet() -> None:
    mine = offer("ollama", "gpt-4o")

    assert (mine.price_in, mine.capabilities.tools) == (None, False)
    assert find_known("gpt-4o") is None


@pytest.mark.parametrize(
    ("name", "is_left_out"),
    [("gpt-4o", False), ("gpt-5-mini", True), ("o3", True), ("openai/gpt-5", True)],
)
def test_temperature_is_left_out_for_models_that_refuse_it(
    name: str, is_left_out: bool
) -> None:
    assert offer("openai", name).parameters.no_temperature is is_left_out


def test_embedding_model_is_told_by_its_name() -> None:
    assert offer("openai", "text-embedding-3-small").kind is ModelKind.EMBEDDING


def test_cheapest_model_of_a_kind_is_tried() -> None:
    names = ("text-embedding-3-large", "gpt-4o", "gpt-4o-mini", "unknown")
    offers = [offer("openai", name) for name in (*names, "text-embedding-3-small")]

    assert cheapest(offers, ModelKind.CHAT) == "gpt-4o-mini"
    assert cheapest(offers, ModelKind.EMBEDDING) == "text-embedding-3-small"
    assert cheapest(offers[:1], ModelKind.CHAT) == ""
    assert cheapest([offer("ollama", "llama3")], ModelKind.CHAT) == "llama3"
