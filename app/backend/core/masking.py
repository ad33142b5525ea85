"""The values that this process knows to be secrets: masked in what it logs and in what its runs say."""

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from app.backend.core.settings import Settings

MASK = "[redacted]"
LENGTH_MIN = 8  # a shorter value would be found in plain words
_KNOWN_MAX = 1_000


class KnownSecrets:
    """Values in the order in which they were learnt; the newest are kept."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.version = 0
        self._values: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None
        self.learn(values)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._values))

    def learn(self, values: Iterable[str]) -> None:
        """Know more values from now on."""
        fresh = [
            value
            for value in values
            if len(value) >= LENGTH_MIN and value not in self._values
        ]
        if not fresh:
            return
        for value in fresh:
            self._values[value] = None
        while len(self._values) > _KNOWN_MAX:
            del self._values[next(iter(self._values))]
        forms = {form for value in self._values for form in _forms(value)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        self.version += 1

    def mask(self, text: str) -> str:
        """Return a text without the values, however JSON, Python or an address writes them."""
        return self._pattern.sub(MASK, text) if self._pattern is not None else text


_known = KnownSecrets()


def known() -> KnownSecrets:
    """Return what this process knows."""
    return _known


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
    for url in (settings.database_url, settings.redis_url):
        if password := urlsplit(url).password:
            yield password


def _forms(value: str) -> set[str]:
    return {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        quote(value, safe=""),
    }
