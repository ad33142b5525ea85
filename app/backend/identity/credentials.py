"""The one parser of what callers show: the cookie of a login, an API key, or a token."""

from typing import Protocol

from app.backend.core.crypto import Keyring
from app.backend.core.db import Database
from app.backend.core.settings import Settings
from app.backend.identity import cookies, keys, second_factor, sessions, tokens
from app.backend.identity.schemas import Presented

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
    def db(self) -> Database:
        """The rows."""
        ...


async def find_by_bearer(parts: CredentialParts, text: str) -> Presented | None:
    """Return whom the text after `Authorization: Bearer` belongs to, as the rows say it now."""
    if text.count(".") != _DOTS_OF_JWT:
        async with parts.db.read() as session:
            return await keys.find_by_key(session, text)
    session_id = tokens.read(text, parts.keyring)
    if session_id is None:
        return None
    async with parts.db.read() as session:
        presented = await sessions.find_by_id(session, session_id)
    return presented and _as_demanded(presented, parts.settings)


async def find_by_cookies(parts: CredentialParts, header: str) -> Presented | None:
    """Return whose login a `Cookie` header carries, as the rows say it now."""
    token = cookies.token_from_cookies(header, parts.keyring)
    if token is None:
        return None
    async with parts.db.read() as session:
        presented = await sessions.find_by_session(session, token)
    return presented and _as_demanded(presented, parts.settings)


def _as_demanded(presented: Presented, settings: Settings) -> Presented:
    actor = presented.actor
    if not (presented.lacks_factor and second_factor.is_demanded(settings, actor.role)):
        return presented
    actor = actor.model_copy(update={"must_add_factor": True})
    return presented.model_copy(update={"actor": actor})
