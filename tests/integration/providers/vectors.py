"""A service that makes vectors, and the provider that leads to it."""

import threading
from typing import Any

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.models import service as models
from app.backend.models.schemas import Environment, ModelDraft
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft
from tests.fakes.knowledge import FakeEmbedder
from tests.integration.providers.services import Answer, Request

TOKENS = 7
# Dollars a million tokens: a thousandth of a dollar each.
PRICES = {"price_in": 1000.0, "price_out": 0.0}


class Embeddings:
    """A service that makes vectors of another size than the model on this machine, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.status = 200
        self.most: int | None = None
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._vectors = FakeEmbedder()

    def answer(self, body: Request) -> Answer:
        """Answer as OpenAI does."""
        self.asked.append(body)
        self.may_answer.wait(timeout=30)
        if self.status != 200:
            return Answer.of({"error": {"message": "No."}}, status=self.status)
        vectors = self._vectors.vectors(body["input"])
        data = [
            {"object": "embedding", "index": n, "embedding": vector}
            for n, vector in enumerate(vectors[: self.most])
        ]
        usage = {"prompt_tokens": TOKENS, "total_tokens": TOKENS}
        return Answer.of(
            {"object": "list", "data": data, "model": body["model"], "usage": usage}
        )


async def connect_vectors(
    parts: Services, actor: Actor, url: str, **fields: Any
) -> str:
    """Connect a provider with a model for vectors; returns the name of the model."""
    draft = {
        "type": "openai_compatible",
        "name": "house",
        "settings": {"base_url": url},
        "api_key": "key-of-the-vectors",
    }
    async with parts.db.transaction() as session:
        provider = await providers.create_provider(
            session, actor, draft=ProviderDraft.model_validate(draft), parts=parts
        )
        wanted = {"provider_id": provider.id, "name": "vectors", "kind": "embedding"}
        view = await models.add_model(
            session,
            actor,
            draft=ModelDraft.model_validate({**wanted, **PRICES, **fields}),
            environment=Environment.LAB,
        )
    return view.full_name
