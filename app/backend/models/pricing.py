"""Prices and context windows of well-known models, from the data that comes with genai-prices; nothing is fetched."""

from dataclasses import dataclass
from typing import Any

from app.backend.core import clock
from app.backend.models.chosen import Prices


@dataclass(frozen=True)
class KnownModel:
    """What the list says of a model."""

    context_window: int | None
    prices: Prices


def find_known(model: str, *, price_id: str = "") -> KnownModel | None:
    """Return what is known of a vendor's model; None when it is in no list. `price_id` is the vendor in the list.

    Without a vendor nothing is known: the same model costs something else elsewhere, and nothing on one's own machine.
    """
    if not price_id:
        return None
    # Its data take a while to read, and only forms and lists of offers want them.
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(model, None, price_id, None)
    except LookupError:
        return None
    price = found.get_prices(clock.now())
    return KnownModel(
        context_window=found.context_window,
        prices=Prices(
            _dollars(price.input_mtok),
            _dollars(price.output_mtok),
            _dollars(price.cache_read_mtok),
        ),
    )


def _dollars(price: Any) -> float | None:
    # Where longer prompts cost more, the list names a base.
    base = getattr(price, "base", price)
    return None if base is None else float(base)
