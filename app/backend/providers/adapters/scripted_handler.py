"""Scripts as a provider of one's own, for trying out what only connected providers have: rows, defaults, budgets."""

from collections.abc import Sequence
from typing import ClassVar

from langchain_core.language_models import BaseChatModel
from typing_extensions import override

from app.backend.providers.adapters.scripted import ScriptedProvider
from app.backend.providers.base import ChatOptions, ProviderModel
from app.backend.providers.handler import Connection, Form, Handler, KeyNeed, TypeInfo


class ScriptedForm(Form):
    """Scripts need nothing."""


class ScriptedHandler(Handler):
    """Plays scripts, without a language model."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="scripted",
        label="Scripted",
        about="Plays a script, without a language model: for trying things out.",
        form=ScriptedForm,
        key_need=KeyNeed.NONE,
        icon="clapperboard",
        is_local=True,
    )

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._scripts = ScriptedProvider()

    @override
    async def list_models(self) -> Sequence[ProviderModel]:
        return await self._scripts.list_models()

    @override
    def check(self, model: str) -> None:
        self._scripts.check(model)

    @override
    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        return self._scripts.make(model, options)
