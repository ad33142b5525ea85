"""The providers that the settings describe, and the types of those that people connect."""

from collections.abc import Callable, Sequence

from app.backend.core.errors import Invalid
from app.backend.core.settings import Settings
from app.backend.providers.adapters.anthropic import AnthropicHandler
from app.backend.providers.adapters.azure import AzureHandler
from app.backend.providers.adapters.compatible import (
    CompatibleHandler,
    GoogleHandler,
    HuggingFaceHandler,
    LlamaCppHandler,
    LMStudioHandler,
    OpenAIHandler,
    OpenRouterHandler,
)
from app.backend.providers.adapters.custom import CustomHandler
from app.backend.providers.adapters.gpt4all import LocalProvider, RuntimeHandler
from app.backend.providers.adapters.mistral import MistralHandler
from app.backend.providers.adapters.ollama import OllamaHandler, OllamaProvider
from app.backend.providers.adapters.openai import OpenAIProvider
from app.backend.providers.adapters.scripted import ScriptedProvider
from app.backend.providers.adapters.scripted_handler import ScriptedHandler
from app.backend.providers.base import Provider, ProviderModel
from app.backend.providers.handler import Handler

_HANDLERS: tuple[type[Handler], ...] = (
    OpenAIHandler,
    AnthropicHandler,
    GoogleHandler,
    MistralHandler,
    OpenRouterHandler,
    AzureHandler,
    HuggingFaceHandler,
    OllamaHandler,
    LlamaCppHandler,
    LMStudioHandler,
    RuntimeHandler,
    CompatibleHandler,
    CustomHandler,
    ScriptedHandler,
)
TYPES: dict[str, type[Handler]] = {one.info.key: one for one in _HANDLERS}


def find_type(key: str) -> type[Handler]:
    """Return the handler of a type of provider.

    Raises:
        Invalid: there is no such type.
    """
    if key not in TYPES:
        message = f"{key!r} is no type of provider. Choose from {', '.join(TYPES)}."
        raise Invalid.field("type", message)
    return TYPES[key]


def make_providers(
    settings: Settings,
    *,
    runtime_token: str,
    local_model: ProviderModel,
    added: Callable[[], Sequence[ProviderModel]] = list[ProviderModel],
) -> dict[str, Provider]:
    """Return those of the settings; those that the settings say nothing about are there too, not configured."""
    providers: list[Provider] = [
        LocalProvider(
            url=settings.runtime_address,
            token=runtime_token,
            model=local_model,
            added=added,
        ),
        OllamaProvider(settings.ollama_url, context=settings.ollama_context),
        OpenAIProvider(settings.openai_base_url, settings.openai_api_key),
        ScriptedProvider(),
    ]
    return {provider.name: provider for provider in providers}
