"""A server of Ollama is found at a usual address, and fetches models."""

import pytest

from app.backend.core.errors import Invalid
from app.backend.providers.adapters import ollama
from app.backend.providers.errors import ModelMissing, ModelRefused
from app.backend.providers.pools import Pools
from tests.integration.providers import vendors
from tests.integration.providers.test_contract import connect, pools

__all__ = ["pools"]


async def test_model_is_fetched_with_progress(pools: Pools) -> None:
    with vendors.serving(vendors.ollama()) as url:
        handler = connect("ollama", url, pools)
        told = [one async for one in handler.pull("good")]

    assert [(one.status, one.percent) for one in told] == [
        ("pulling manifest", 0),
        ("pulling 8eeb52dfb3bb", 25),
        ("success", 0),
    ]


async def test_model_that_is_nowhere_is_explained(pools: Pools) -> None:
    with vendors.serving(vendors.ollama()) as url:
        handler = connect("ollama", url, pools)
        with pytest.raises((ModelMissing, ModelRefused), match="no model nowhere"):
            _ = [one async for one in handler.pull("nowhere")]


def test_other_services_fetch_nothing(pools: Pools) -> None:
    handler = connect("openai", "https://api.openai.com/v1", pools)

    with pytest.raises(Invalid, match="fetches no models"):
        handler.pull("gpt-4o")


async def test_server_is_found_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with vendors.serving(vendors.ollama()) as url:
        monkeypatch.setattr(ollama, "USUAL", ("http://127.0.0.1:1", url))
        assert await ollama.find_server() == url
    monkeypatch.setattr(ollama, "USUAL", ("http://127.0.0.1:1",))
    assert await ollama.find_server() == ""
