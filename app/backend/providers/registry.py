"""The providers of this installation, by the first part of a model's name."""

from app.backend.core.settings import Settings
from app.backend.providers.adapters.gpt4all import LocalProvider
from app.backend.providers.adapters.ollama import OllamaProvider
from app.backend.providers.adapters.openai import OpenAIProvider
from app.backend.providers.adapters.scripted import ScriptedProvider
from app.backend.providers.base import Provider, ProviderModel


def make_providers(
    settings: Settings, *, runtime_token: str, local_model: ProviderModel
) -> dict[str, Provider]:
    """Return all providers; those that the settings say nothing about are there too, not configured."""
    providers: list[Provider] = [
        LocalProvider(
            url=settings.runtime_address, token=runtime_token, model=local_model
        ),
        OllamaProvider(settings.ollama_url, context=settings.ollama_context),
        OpenAIProvider(settings.openai_base_url, settings.openai_api_key),
        ScriptedProvider(),
    ]
    return {provider.name: provider for provider in providers}
