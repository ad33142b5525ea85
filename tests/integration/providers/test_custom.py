"""Code of one's own: a package that announces a function is a type of provider."""

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.backend.core.errors import Invalid
from app.backend.providers.adapters.custom import CustomHandler
from app.backend.providers.base import ChatOptions
from app.backend.providers.handler import Connection
from app.backend.providers.pools import Pools

_CODE = """
from langchain_core.language_models import FakeListChatModel


def make(*, config, api_key, model, temperature, max_tokens):
    said = f"{config['greeting']} from {model} with {api_key} at {max_tokens}"
    return FakeListChatModel(responses=[said])
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package `house-models`."""
    facts = tmp_path / "house_models-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Name: house-models\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(
        "[atelier.providers]\nhouse = house_models:make\n"
    )
    (tmp_path / "house_models.py").write_text(_CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "house_models", raising=False)


def connect(entry_point: str) -> CustomHandler:
    form = CustomHandler.info.form.model_validate(
        {
            "entry_point": entry_point,
            "config": {"greeting": "Hello"},
            "models": ["small"],
        }
    )
    key = SecretStr("key-of-the-house")
    return CustomHandler(Connection("ours", "", form, key, Pools()))


@pytest.mark.usefixtures("package")
async def test_announced_function_makes_the_model() -> None:
    handler = connect("house")
    model = handler.make("small", ChatOptions(max_tokens=7))

    said = [chunk.text async for chunk in model.astream("Hi")]

    assert "".join(said) == "Hello from small with key-of-the-house at 7"
    assert [one.name for one in await handler.list_models()] == ["small"]


@pytest.mark.usefixtures("package")
async def test_unknown_entry_point_names_those_that_are_there() -> None:
    with pytest.raises(Invalid, match="Announced: house"):
        await connect("garage").list_models()
