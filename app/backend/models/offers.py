"""What a provider offers, with what is known of each model, so that adding one asks for nothing."""

import re
from collections.abc import Collection
from math import inf

from app.backend.models.pricing import find_known
from app.backend.models.schemas import (
    CapabilitiesDraft,
    ModelKind,
    OfferedModel,
    ParametersDraft,
)
from app.backend.providers.base import ProviderModel
from app.backend.providers.handler import Handler, TypeInfo

# Models that think first and refuse a temperature, as their vendors' documentation says (November 2026).
_NO_TEMPERATURE = re.compile(
    r"(^|/)(o\d|gpt-5|claude-fable-5|claude-sonnet-5-5|claude-opus-(4-[789]|5))"
)
_EMBEDS = ("embed", "bge-", "minilm")


async def list_offers(
    handler: Handler, *, added: Collection[str] = ()
) -> list[OfferedModel]:
    """Return the models that a provider lists; those that are `added` say so.

    Raises:
        AppError: the service does not answer, or refuses.
    """
    listed = await handler.list_models()
    return [
        describe(handler.info, model, is_added=model.name in added) for model in listed
    ]


def describe(
    info: TypeInfo, model: ProviderModel, *, is_added: bool = False
) -> OfferedModel:
    """Return what is known of a model: what the service says, else what the list of prices does."""
    known = find_known(model.name, price_id=info.price_id)
    prices = known.prices if known else None
    is_embedding = model.is_embedding or any(
        word in model.name.lower() for word in _EMBEDS
    )
    context = model.context or (known.context_window if known else None)
    tools = model.can_call_tools
    # Services far away serve models that can; on one's own machine a test shows it.
    can_call_tools = not info.is_local if tools is None else tools
    return OfferedModel(
        name=model.name,
        kind=ModelKind.EMBEDDING if is_embedding else ModelKind.CHAT,
        capabilities=CapabilitiesDraft(
            tools=can_call_tools and not is_embedding,
            vision=bool(model.can_see),
            context_window=context,
        ),
        parameters=ParametersDraft(
            no_temperature=bool(_NO_TEMPERATURE.search(model.name.lower()))
        ),
        price_in=_first(model.price_in, prices and prices.tokens_in),
        price_out=_first(model.price_out, prices and prices.tokens_out),
        price_cached=_first(model.price_cached, prices and prices.tokens_cached),
        is_added=is_added,
    )


def cheapest(offers: Collection[OfferedModel], kind: ModelKind) -> str:
    """Return the model of a kind to try a provider with: the cheapest whose price is known, else the first."""
    fitting = [offer for offer in offers if offer.kind is kind]
    return min(fitting, key=_price_of).name if fitting else ""


def _price_of(offer: OfferedModel) -> float:
    # One that makes vectors writes nothing.
    is_chat = offer.kind is ModelKind.CHAT
    return (offer.price_out if is_chat else offer.price_in) or inf


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
