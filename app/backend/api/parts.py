"""The parts that the API works with; a process's Services has them all."""

from collections.abc import AsyncGenerator
from typing import Protocol
from uuid import UUID

from app.backend.agents.checkpoints import Checkpoints
from app.backend.core.crypto import Keyring
from app.backend.core.stored_events import RunEvent
from app.backend.identity.outside.bearer import IssuerKeys
from app.backend.identity.request_limits import RequestLimits
from app.backend.knowledge.parts import IngestParts
from app.backend.middleware.service import Renews
from app.backend.models.catalog import ModelCatalog
from app.backend.runs.packing import Batch
from app.backend.system.service import SystemWatch
from app.backend.tools.registry import ToolRegistry


class Feed(Protocol):
    """Follows the logs of runs."""

    def follow(
        self, run_id: UUID, after: int = 0
    ) -> AsyncGenerator[list[RunEvent], None]:
        """Yield what comes after `after`, batch by batch, until the run has ended."""
        ...

    def follow_batches(
        self, run_id: UUID, after: int = 0
    ) -> AsyncGenerator[list[Batch], None]:
        """Yield the same as it travels, for those who pass it on."""
        ...


class ApiParts(IngestParts, Protocol):
    """What the routes need."""

    @property
    def keyring(self) -> Keyring:
        """The installation's key."""
        ...

    @property
    def issuer_keys(self) -> IssuerKeys:
        """The public keys of the other issuer, if there is one."""
        ...

    @property
    def request_limits(self) -> RequestLimits:
        """Counts what people ask for."""
        ...

    @property
    def tools(self) -> ToolRegistry:
        """Tools that agents can use."""
        ...

    @property
    def models(self) -> ModelCatalog:
        """Models that agents can use."""
        ...

    @property
    def chains(self) -> Renews:
        """What stands before the models."""
        ...

    @property
    def checkpoints(self) -> Checkpoints:
        """Where graphs keep their states."""
        ...

    @property
    def watch(self) -> SystemWatch:
        """How the installation is."""
        ...

    @property
    def feed(self) -> Feed:
        """Live logs."""
        ...
