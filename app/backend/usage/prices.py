"""What a call of a model costs."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version

from app.backend.models.chosen import ChosenModel, Prices
from app.backend.models.pricing import find_known
from app.backend.models.schemas import PRICE_MAX
from app.backend.providers.adapters.openai import OpenAIProvider
from app.backend.providers.handler import Handler

_FREE = frozenset({"local", "ollama", "scripted"})
_LIST = "genai-prices"
_NUMBERS = 3


@dataclass(frozen=True)
class Price:
    """The prices of a model, in dollars a million tokens, which is millionths of a dollar a token.

    `version` says where they are from and what they are: other prices are another version.
    """

    version: str
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    tokens_cached: float = 0.0

    @classmethod
    def parse(cls, version: str) -> "Price | None":
        """Return the prices that a version names; None where it names none."""
        if version == LOCAL.version:
            return LOCAL
        try:
            numbers = [float(number) for number in version.rsplit(" ")[-1].split("/")]
        except ValueError:
            return None
        # Others tell us versions too; what is no number is not within bounds either.
        is_price = all(0 <= number <= PRICE_MAX for number in numbers)
        return cls(version, *numbers) if is_price and len(numbers) == _NUMBERS else None

    def cost_micros(
        self, tokens_in: int, tokens_out: int, *, tokens_cached: int = 0
    ) -> int:
        """Return what a call costs, in millionths of a dollar; `tokens_cached` are part of `tokens_in`."""
        fresh = max(0, tokens_in - tokens_cached)
        return round(
            fresh * self.tokens_in
            + tokens_cached * self.tokens_cached
            + tokens_out * self.tokens_out
        )


LOCAL = Price("local")


def price_of(chosen: ChosenModel) -> Price | None:
    """Return the prices of a model; None where they are not known.

    What its row says counts first, then the list of well-known models; one on one's own machine costs nothing.
    """
    own = chosen.prices
    if own.tokens_in is not None and own.tokens_out is not None:
        return _priced("set", own)
    info = chosen.provider.info if isinstance(chosen.provider, Handler) else None
    if info.is_local if info else chosen.service in _FREE:
        return LOCAL
    return _listed(chosen.model, _vendor(chosen))


def _vendor(chosen: ChosenModel) -> str:
    match chosen.provider:
        case Handler(info=info):
            return info.price_id
        case OpenAIProvider(is_official=True):
            return "openai"
        case _:
            return ""


@lru_cache(maxsize=256)
def _listed(model: str, vendor: str) -> Price | None:
    known = find_known(model, price_id=vendor)
    return known and _priced(f"{_LIST} {version(_LIST)}", known.prices)


def _priced(source: str, prices: Prices) -> Price | None:
    if prices.tokens_in is None or prices.tokens_out is None:
        return None
    cached = prices.tokens_cached
    cached = prices.tokens_in if cached is None else cached
    numbers = (prices.tokens_in, prices.tokens_out, cached)
    named = "/".join(f"{number:g}" for number in numbers)
    return Price(f"{source} {named}", *numbers)
