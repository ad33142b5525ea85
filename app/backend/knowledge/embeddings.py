"""Text to vectors."""

from collections.abc import Sequence
from typing import Protocol

Vector = list[float]


class Embedder(Protocol):
    """Turns texts into unit vectors of one model."""

    @property
    def name(self) -> str:
        """Name that is stored with a collection, so that vectors of two models never mix."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector a text.

        Raises:
            ServiceUnavailable: the process that holds the model does not answer.
        """
        ...
