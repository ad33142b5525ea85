"""Where an issuer's endpoints are and which keys it signs with, as it says itself; kept for an hour."""

import asyncio
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from app.backend.core import clock, tls
from app.backend.core.login_settings import PrivateUrl
from app.backend.identity.outside.errors import IssuerAway
from app.backend.identity.outside.issuers import Issuer, Kind

SECONDS = 10.0
_KEPT_SECONDS = 3600.0
_DOCUMENT = "/.well-known/openid-configuration"

T = TypeVar("T")


class Metadata(BaseModel):
    """What an issuer says about itself (OpenID Connect Discovery 1.0 §3, RFC 8414 §2)."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    authorization_endpoint: PrivateUrl
    token_endpoint: PrivateUrl
    jwks_uri: PrivateUrl | None = None
    userinfo_endpoint: PrivateUrl | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    authorization_response_iss_parameter_supported: bool = False


class Discovery:
    """Asks issuers about themselves; one for a process."""

    def __init__(self) -> None:
        self._metadata: dict[str, tuple[float, Metadata]] = {}
        self._keys: dict[str, tuple[float, Any]] = {}
        self._lock = asyncio.Lock()

    async def metadata(self, issuer: Issuer) -> Metadata:
        """Return the endpoints of an issuer.

        Raises:
            IssuerAway: it does not answer, or answers for another issuer.
        """
        if issuer.kind is not Kind.OIDC:
            return _of_settings(issuer)
        async with self._lock:
            known = _fresh(self._metadata, issuer.issuer)
            if known is None:
                known = await _ask_metadata(issuer)
                self._metadata[issuer.issuer] = (clock.monotonic(), known)
            return known

    async def keys(self, issuer: Issuer, *, again: bool = False) -> Any:
        """Return the keys of an issuer (RFC 7517 §5); `again` asks anew, for it may have changed them.

        Raises:
            IssuerAway: it does not answer.
        """
        metadata = await self.metadata(issuer)
        async with self._lock:
            known = _fresh(self._keys, issuer.issuer)
            if known is None or again:
                known = await fetch_json(metadata.jwks_uri or "", issuer)
                self._keys[issuer.issuer] = (clock.monotonic(), known)
            return known


async def fetch_json(url: str, issuer: Issuer, *, token: str = "") -> Any:
    """Return the JSON that an issuer has at `url`, for whoever the access token names.

    Raises:
        IssuerAway: it does not answer, or not with JSON.
    """
    headers = {"Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        async with httpx.AsyncClient(verify=tls.trusted(), timeout=SECONDS) as client:
            answer = await client.get(url, headers=headers)
            answer.raise_for_status()
            return answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise IssuerAway(issuer.key) from error


async def _ask_metadata(issuer: Issuer) -> Metadata:
    found = await fetch_json(f"{issuer.issuer.rstrip('/')}{_DOCUMENT}", issuer)
    try:
        metadata = Metadata.model_validate(found)
    except ValidationError as error:
        raise IssuerAway(issuer.key) from error
    # Or one issuer could speak for another (OpenID Connect Discovery 1.0 §4.3).
    if metadata.issuer != issuer.issuer:
        message = f"it calls itself {metadata.issuer!r}"
        raise IssuerAway(issuer.key) from ValueError(message)
    return metadata


def _of_settings(issuer: Issuer) -> Metadata:
    return Metadata(
        issuer=issuer.issuer,
        authorization_endpoint=issuer.authorization_endpoint,
        token_endpoint=issuer.token_endpoint,
        token_endpoint_auth_methods_supported=("client_secret_post",),
    )


def _fresh(known: dict[str, tuple[float, T]], key: str) -> T | None:
    at, value = known.get(key, (0.0, None))
    is_fresh = value is not None and clock.monotonic() - at < _KEPT_SECONDS
    return value if is_fresh else None
