"""Which embedding model a collection begins with."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.core.errors import Invalid
from app.backend.knowledge import service as knowledge
from app.backend.knowledge.embeddings import Embedder, is_of_provider
from app.backend.models.catalog import ModelCatalog
from app.backend.models.schemas import ModelKind


class ChoiceParts(Protocol):
    """What there is to choose from; a process's Services has it all."""

    @property
    def embedder(self) -> Embedder:
        """The model on this machine."""
        ...

    @property
    def models(self) -> ModelCatalog:
        """Those of providers."""
        ...

    @property
    def db(self) -> Database:
        """What a collection has."""
        ...


async def choose_embedder(parts: ChoiceParts, actor: Actor, named: str = "") -> str:
    """Return the embedding model that is named, or where none is the default; call it before the transaction.

    Raises:
        Invalid: the name leads to no model that makes vectors.
    """
    name = named.strip()
    if not name:
        rows = parts.models.rows
        chosen = await rows.default_embedder(actor) if rows is not None else ""
        return chosen or parts.embedder.name
    await _check(parts, actor, name)
    return name


async def check_change(
    parts: ChoiceParts, actor: Actor, *, collection_id: UUID, named: str
) -> None:
    """Refuse another embedding model for a collection that makes no vectors; call it before the transaction.

    Raises:
        NotFound: there is no such collection for the actor.
        Invalid: the name leads to no such model.
    """
    name = named.strip()
    async with parts.db.read() as session:
        before = await knowledge.get_collection(
            session, actor, collection_id=collection_id
        )
    if name not in ("", before.embedding_model):
        await _check(parts, actor, name)


async def _check(parts: ChoiceParts, actor: Actor, name: str) -> None:
    if name == parts.embedder.name:
        return
    if not is_of_provider(name):
        message = f"{name!r} is not an embedding model. Write {parts.embedder.name}, or provider/model."
        raise Invalid.field("embedding_model", message)
    await parts.models.check_embedder(actor, name)


async def list_embedders(parts: ChoiceParts, actor: Actor) -> Sequence[str]:
    """Return the names of the embedding models that the actor may choose, that of this machine first."""
    rows = parts.models.rows
    found = await rows.list(actor, kind=ModelKind.EMBEDDING) if rows else []
    return [parts.embedder.name, *(view.name for view in found)]
