"""Which models go on where a budget is used up."""

from typing import Protocol
from uuid import UUID

from app.backend.budgets.caps import Cap
from app.backend.core import acting
from app.backend.core.db import Database
from app.backend.core.settings import Settings
from app.backend.identity import service as identity
from app.backend.models import service as models
from app.backend.models.schemas import DefaultKind, Environment


class CheaperParts(Protocol):
    """What it takes to find them; a process's Services has it all."""

    @property
    def settings(self) -> Settings:
        """Which environment this is, and the model on this machine."""
        ...

    @property
    def db(self) -> Database:
        """The rows of models."""
        ...


async def list_cheaper(parts: CheaperParts, cap: Cap, owner_id: UUID) -> list[str]:
    """Return the models that a budget allows when it is used up, for an agent of an owner: the one that is meant first.

    Where it names none, that is the cheap default, and then the model on this machine. Who is limited by others does not
    choose it for them: there it is the cheap default for everybody.
    """
    if cap.cheaper_model:
        return [cap.cheaper_model]
    with acting.as_user(owner_id):
        async with parts.db.read() as session:
            owner = await identity.find_actor(session, owner_id)
            chosen = owner and await models.chosen_default(
                session,
                owner,
                environment=Environment(parts.settings.environment),
                kind=DefaultKind.CHEAP,
                is_shared=cap.is_set_by_others,
            )
    local = f"local/{parts.settings.local_model_name}"
    return [chosen, local] if chosen else [local]
