"""A model's name leads to a model, or to a sentence that says what to set."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from langchain_core.language_models import BaseChatModel

from app.backend.core import ids
from app.backend.core.actor import Actor, Role
from app.backend.core.errors import AppError, Invalid
from app.backend.models.catalog import ModelCatalog, make_catalog
from app.backend.providers.adapters.scripted import ScriptedProvider
from app.backend.providers.base import ChatOptions, ProviderModel
from app.backend.providers.errors import ModelMissing, ModelUnavailable
from tests.stack import settings_of

NOBODY = Actor(user_id=ids.new_id(), email="", role=Role.USER, permissions=frozenset())


class DownProvider:
    """A configured provider whose service does not answer."""

    name = "down"
    label = "Down"
    is_configured = True
    how_to_configure = ""

    async def list_models(self) -> Sequence[ProviderModel]:
        message = "It does not answer. Start it."
        raise ModelUnavailable(message, service="down")

    def check(self, model: str) -> None:
        pass

    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        raise NotImplementedError

    def window_of(self, model: str) -> int | None:
        return None

    async def close(self) -> None:
        pass


def make(tmp_path: Path, **settings: object) -> ModelCatalog:
    return make_catalog(settings_of(tmp_path, **settings), runtime_token="t")


async def test_list_without_settings_has_the_shipped_model_first_with_its_note(
    tmp_path: Path,
) -> None:
    first, *rest = await make(tmp_path).list()

    assert (first.name, first.is_default, first.context_window) == (
        "local/smollm2-135m",
        True,
        2048,
    )
    assert "small" in first.note
    assert {view.provider for view in rest} == {"scripted"}


async def test_list_with_a_service_that_is_down_says_so() -> None:
    catalog = ModelCatalog(
        {"down": DownProvider(), "scripted": ScriptedProvider()},
        default="scripted/echo",
    )

    views = await catalog.list()

    assert [view.note for view in views if not view.is_available] == [
        "It does not answer. Start it."
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gpt-4", "is not a model"),
        ("foo/bar", "is not a model"),
        ("ollama/", "is not a model"),
        ("ollama/llama3", "ATELIER_OLLAMA_URL"),
        ("openai/gpt-4o", "ATELIER_OPENAI_BASE_URL"),
    ],
)
def test_get_of_a_name_that_leads_nowhere_says_what_to_do(
    tmp_path: Path, name: str, says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        make(tmp_path).get(name)


def test_get_of_another_local_model_names_the_one_there(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="local/smollm2-135m"):
        make(tmp_path).get("local/other")


def test_get_follows_the_setting_for_a_gguf_file(tmp_path: Path) -> None:
    catalog = make(tmp_path, local_model_path=tmp_path / "Qwen3.gguf")

    assert catalog.get("local/qwen3") is not None
    with pytest.raises(AppError, match="local/qwen3"):
        catalog.get("local/smollm2-135m")


async def test_file_of_one_s_own_is_the_default(tmp_path: Path) -> None:
    first, *_ = await make(tmp_path, local_model_path=tmp_path / "Qwen3.gguf").list()

    assert (first.name, first.is_default) == ("local/qwen3", True)


def test_get_twice_gives_the_same_model(tmp_path: Path) -> None:
    catalog = make(tmp_path)

    assert catalog.get("scripted/echo", max_tokens=5) is catalog.get(
        "scripted/echo", max_tokens=5
    )
    assert catalog.get("scripted/echo", max_tokens=5) is not catalog.get(
        "scripted/echo", max_tokens=6
    )


async def test_context_window_is_known_for_the_local_model(tmp_path: Path) -> None:
    catalog = make(tmp_path, local_model_context=1024)

    assert await catalog.context_window(NOBODY, "local/smollm2-135m") == 1024
    assert await catalog.context_window(NOBODY, "scripted/echo") is None
