"""Providers of rows as they are asked: each is opened once for a version of its row and a key, and shares connections."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from app.backend.core import clock
from app.backend.core.actor import Actor, Role
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database, Session
from app.backend.core.errors import Conflict
from app.backend.core.settings import Settings
from app.backend.identity.actors import actor_of
from app.backend.providers import repository
from app.backend.providers.handler import Connection, Form, Handler
from app.backend.providers.pools import Pools
from app.backend.providers.registry import find_type
from app.backend.providers.tables import ProviderRow
from app.backend.secrets import service as secrets

OPENED_MAX = 100
# A run asks for its key once; whatever is asked without a run sees a new key after so long.
KEY_SECONDS = 30.0
_MARK_LETTERS = 16


class ProviderOff(Conflict):
    """The provider is switched off, or its owner is gone."""


@dataclass(frozen=True)
class Facts:
    """What has to be known of a provider to open it."""

    row: ProviderRow
    owner: Actor


async def read_facts(
    session: Session, row: ProviderRow, *, needs_enabled: bool = True
) -> Facts:
    """Return what is needed to open a provider.

    Raises:
        ProviderOff: it is switched off, or its owner is suspended.
    """
    owner = await repository.find_owner(session, row)
    if needs_enabled and not row.is_enabled:
        message = f"The provider {row.name!r} is switched off. Switch it on under Models, or choose another model."
        raise ProviderOff(message)
    if owner is None or not owner.is_active:
        message = f"Whoever connected the provider {row.name!r} has no account any more. Choose another model."
        raise ProviderOff(message)
    return Facts(row, actor_of(owner))


def is_trusted(owner: Actor, settings: Settings) -> bool:
    """Tell whether a provider of this owner may be at an address of this machine and its network."""
    return settings.private_providers or owner.role is Role.ADMIN


def mark_of(key: SecretStr | None) -> str:
    """Return what tells a key from others, without telling it."""
    said = key.get_secret_value() if key else ""
    return hashlib.sha256(said.encode()).hexdigest()[:_MARK_LETTERS]


class Opener:
    """Opens providers and keeps them; a change of the row or of the key opens a new one."""

    def __init__(self, db: Database, settings: Settings, keyring: Keyring) -> None:
        self.settings = settings
        self.keyring = keyring
        self.pools = Pools()
        self._db = db
        self._opened: OrderedDict[tuple[Any, ...], Handler] = OrderedDict()
        self._keys: OrderedDict[tuple[Any, ...], tuple[float, SecretStr | None]] = (
            OrderedDict()
        )

    async def open(self, facts: Facts, *, run_id: UUID | None = None) -> Handler:
        """Return the provider, ready to be asked.

        Raises:
            PackageMissing: the library that it speaks through is not installed.
            AppError: its key cannot be read.
        """
        row = facts.row
        key = await self.read_key(facts, run_id)
        place = (row.id, row.version, facts.owner.role, mark_of(key))
        if place not in self._opened:
            self._opened[place] = self.connect(row, facts.owner, key)
            _trim(self._opened)
        return self._opened[place]

    def connect(self, row: ProviderRow, owner: Actor, key: SecretStr | None) -> Handler:
        """Return a provider that is not kept, such as one that is being tried out."""
        handler = find_type(row.type)
        handler.need_packages()
        form: Form = handler.info.form.model_validate(row.settings)
        return handler(
            Connection(
                name=row.name,
                label=row.label,
                settings=form,
                key=key,
                pools=self.pools,
                is_trusted=is_trusted(owner, self.settings),
            )
        )

    async def close(self) -> None:
        """Close the connections of all."""
        await self.pools.close()

    async def read_key(
        self, facts: Facts, run_id: UUID | None = None
    ) -> SecretStr | None:
        """Return the key of a provider; None where it has none.

        Raises:
            AppError: it cannot be read.
        """
        row = facts.row
        if not row.secret_ref:
            return None
        place = (row.id, row.version, row.secret_ref, run_id)
        found = self._keys.get(place)
        if found is not None and clock.monotonic() - found[0] < KEY_SECONDS:
            return found[1]
        async with self._db.transaction() as session:
            key = await secrets.resolve(
                session,
                facts.owner,
                row.secret_ref,
                parts=self,
                run_id=run_id,
            )
        self._keys[place] = (clock.monotonic(), key)
        _trim(self._keys)
        return key


def _trim(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > OPENED_MAX:
        kept.popitem(last=False)
