"""The values that this process knows to be secrets: masked in what it logs and in what its runs say.

A log masks all of them. What a run says is masked by the installation's and by those of the people whose secrets it
may use: else a secret that is a plain word would be cut out of everybody's answers.
"""

import json
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import quote, urlsplit
from uuid import UUID

from pydantic import SecretStr

from app.backend.core.settings import Settings

MASK = "[redacted]"
LENGTH_MIN = 8  # a shorter value would be found in plain words
_OF_PEOPLE_MAX = 1_000
_PATTERNS_MAX = 100

# Whose secrets are masked; None are everybody's.
Owners = frozenset[UUID] | None


class KnownSecrets:
    """The installation's values, which are kept, and those of people, of which the newest are kept."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.version = 0
        self._installed: dict[str, None] = {}
        self._of_people: dict[UUID, dict[str, None]] = {}
        self._patterns: dict[Owners, re.Pattern[str] | None] = {}
        self.learn(values)

    def of(self, owners: Owners = None) -> Iterator[str]:
        """Yield the installation's values and those of the owners."""
        yield from tuple(self._installed)
        for owner_id, values in tuple(self._of_people.items()):
            if owners is None or owner_id in owners:
                yield from tuple(values)

    def learn(self, values: Iterable[str], owner_id: UUID | None = None) -> None:
        """Know more values from now on: of somebody, or of the installation."""
        known = self._installed
        if owner_id is not None:
            known = self._of_people.setdefault(owner_id, {})
        fresh = [
            value for value in values if len(value) >= LENGTH_MIN and value not in known
        ]
        if not fresh:
            return
        known.update(dict.fromkeys(fresh))
        # Who stores many secrets crowds out their own first.
        while sum(map(len, self._of_people.values())) > _OF_PEOPLE_MAX:
            most = max(self._of_people.values(), key=len)
            del most[next(iter(most))]
        self._patterns.clear()
        self.version += 1

    def mask(self, text: str, owners: Owners = None) -> str:
        """Return a text without the values, however JSON, Python or an address writes them."""
        if owners not in self._patterns:
            if len(self._patterns) >= _PATTERNS_MAX:
                self._patterns.clear()
            self._patterns[owners] = _pattern_of(self.of(owners))
        pattern = self._patterns[owners]
        return pattern.sub(MASK, text) if pattern is not None else text


_known = KnownSecrets()
_bound: ContextVar[set[UUID] | None] = ContextVar("masked_owners", default=None)


def known() -> KnownSecrets:
    """Return what this process knows."""
    return _known


@contextmanager
def bound(owners: Iterable[UUID]) -> Generator[None, None, None]:
    """Let what runs say in the block be masked by secrets of these people, and of others whose secrets it uses."""
    token = _bound.set(set(owners))
    try:
        yield
    finally:
        _bound.reset(token)


def bound_owners() -> Owners:
    """Return whose secrets are masked here; None outside of a run: everybody's."""
    owners = _bound.get()
    return None if owners is None else frozenset(owners)


def learn(value: str, owner_id: UUID) -> None:
    """Know a secret of somebody that is used here, such as the key of a shared provider, and mask it here too."""
    _known.learn([value], owner_id)
    owners = _bound.get()
    if owners is not None:
        owners.add(owner_id)


def mask_said(text: str) -> str:
    """Return what a run says without the secrets that it may know."""
    return _known.mask(text, bound_owners())


def secrets_of(settings: Settings) -> Iterator[str]:
    """Yield the secrets among the settings."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
    for issuer in settings.oidc_issuers:
        if issuer.client_secret is not None:
            yield issuer.client_secret.get_secret_value()
    yield from settings.master_keys
    for url in (
        settings.database_url,
        settings.migration_database_url,
        settings.redis_url,
    ):
        if password := urlsplit(url).password:
            yield password


def _pattern_of(values: Iterable[str]) -> re.Pattern[str] | None:
    forms = {form for value in values for form in _forms(value)}
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if forms else None


def _forms(value: str) -> set[str]:
    return {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        quote(value, safe=""),
    }
