"""The company's LDAP directory: who somebody is by the name and password that they have there."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog

from app.backend.core.errors import ServiceUnavailable
from app.backend.core.settings import Settings
from app.backend.identity.outside.issuers import DIRECTORY
from app.backend.identity.outside.schemas import Outsider

logger = structlog.get_logger(__name__)

SECONDS = 20.0
# The library waits in threads; they are few and its own, so that a slow directory slows nothing else.
_THREADS = ThreadPoolExecutor(8, thread_name_prefix="directory")


class DirectoryAway(ServiceUnavailable):
    """The directory does not answer, or does not let us ask."""

    code = "DIRECTORY_AWAY"

    def __init__(self) -> None:
        super().__init__(
            "The directory of your organisation does not answer. Wait a moment and try again; if it stays, tell your administrator.",
            service=DIRECTORY,
        )


async def check(settings: Settings) -> None:
    """Raise DirectoryAway when the directory does not answer, or does not let us ask."""
    from app.backend.identity.outside import ldap_client

    try:
        await asyncio.to_thread(ldap_client.check, settings)
    except ldap_client.FAILURES as error:
        raise DirectoryAway from error


async def find(settings: Settings, *, login: str, password: str) -> Outsider | None:
    """Return whom the directory knows by this login and password, or None.

    Raises:
        DirectoryAway: it does not answer, or does not let us ask.
    """
    # To many directories a bind without a password is one as nobody, and goes well (RFC 4513 §5.1.2).
    if not login or not password:
        return None
    # Most installations have no directory, and need no library for it.
    from app.backend.identity.outside import ldap_client

    loop = asyncio.get_running_loop()
    asking = loop.run_in_executor(
        _THREADS, ldap_client.find_entry, settings, login, password
    )
    try:
        async with asyncio.timeout(SECONDS):
            entry = await asking
    except ldap_client.FAILURES as error:
        logger.warning("directory_away", error=repr(error))
        raise DirectoryAway from error
    if entry is None:
        return None
    return Outsider(
        provider=DIRECTORY,
        issuer=DIRECTORY,
        subject=entry.subject,
        email=entry.email,
        login=login,
        is_email_proved=True,
        name=entry.name,
        claims={"groups": [group.lower() for group in entry.groups]},
        roles={
            "groups": {dn.lower(): role for dn, role in settings.ldap_roles.items()}
        },
        may_sign_up=settings.ldap_sign_up,
        can_link=False,
    )
