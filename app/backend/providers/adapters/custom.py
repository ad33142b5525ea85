"""Providers of your own: a Python package that is installed beside Atelier announces a function that makes models."""

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar

from langchain_core.language_models import BaseChatModel
from pydantic import Field
from typing_extensions import override

from app.backend.core.errors import Invalid
from app.backend.core.texts import Text
from app.backend.providers.base import ChatOptions, ProviderModel
from app.backend.providers.handler import Form, Handler, KeyNeed, TypeInfo

GROUP = "atelier.providers"
# Its keyword arguments: config, api_key, model, temperature and max_tokens.
Make = Callable[..., BaseChatModel]


class CustomForm(Form):
    """Which entry point makes the models, and what it is told."""

    entry_point: Text = Field(
        title="Entry point",
        description=f"Its name in the group {GROUP!r} of a package that is installed here.",
        min_length=1,
        max_length=100,
    )
    config: dict[str, Any] = Field(
        default_factory=dict,
        title="Settings",
        description="JSON that the entry point is given.",
    )
    models: list[Text] = Field(
        default_factory=list[str],
        title="Models",
        description="Names that it knows, one a line.",
        max_length=200,
    )


class CustomHandler(Handler):
    """A provider that the operator's own code makes; since that code runs here, only administrators connect one."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="custom",
        label="Custom",
        about="Your own code: a Python entry point that returns a LangChain chat model.",
        form=CustomForm,
        key_need=KeyNeed.OPTIONAL,
        icon="code",
        is_for_admins=True,
    )

    @override
    async def list_models(self) -> Sequence[ProviderModel]:
        self._find()
        return [ProviderModel(name) for name in self.connection.settings.models]

    @override
    async def check_key(self) -> bool:
        return False

    @override
    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        key = self.connection.key
        make: Make = self._find().load()
        return make(
            config=self.connection.settings.config,
            api_key=key.get_secret_value() if key else None,
            model=model,
            temperature=options.temperature,
            max_tokens=options.max_tokens,
        )

    def _find(self) -> EntryPoint:
        name = self.connection.settings.entry_point
        known = entry_points(group=GROUP)
        if name not in known.names:
            there = ", ".join(sorted(known.names)) or "none"
            message = f"No package here announces {name!r} in {GROUP!r}. Announced: {there}. Install the package, and start Atelier again."
            raise Invalid.field("entry_point", message)
        return known[name]
