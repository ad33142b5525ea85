"""What every type of provider is: a handler class with a form, whose instances are the providers that people connect."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from app.backend.core.errors import Invalid
from app.backend.core.texts import STORABLE
from app.backend.providers.base import ChatOptions, Embedded, ProviderModel
from app.backend.providers.errors import ModelRefused, PackageMissing
from app.backend.providers.pools import Pools

NO_KEY = SecretStr("none")


class KeyNeed(StrEnum):
    """Whether a service asks for a key."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Form(BaseModel):
    """Settings of a provider; its JSON schema is what forms are drawn from."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def _check_url(text: str) -> str:
    url = text.strip().rstrip("/")
    message = f"{text!r} is no address of a service; write one such as https://api.example.org/v1"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(message) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(message)
    if parts.username or parts.password:
        reason = "A name or password does not belong into an address; write the key in its own field"
        raise ValueError(reason)
    return url


Url = Annotated[
    str,
    Field(max_length=500, json_schema_extra={"format": "uri"}),
    STORABLE,
    AfterValidator(_check_url),
]


@dataclass(frozen=True)
class TypeInfo:
    """What is said of a type of provider: its tile, its form, what it needs.

    `modules` are the libraries it speaks through, by the package that has them. `price_id` is its name in the list of
    prices, and `hosts` are what a firewall has to let through.
    """

    key: str
    label: str
    about: str
    form: type[Form]
    key_need: KeyNeed = KeyNeed.REQUIRED
    key_hint: str = ""
    icon: str = "cloud"
    modules: tuple[tuple[str, str], ...] = ()
    price_id: str = ""
    hosts: tuple[str, ...] = ()
    is_local: bool = False
    can_pull: bool = False
    is_for_admins: bool = False


@dataclass(frozen=True)
class Connection:
    """One provider: its name, checked settings and key, and the connections that it may use.

    `is_trusted` says that an administrator wrote its address, which may then be one of this machine or network.
    """

    name: str
    label: str
    settings: Any
    key: SecretStr | None
    pools: Pools
    is_trusted: bool = False

    @property
    def remedy(self) -> str:
        """Where its key is corrected."""
        return f"Correct the key of the provider {self.name!r} under Models."


class PullProgress(BaseModel):
    """What a service does to get a model, and how many bytes of it are there."""

    model_config = ConfigDict(frozen=True)

    status: str
    completed: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        """How much is there."""
        return 100 * self.completed // self.total if self.total else 0


class Handler(ABC):
    """A provider of one type; it holds no state between requests."""

    info: ClassVar[TypeInfo]
    chat_module: ClassVar[str] = ""
    is_configured = True
    how_to_configure = ""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.name = connection.name
        self.label = connection.label or self.info.label

    @property
    def address(self) -> str:
        """The URL of the service; empty when there is none to connect to."""
        return str(getattr(self.connection.settings, "base_url", ""))

    @property
    def key(self) -> SecretStr:
        """The key, or a word where the service needs none: an empty one would let libraries look for another."""
        return self.connection.key or NO_KEY

    @abstractmethod
    async def list_models(self) -> Sequence[ProviderModel]:
        """Return the models that the service lists; empty where it cannot.

        Raises:
            AppError: the service does not answer, or refuses.
        """

    @abstractmethod
    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        """Return the model of this name."""

    async def embed(self, model: str, texts: Sequence[str]) -> Embedded:  # noqa: ARG002 - for those that can
        """Return the texts as vectors.

        Raises:
            ModelRefused: this type of provider makes none.
            AppError: the service does not answer, or refuses.
        """
        message = f"{self.info.label} makes no vectors here. Choose an embedding model of another provider, not {model!r}."
        raise ModelRefused(message)

    @property
    def can_embed(self) -> bool:
        """Whether this type of provider makes vectors."""
        return type(self).embed is not Handler.embed

    async def check_key(self) -> bool:
        """Tell whether the key was checked, with a question that costs nothing.

        Raises:
            AppError: the service does not accept it.
        """
        await self.list_models()
        return True

    def pull(self, model: str) -> AsyncIterator[PullProgress]:
        """Fetch a model to the service, and tell how far it is.

        Raises:
            Invalid: this type of provider fetches none.
        """
        message = f"{self.info.label} fetches no models. Choose one that it lists, not {model!r}."
        raise Invalid.field("model_name", message)

    def check(self, model: str) -> None:
        """Any name may be one of the service's."""
        del model

    def window_of(self, model: str) -> int | None:  # noqa: ARG002 - the row of a model says it
        """Few services tell."""
        return None

    async def close(self) -> None:
        """Nothing: the connections belong to the process."""
        return

    @classmethod
    def missing_package(cls) -> str:
        """Return the package that is not installed here; empty when nothing is missing."""
        return next(
            (package for module, package in cls.info.modules if not _is_there(module)),
            "",
        )

    @classmethod
    def preload(cls) -> None:
        """Import what it speaks through ahead of the first question, when it is installed."""
        if cls.chat_module and not cls.missing_package():
            import_module(f"app.backend.providers.adapters.{cls.chat_module}")

    @classmethod
    def need_packages(cls) -> None:
        """Raise PackageMissing when a library that it speaks through is not installed."""
        missing = cls.missing_package()
        if missing:
            raise PackageMissing.of(cls.info.label, missing)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
