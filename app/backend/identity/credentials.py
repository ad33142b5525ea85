"""The one parser of what callers show: the cookie of a login, an API key, a token of ours or of another issuer."""

from typing import Protocol

from sqlalchemy.exc import IntegrityError

from app.backend.core import acting, clock
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database
from app.backend.core.settings import Settings
from app.backend.identity import (
    cookies,
    keys,
    reading,
    second_factor,
    sessions,
    tokens,
)
from app.backend.identity.actors import actor_of
from app.backend.identity.outside import accounts, bearer, repository
from app.backend.identity.outside.bearer import IssuerKeys
from app.backend.identity.outside.schemas import Outsider
from app.backend.identity.schemas import Presented
from app.backend.identity.tables import UserRow

# API keys have none.
_DOTS_OF_JWT = 2


class CredentialParts(Protocol):
    """What is needed to know a caller."""

    @property
    def settings(self) -> Settings:
        """The settings."""
        ...

    @property
    def keyring(self) -> Keyring:
        """The installation's key."""
        ...

    @property
    def issuer_keys(self) -> IssuerKeys:
        """The public keys of the other issuer, if there is one."""
        ...

    @property
    def db(self) -> Database:
        """The rows."""
        ...


async def find_by_bearer(parts: CredentialParts, text: str) -> Presented | None:
    """Return whom the text after `Authorization: Bearer` belongs to, as the rows say it now.

    Raises:
        AppError: it is a token of another issuer, for whose person there can be no account; see `outside.accounts.admit`.
    """
    with acting.as_gate():
        if text.count(".") != _DOTS_OF_JWT:
            async with parts.db.read() as session:
                return await keys.find_by_key(session, text)
        session_id = tokens.read(text, parts.keyring)
        if session_id is None:
            return await _find_outsider(parts, text)
        async with parts.db.read() as session:
            presented = await sessions.find_by_id(session, session_id)
        return presented and _as_demanded(presented, parts.settings)


async def find_by_cookies(parts: CredentialParts, header: str) -> Presented | None:
    """Return whose login a `Cookie` header carries, as the rows say it now."""
    token = cookies.token_from_cookies(header, parts.keyring)
    if token is None:
        return None
    with acting.as_gate():
        async with parts.db.read() as session:
            presented = await sessions.find_by_session(session, token)
    if presented is None:
        return None
    presented = _as_demanded(presented, parts.settings)
    return reading.seen_by(presented, parts.settings)


async def _find_outsider(parts: CredentialParts, text: str) -> Presented | None:
    outsider = await bearer.read(text, parts.settings, parts.issuer_keys)
    if outsider is None:
        return None
    user = await _find_linked(parts, outsider) or await _admit(parts, outsider)
    # No row is noted as used: the token is the other issuer's.
    return (
        Presented(actor=actor_of(user), used_at=clock.now()) if user.is_active else None
    )


async def _find_linked(parts: CredentialParts, outsider: Outsider) -> UserRow | None:
    async with parts.db.read() as session:
        found = await repository.find_owner(
            session, issuer=outsider.issuer, subject=outsider.subject
        )
    return found[1] if found else None


async def _admit(parts: CredentialParts, outsider: Outsider) -> UserRow:
    try:
        async with parts.db.transaction() as session:
            return await accounts.admit(
                session, outsider=outsider, settings=parts.settings
            )
    except IntegrityError:
        # Their first requests come at once, and another one was quicker.
        user = await _find_linked(parts, outsider)
        if user is None:
            raise
        return user


def _as_demanded(presented: Presented, settings: Settings) -> Presented:
    actor = presented.actor
    if not (presented.lacks_factor and second_factor.is_demanded(settings, actor.role)):
        return presented
    actor = actor.model_copy(update={"must_add_factor": True})
    return presented.model_copy(update={"actor": actor})
