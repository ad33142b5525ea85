"""Text to vectors: what an embedder is, and the client of the one in the runtime."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

import numpy as np

from app.backend.core.errors import ServiceUnavailable
from app.backend.core.peer import PEER_ERRORS, NotThere, Peer
from app.backend.core.settings import Settings

Vector = list[float]

REQUEST_TEXTS_MAX = 64
_REQUEST_SECONDS_MAX = 120
DEFAULT_EMBEDDER = "minilm-int8"


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

    async def close(self) -> None:
        """Let go of threads and connections."""
        ...


class ProviderEmbedders(Protocol):
    """Turns texts into vectors with models of providers, which collections name as `provider/model`."""

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
            AppError: the model is not there, does not answer, or must not be paid.
        """
        ...


def is_of_provider(model: str) -> bool:
    """Tell whether an embedding model is one of a provider, and not the one that is in use here."""
    return "/" in model


class RuntimeEmbedder:
    """Asks the runtime's OpenAI-compatible `/v1/embeddings`."""

    def __init__(self, *, url: str, token: str, name: str) -> None:
        self.name = name
        self._runtime = Peer(
            url,
            headers={"Authorization": f"Bearer {token}"},
            seconds_max=_REQUEST_SECONDS_MAX,
        )

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector a text."""
        vectors: list[Vector] = []
        for first in range(0, len(texts), REQUEST_TEXTS_MAX):
            vectors += await self._ask(texts[first : first + REQUEST_TEXTS_MAX])
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._runtime.close()

    async def _ask(self, texts: Sequence[str]) -> list[Vector]:
        body = {"model": self.name, "input": list(texts), "encoding_format": "base64"}
        try:
            answer = await self._runtime.call("POST", "/v1/embeddings", body)
            found = sorted(answer["data"], key=lambda item: item["index"])
        except (*PEER_ERRORS, NotThere) as error:
            message = "The model runtime, which turns text into vectors, does not answer. `atelier doctor` shows what is wrong; then try again."
            raise ServiceUnavailable(
                message, service="runtime", retry_after=5
            ) from error
        return [decode_vector(item["embedding"]) for item in found]


def decode_vector(encoded: str | list[float]) -> Vector:
    """Return a vector that came as base64 of float32, or as plain numbers."""
    if isinstance(encoded, str):
        return np.frombuffer(base64.b64decode(encoded), dtype="<f4").tolist()
    return encoded


def encode_vector(vector: Vector) -> str:
    """Return a vector as base64 of float32: a sixth of the bytes of plain numbers."""
    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()


def embedder_name(setting: str) -> str:
    """Return the name of the embedder that the setting asks for."""
    return setting if setting == DEFAULT_EMBEDDER else Path(setting).name


def make_runtime_embedder(settings: Settings, *, token: str) -> RuntimeEmbedder:
    """Return the client of the runtime's embedder."""
    return RuntimeEmbedder(
        url=settings.runtime_address, token=token, name=embedder_name(settings.embedder)
    )
