"""Which model goes on where a budget that is used up names none."""

from typing import Protocol
from uuid import UUID

from app.backend.core import acting
from app.backend.core.db import Database
from app.backend.core.settings import Settings
from app.backend.identity import service as identity
from app.backend.models import service as models
from app.backend.models.schemas import DefaultKind, Environment


class CheaperParts(Protocol):
    """What it takes to find it; a process's Services has it all."""

    @property
    def settings(self) -> Settings:
        """Which environment this is, and the model on this machine."""
        ...

    @property
    def db(self) -> Database:
        """The rows of models."""
        ...


async def find_cheaper(parts: CheaperParts, owner_id: UUID) -> str:
    """Return the cheap default of the owner of an agent, or else the model on this machine."""
    environment = Environment(parts.settings.environment)
    with acting.as_user(owner_id):
        async with parts.db.read() as session:
            owner = await identity.find_actor(session, owner_id)
            chosen = owner and await models.chosen_default(
                session, owner, environment=environment, kind=DefaultKind.CHEAP
            )
    return chosen or f"local/{parts.settings.local_model_name}"
