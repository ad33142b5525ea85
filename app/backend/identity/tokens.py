"""Tokens of programs that sign in as a person: a short-lived JWT (RFC 7519, RFC 9068), and one that gets the next.

A JWT names a login's row, and counts only while that row does: it carries no rights, and can be taken back at once.
"""

from datetime import timedelta
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from app.backend.core import clock, ids
from app.backend.core.crypto import Keyring, hash_token
from app.backend.core.db import Session
from app.backend.identity import audit, repository, token_repository
from app.backend.identity.actors import actor_of
from app.backend.identity.audit import Action
from app.backend.identity.schemas import NewTokens
from app.backend.identity.tables import RefreshTokenRow

ACCESS_LIFE = timedelta(minutes=15)
AUDIENCE = "atelier-api"
# One algorithm, whatever a token says of itself (RFC 8725 §3.1); the type tells it from tokens of another use (§3.11).
ALGORITHM = "HS256"
TYPE = "at+jwt"
_PURPOSE = "access_token"
# So long a used token is known again.
_USED_KEPT = timedelta(days=1)


def issuer_of(keyring: Keyring) -> str:
    """Return what our tokens call the installation that they are from."""
    return f"atelier:{keyring.derive('installation').hex()[:8]}"


async def issue(
    session: Session, *, owner_id: UUID, session_id: UUID, keyring: Keyring
) -> NewTokens:
    """Return fresh tokens of a login."""
    refresh_token = ids.new_token()
    session.add(
        RefreshTokenRow(
            owner_id=owner_id,
            session_id=session_id,
            token_hash=hash_token(refresh_token),
        )
    )
    now = clock.now()
    claims = {
        "iss": issuer_of(keyring),
        "aud": AUDIENCE,
        "sub": str(owner_id),
        "sid": str(session_id),
        "jti": str(ids.new_id()),
        "iat": int(now.timestamp()),
        "exp": int((now + ACCESS_LIFE).timestamp()),
    }
    header = {"alg": ALGORITHM, "typ": TYPE}
    return NewTokens(
        access_token=jwt.encode(header, claims, _key(keyring), [ALGORITHM]),
        expires_in=int(ACCESS_LIFE.total_seconds()),
        refresh_token=refresh_token,
    )


async def refresh(
    session: Session, *, token: str, keyring: Keyring
) -> NewTokens | None:
    """Use up a refresh token for fresh tokens; None when it is unknown or its login is over.

    One that was used before ends its login (RFC 9700 §4.14.2): somebody else has it too.
    """
    now = clock.now()
    row = await token_repository.find_token(session, hash_token(token))
    found = row and await repository.find_living_session(session, row.session_id, now)
    if row is None or found is None:
        return None
    login, user = found
    if not await token_repository.use_token(session, row.id, now):
        login.revoked_at = now
        audit.record(
            session,
            actor_of(user),
            Action.REFRESH_TOKEN_REUSED,
            object_kind="session",
            object_id=login.id,
        )
        return None
    login.last_seen_at = now
    await token_repository.forget_used(session, login.id, now - _USED_KEPT)
    return await issue(session, owner_id=user.id, session_id=login.id, keyring=keyring)


def read(text: str, keyring: Keyring) -> UUID | None:
    """Return the login that a JWT of ours names; None when it is none, or over."""
    expected = jwt.JWTClaimsRegistry(
        now=lambda: int(clock.now().timestamp()),
        iss={"essential": True, "value": issuer_of(keyring)},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
        sid={"essential": True},
    )
    try:
        token = jwt.decode(text, _key(keyring), [ALGORITHM])
        expected.validate(token.claims)
        return UUID(token.claims["sid"]) if token.header.get("typ") == TYPE else None
    except (JoseError, ValueError, TypeError, AttributeError):
        return None


def _key(keyring: Keyring) -> OctKey:
    return OctKey.import_key(keyring.derive(_PURPOSE))
