"""A login elsewhere from its beginning to the word of the service: the authorization code flow with PKCE."""

from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis

from app.backend.identity.outside import attempts, profiles
from app.backend.identity.outside.attempts import Attempt
from app.backend.identity.outside.discovery import Discovery, Metadata, fetch_json
from app.backend.identity.outside.errors import AttemptInvalid, IssuerRefused
from app.backend.identity.outside.issuers import Issuer, Kind
from app.backend.identity.outside.roles import has_claims
from app.backend.identity.outside.schemas import Outsider

logger = structlog.get_logger(__name__)


async def where_to(
    issuer: Issuer, discovery: Discovery, attempt: Attempt, *, callback: str
) -> str:
    """Return the address at the service where the browser signs in.

    Raises:
        IssuerAway: the service does not answer.
    """
    # Most installations and processes never need these libraries.
    from app.backend.identity.outside import protocol

    metadata = await discovery.metadata(issuer)
    return protocol.authorization_url(issuer, metadata, attempt, callback=callback)


async def who_came(
    issuer: Issuer,
    discovery: Discovery,
    attempt: Attempt,
    answer: Mapping[str, str],
    *,
    redis: Redis,
    callback: str,
) -> Outsider:
    """Return whom the service names, from the query with which the browser comes back (RFC 6749 §4.1.2).

    Raises:
        AttemptInvalid: the query belongs to another attempt, or this one was used before.
        IssuerRefused: the service said no, or what it says cannot be believed.
        IssuerAway: the service does not answer.
    """
    from app.backend.identity.outside import protocol

    if attempt.provider != issuer.key or answer.get("state") != attempt.state:
        raise AttemptInvalid
    await attempts.use_up(redis, attempt)
    metadata = await discovery.metadata(issuer)
    _check_issuer(metadata, answer)
    if "error" in answer or not answer.get("code"):
        logger.warning(
            "outside_login_denied", provider=issuer.key, error=answer.get("error", "")
        )
        raise IssuerRefused
    token = await protocol.fetch_token(
        issuer, metadata, attempt, code=answer["code"], callback=callback
    )
    if issuer.kind is not Kind.OIDC:
        return await profiles.fetch_profile(issuer, token["access_token"])
    claims = await protocol.read_id_token(issuer, discovery, token, nonce=attempt.nonce)
    claims = await _with_userinfo(issuer, metadata, claims, token["access_token"])
    return _outsider(issuer, claims)


def _check_issuer(metadata: Metadata, answer: Mapping[str, str]) -> None:
    # Against mixing up two services (RFC 9207 §2.4): who says a name must say the right one, and who should, must.
    said = answer.get("iss")
    is_missing = (
        said is None and metadata.authorization_response_iss_parameter_supported
    )
    if is_missing or said not in (None, metadata.issuer):
        logger.warning("outside_login_of_another_issuer", said=said)
        raise IssuerRefused


async def _with_userinfo(
    issuer: Issuer, metadata: Metadata, claims: dict[str, Any], token: str
) -> dict[str, Any]:
    is_complete = "email" in claims and has_claims(claims, issuer.roles)
    if is_complete or metadata.userinfo_endpoint is None:
        return claims
    more = await fetch_json(metadata.userinfo_endpoint, issuer, token=token)
    # It may be about somebody else (OpenID Connect Core 1.0 §5.3.2).
    if not isinstance(more, dict) or more.get("sub") != claims["sub"]:
        raise IssuerRefused
    return {**more, **claims}


def _outsider(issuer: Issuer, claims: dict[str, Any]) -> Outsider:
    is_proved = claims.get("email_verified") in (True, "true") or issuer.trust_email
    try:
        return Outsider(
            provider=issuer.key,
            issuer=issuer.issuer,
            subject=claims["sub"],
            email=claims.get("email") or "",
            is_email_proved=is_proved,
            name=claims.get("name") or claims.get("preferred_username") or "",
            claims=claims,
            roles=issuer.roles,
            may_sign_up=issuer.sign_up,
        )
    except ValidationError as error:
        raise IssuerRefused from error
