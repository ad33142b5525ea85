"""Turns texts into vectors with models of providers: each call counts on budgets and leaves a row, like any other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import numpy as np

from app.backend.agents.prompts import estimate_tokens
from app.backend.agents.said import Outcome
from app.backend.budgets.errors import (
    EmbeddingOverBudget,
    OwnerOverBudget,
    PriceUnknown,
)
from app.backend.budgets.spending import RunSpending, SpendingParts, spending_of
from app.backend.core import acting, clock, ids
from app.backend.core.actor import Actor
from app.backend.core.errors import AppError, ReadsOnly
from app.backend.core.run_events import UsageRecorded
from app.backend.core.spending import OverBudget, PlannedCall
from app.backend.core.to_end import to_end
from app.backend.identity import service as identity
from app.backend.knowledge.embeddings import REQUEST_TEXTS_MAX, Vector
from app.backend.models.catalog import ModelCatalog
from app.backend.models.chosen import OpenEmbedder
from app.backend.models.patience import Pause, patiently
from app.backend.providers.errors import VectorsMissing
from app.backend.usage.prices import price_of
from app.backend.usage.recording import Whose, record_call

# What stands in the place of an agent's name in the rows of usage.
NAME = "Documents"
_COMPLETED: Outcome = "completed"
_FAILED: Outcome = "failed"
_CUT: Outcome = "cut"
PAID = "To search here, a model is asked that this person pays for, and you only read what they have."


class EmbeddingParts(SpendingParts, Protocol):
    """What it takes; a process's Services has it all."""

    @property
    def models(self) -> ModelCatalog:
        """Opens models."""
        ...


@dataclass(frozen=True)
class ProviderEmbedders:
    """Models of providers that make vectors, for collections that name one."""

    parts: EmbeddingParts

    async def embed(
        self,
        owner_id: UUID,
        model: str,
        texts: Sequence[str],
        *,
        asker_id: UUID | None = None,
    ) -> list[Vector]:
        """Return one unit vector a text, asked and paid as the owner of the texts.

        `asker_id` is who reads why it failed, None where several people do: amounts of budgets are told to the owner alone.

        Raises:
            ReadsOnly: an administrator reads, and this would be paid by whom they read.
            EmbeddingOverBudget: a budget of the owner's is used up.
            AppError: the model is not there, does not answer, or cannot be paid.
        """
        if acting.current().is_reading:
            raise ReadsOnly(PAID)
        with acting.as_user(owner_id):
            async with self.parts.db.read() as session:
                owner = await identity.get_actor(session, owner_id)
            opened = await self.parts.models.open_embedder(owner, model)
            vectors: list[Vector] = []
            async with spending_of(self.parts, owner) as spending:
                for first in range(0, len(texts), REQUEST_TEXTS_MAX):
                    batch = texts[first : first + REQUEST_TEXTS_MAX]
                    call = _Call(self.parts, owner, opened, spending, batch)
                    try:
                        vectors += await call.make()
                    except (EmbeddingOverBudget, PriceUnknown):
                        if asker_id == owner_id:
                            raise
                        raise OwnerOverBudget(model) from None
        return vectors


@dataclass(frozen=True)
class _Call:
    """One question to a model that makes vectors."""

    parts: EmbeddingParts
    owner: Actor
    model: OpenEmbedder
    spending: RunSpending
    texts: Sequence[str]

    async def make(self) -> list[Vector]:
        """Return one unit vector a text, once the call is counted."""
        planned, began = self._plan(), clock.monotonic()
        try:
            await self.spending.reserve(planned)
        except OverBudget as over:
            raise EmbeddingOverBudget(over.reason) from None
        try:
            asked = patiently(self.model.may_ask_again, _tell_nobody)
            found = await asked(self.model.embed, self.texts)
        except VectorsMissing as error:
            await self._count(planned, _FAILED, began, tokens=error.tokens)
            raise
        except AppError:
            await self._count(planned, _FAILED, began, tokens=0)
            raise
        except BaseException:
            # Whoever stops waiting for the answer pays for it all the same.
            await to_end(self._count(planned, _CUT, began, tokens=None))
            raise
        await self._count(planned, _COMPLETED, began, tokens=found.tokens)
        return [_unit(vector) for vector in found.vectors]

    def _plan(self) -> PlannedCall:
        tokens = estimate_tokens("\n".join(self.texts))
        price = price_of(self.model.chosen)
        return PlannedCall(
            id=ids.new_id(),
            model=self.model.name,
            tokens_in=tokens,
            tokens_out=0,
            cost_micros=price.cost_micros(tokens, 0) if price else None,
        )

    async def _count(
        self,
        planned: PlannedCall,
        outcome: Outcome,
        began: float,
        *,
        tokens: int | None,
    ) -> None:
        """Insert its row; `tokens` are None where nobody told them."""
        price, seconds = price_of(self.model.chosen), clock.monotonic() - began
        is_told = tokens is not None
        tokens = tokens if is_told else planned.tokens_in
        used = UsageRecorded(
            call_id=planned.id,
            model=planned.model,
            tokens_in=tokens,
            tokens_out=0,
            window=self.model.chosen.context_window,
            first_token_milliseconds=round(seconds * 1000, 1),
            milliseconds=round(seconds * 1000, 1),
            price=price.version if price else "",
            cost_micros=price.cost_micros(tokens, 0) if price else None,
            is_estimated=not is_told,
            outcome=outcome,
        )
        whose = Whose(self.owner.user_id, None, NAME, root_id=None, root_agent_id=None)
        async with self.parts.db.transaction() as session:
            event = await record_call(session, used, whose=whose)
        await self.spending.settle([event])


def _unit(vector: Sequence[float]) -> Vector:
    plain = np.asarray(vector, dtype=np.float64)
    return (plain / max(float(np.linalg.norm(plain)), 1e-12)).tolist()


def _tell_nobody(_pause: Pause) -> None:
    """No log is told: a document shows its state, and a search is over soon."""
