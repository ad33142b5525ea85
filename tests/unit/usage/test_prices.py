"""What a call costs, by where its model is, and how that reads."""

import pytest
from pydantic import SecretStr

from app.backend.models.chosen import ChosenModel, Prices
from app.backend.providers.adapters.openai import OpenAIProvider
from app.backend.providers.adapters.scripted import ScriptedProvider
from app.backend.usage.prices import LOCAL, Price, price_of
from app.backend.usage.schemas import RunCost
from app.backend.usage.words import cost_words, money


def _openai(url: str, model: str = "gpt-4o") -> ChosenModel:
    provider = OpenAIProvider(url, SecretStr("k"))
    return ChosenModel(f"openai/{model}", model, provider, "openai")


def test_tokens_from_the_cache_have_their_own_price() -> None:
    price = Price("x", tokens_in=2.5, tokens_out=10, tokens_cached=1.25)

    assert price.cost_micros(1000, 100) == 2500 + 1000
    assert price.cost_micros(1000, 100, tokens_cached=400) == 1500 + 500 + 1000


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("set 2.5/10/1.25", (2.5, 10, 1.25)),
        ("genai-prices 0.0.1 3/15/3", (3, 15, 3)),
        ("local", (0, 0, 0)),
    ],
)
def test_version_of_prices_says_what_they_are(
    version: str, numbers: tuple[float, float, float]
) -> None:
    price = Price.parse(version)

    assert price is not None
    assert (price.tokens_in, price.tokens_out, price.tokens_cached) == numbers
    assert Price.parse("") is Price.parse("elsewhere") is None


@pytest.mark.parametrize("number", ["nan", "inf", "-1", "1e300"])
def test_version_with_numbers_that_are_no_prices_names_none(number: str) -> None:
    assert Price.parse(f"x {number}/0/0") is None
    assert Price.parse(f"x 0/0/{number}") is None


def test_prices_of_a_row_count_before_all_others() -> None:
    provider = ScriptedProvider()
    chosen = ChosenModel("s/x", "x", provider, "id", prices=Prices(3.0, 15.0, None))

    price = price_of(chosen)

    assert price == Price("set 3/15/3", 3.0, 15.0, 3.0)


def test_model_on_ones_own_machine_costs_nothing() -> None:
    chosen = ChosenModel("scripted/x", "x", ScriptedProvider(), "scripted")

    assert price_of(chosen) == LOCAL
    assert LOCAL.cost_micros(1_000_000, 1_000_000) == 0


def test_price_of_the_list_counts_at_the_vendor_only() -> None:
    listed = price_of(_openai("https://api.openai.com/v1"))

    assert listed is not None
    assert listed.version.startswith("genai-prices ")
    assert 0 < listed.tokens_cached < listed.tokens_in < listed.tokens_out
    assert price_of(_openai("https://elsewhere.example/v1")) is None
    assert price_of(_openai("https://api.openai.com/v1", "of-my-own")) is None


@pytest.mark.parametrize(
    ("micros", "words"),
    [
        (0, "$0"),
        (99, "<$0.0001"),
        (100, "$0.0001"),
        (123_456, "$0.1235"),
        (1_000_000, "$1.00"),
        (1_234_567_891, "$1,234.57"),
    ],
)
def test_money_is_exact_enough_to_compare(micros: int, words: str) -> None:
    assert money(micros) == words


@pytest.mark.parametrize(
    ("calls", "unpriced", "estimated", "words"),
    [
        (2, 0, 0, "$0.5000"),
        (2, 0, 1, "$0.5000 (estimated)"),
        (2, 1, 0, "at least $0.5000"),
        (2, 2, 0, "unknown"),
    ],
)
def test_cost_says_how_certain_it_is(
    calls: int, unpriced: int, estimated: int, words: str
) -> None:
    cost = RunCost(
        calls=calls, cost_micros=500_000, unpriced=unpriced, estimated=estimated
    )

    assert cost_words(cost) == words
