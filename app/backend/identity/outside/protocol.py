"""OAuth 2.0 and OpenID Connect as Authlib speaks them; imported where somebody signs in this way, and not before."""

from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from app.backend.core import tls
from app.backend.identity.outside.attempts import Attempt
from app.backend.identity.outside.discovery import SECONDS, Discovery, Metadata
from app.backend.identity.outside.errors import IssuerAway, IssuerRefused
from app.backend.identity.outside.issuers import Issuer, Kind

# Signatures by the issuer's private key: without "none", and without HS256, whose key would be a public one (RFC 8725).
SIGNATURES = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)  # fmt: skip
_LEEWAY_SECONDS = 60


def authorization_url(
    issuer: Issuer, metadata: Metadata, attempt: Attempt, *, callback: str
) -> str:
    """Return where the browser goes to sign in, with state, nonce and an S256 challenge (RFC 6749 §4.1.1, RFC 7636)."""
    client = OAuth2Client(
        None,
        client_id=issuer.client_id,
        scope=issuer.scopes,
        redirect_uri=callback,
        code_challenge_method="S256",
    )
    nonce = {"nonce": attempt.nonce} if issuer.kind is Kind.OIDC else {}
    url, _ = client.create_authorization_url(
        metadata.authorization_endpoint,
        state=attempt.state,
        code_verifier=attempt.verifier,
        **nonce,
    )
    return url


async def fetch_token(
    issuer: Issuer, metadata: Metadata, attempt: Attempt, *, code: str, callback: str
) -> dict[str, Any]:
    """Give the code for a token (RFC 6749 §4.1.3), with the verifier that only this browser's attempt has.

    Raises:
        IssuerAway: it does not answer.
        IssuerRefused: it does not take the code, or gives no token.
    """
    secret = issuer.client_secret
    client = AsyncOAuth2Client(
        client_id=issuer.client_id,
        client_secret=secret.get_secret_value() if secret else None,
        token_endpoint_auth_method=_auth_method(issuer, metadata),
        redirect_uri=callback,
        verify=tls.trusted(),
        timeout=SECONDS,
    )
    try:
        async with client:
            token = await client.fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.verifier,
                redirect_uri=callback,
            )
    except AuthlibBaseError as error:
        raise IssuerRefused from error
    except (httpx2.HTTPError, ValueError) as error:
        raise IssuerAway(issuer.key) from error
    if not token.get("access_token"):
        raise IssuerRefused
    return token


async def read_id_token(
    issuer: Issuer, discovery: Discovery, token: dict[str, Any], *, nonce: str
) -> dict[str, Any]:
    """Return the claims of the ID token after all checks of OpenID Connect Core 1.0 §3.1.3.7.

    Raises:
        IssuerRefused: one of them fails.
    """
    metadata = await discovery.metadata(issuer)
    listed = metadata.id_token_signing_alg_values_supported
    registry = JWSRegistry(
        algorithms=[name for name in listed if name in SIGNATURES],
        strict_check_header=False,
    )
    text = str(token.get("id_token", ""))
    try:
        try:
            known = await discovery.keys(issuer)
            read = jwt.decode(text, KeySet.import_key_set(known), registry=registry)
        except InvalidKeyIdError:
            fresh = await discovery.keys(issuer, again=True)
            read = jwt.decode(text, KeySet.import_key_set(fresh), registry=registry)
        claims = CodeIDToken(
            read.claims,
            read.header,
            {
                "iss": {"essential": True, "value": issuer.issuer},
                "aud": {"essential": True, "value": issuer.client_id},
            },
            {
                "nonce": nonce,
                "client_id": issuer.client_id,
                "access_token": token["access_token"],
            },
        )
        claims.validate(leeway=_LEEWAY_SECONDS)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise IssuerRefused from error
    return dict(claims)


def _auth_method(issuer: Issuer, metadata: Metadata) -> str:
    if issuer.client_secret is None:
        return "none"
    known = metadata.token_endpoint_auth_methods_supported
    is_basic = "client_secret_basic" in known or "client_secret_post" not in known
    return "client_secret_basic" if is_basic else "client_secret_post"
