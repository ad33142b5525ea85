"""Models with a price, which play scripts: money in tests."""

from typing import Any

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.models import service as models
from app.backend.models.schemas import Environment, ModelDraft
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft

PROVIDER = "priced"
# Dollars a million tokens: a token read costs a thousandth of a dollar.
PRICE_IN, PRICE_OUT = 1000.0, 2000.0


async def add_priced(
    services: Services, actor: Actor, *scripts: str, **fields: Any
) -> list[str]:
    """Add scripts as models with a price to a provider of the actor's; return what agents call them."""
    priced = {"price_in": PRICE_IN, "price_out": PRICE_OUT, **fields}
    draft = ProviderDraft.model_validate({"type": "scripted", "name": PROVIDER})
    async with services.db.transaction() as session:
        provider = await providers.create_provider(
            session, actor, draft=draft, parts=services
        )
        views = [
            await models.add_model(
                session,
                actor,
                draft=ModelDraft.model_validate(
                    {"provider_id": provider.id, "name": script, **priced}
                ),
                environment=Environment.LAB,
            )
            for script in scripts
        ]
    return [view.full_name for view in views]
