"""The local engine on the shipped model."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from app.backend.models.files import CHAT, ensure_default_models
from app.backend.providers.local_engine import LocalEngine

CONTEXT = 512


@pytest.fixture(scope="session")
def model_path() -> Path:
    return ensure_default_models(
        Path.home() / ".cache" / "atelier" / "models", wanted=[CHAT]
    ).chat


@pytest.fixture
async def engine(model_path: Path) -> AsyncGenerator[LocalEngine, None]:
    made = LocalEngine(model_path, context=CONTEXT, threads=1, idle_seconds=30)
    yield made
    await made.close()
