"""Real counterparts of the providers, all on the shipped model."""

import sys
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from app.backend.models.files import CHAT, ensure_default_models
from app.backend.providers.local_engine import LocalEngine
from tests.parts import Part, ask, free_port

CONTEXT = 512
KEY = "secret-of-the-tests"


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


@pytest.fixture(scope="session")
def llama_url(
    model_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A real OpenAI-compatible server."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    part = Part(
        [
            sys.executable,
            "-m",
            "tests.integration.providers.llama_server",
            str(model_path),
            str(port),
            KEY,
        ],
        log=tmp_path_factory.mktemp("llama") / "log",
        is_ready=lambda: ask(f"{url}/health").is_success,
    )
    yield part.start() and f"{url}/v1"
    part.stop()


@pytest.fixture(scope="session")
def ollama_url(
    llama_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server that speaks Ollama's protocol, with the same model behind it as `llama/smollm`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    part = Part(
        [
            str(Path(sys.executable).parent / "ollama-proxy"),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ],
        log=tmp_path_factory.mktemp("ollama") / "log",
        environment={
            "PROVIDERS_LLAMA_BASE_URL": llama_url,
            "PROVIDERS_LLAMA_API_KEY": KEY,
            "EXTRA_MODELS": "llama/smollm",
        },
        is_ready=lambda: ask(f"{url}/api/version").is_success,
    )
    yield part.start() and url
    part.stop()
