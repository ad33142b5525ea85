"""Tokens of another issuer, such as Supabase: their claims say who calls, after all checks of RFC 7519 and RFC 8725."""

import asyncio
from typing import Any

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, OctKey
from joserfc.jws import JWSRegistry

from app.backend.core import clock, tls
from app.backend.core.settings import Settings
from app.backend.identity.outside.schemas import Outsider

logger = structlog.get_logger(__name__)

PROVIDER = "token"
LEEWAY_SECONDS = 60
# What the issuer's public keys verify, and nothing that a public key could forge (RFC 8725 §2.1).
SIGNATURES = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)  # fmt: skip
_SHARED = frozenset({"HS256"})
_KEPT_SECONDS = 3600.0
# Whoever makes up key ids does not make us ask the issuer more often than this.
_ASK_AGAIN_SECONDS = 30.0
_SECONDS = 10.0


class IssuerKeys:
    """The public keys of the issuer (RFC 7517 §5), one for a process; kept for an hour, and while the issuer is away."""

    def __init__(self) -> None:
        self._keys: KeySet | None = None
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def get(
        self, url: str, *, older_than: float = _KEPT_SECONDS
    ) -> KeySet | None:
        """Return the keys, asked for anew when they are older than that; None when the issuer was never there."""
        async with self._lock:
            if clock.monotonic() - self._asked_at >= older_than:
                # Also when it fails: a dead issuer is not asked with each request.
                self._asked_at = clock.monotonic()
                self._keys = await _fetch(url) or self._keys
            return self._keys


async def read(text: str, settings: Settings, keys: IssuerKeys) -> Outsider | None:
    """Return whom a token of the issuer names; None when there is no such issuer, or it is not a token of it."""
    if not settings.jwt_issuer:
        return None
    try:
        claims = await _decode(text, settings, keys)
        _expected(settings).validate(claims)
        return _to_outsider(claims, settings)
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        logger.debug("token_refused", error=repr(error))
        return None


async def _decode(text: str, settings: Settings, keys: IssuerKeys) -> dict[str, Any]:
    if settings.jwt_secret is not None:
        shared = OctKey.import_key(settings.jwt_secret.get_secret_value())
        return jwt.decode(text, shared, registry=_registry(_SHARED)).claims
    url, registry = settings.jwt_jwks_url, _registry(SIGNATURES)
    try:
        return jwt.decode(text, await _known(keys, url), registry=registry).claims
    except InvalidKeyIdError:
        fresh = await _known(keys, url, older_than=_ASK_AGAIN_SECONDS)
        return jwt.decode(text, fresh, registry=registry).claims


async def _known(
    keys: IssuerKeys, url: str, *, older_than: float = _KEPT_SECONDS
) -> KeySet:
    found = await keys.get(url, older_than=older_than)
    if found is None:
        message = "The issuer's keys are not known."
        raise ValueError(message)
    return found


def _registry(algorithms: frozenset[str]) -> JWSRegistry:
    # Issuers add header fields of their own; `crit` is still minded.
    return JWSRegistry(algorithms=list(algorithms), strict_check_header=False)


def _expected(settings: Settings) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=lambda: int(clock.now().timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": settings.jwt_issuer},
        aud={"essential": True, "value": settings.jwt_audience},
        exp={"essential": True},
        sub={"essential": True},
    )


def _to_outsider(claims: dict[str, Any], settings: Settings) -> Outsider:
    is_proved = claims.get("email_verified") is True or settings.jwt_emails_proved
    return Outsider(
        provider=PROVIDER,
        issuer=settings.jwt_issuer,
        subject=claims["sub"],
        email=str(claims.get("email", "")),
        is_email_proved=is_proved,
        name=str(claims.get("name", "")),
        may_sign_up=True,
        can_link=False,
    )


async def _fetch(url: str) -> KeySet | None:
    try:
        async with httpx.AsyncClient(verify=tls.trusted(), timeout=_SECONDS) as client:
            answer = await client.get(url, headers={"Accept": "application/json"})
            answer.raise_for_status()
            return KeySet.import_key_set(answer.json())
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        JoseError,
        ValueError,
        KeyError,
        TypeError,
    ) as error:
        logger.warning("issuer_keys_not_read", error=repr(error))
        return None
