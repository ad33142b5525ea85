"""Whose password it is: the account's own, or the one that its person has in the directory."""

from sqlalchemy.exc import IntegrityError

from app.backend.api.parts import ApiParts
from app.backend.identity import sessions
from app.backend.identity.errors import WrongLogin
from app.backend.identity.outside import accounts, directory
from app.backend.identity.outside.schemas import Outsider
from app.backend.identity.schemas import Verified


async def check(parts: ApiParts, *, email: str, password: str) -> Verified:
    """Check a password; `email` may be a name of the directory.

    Raises:
        WrongLogin: nobody has it, here or there.
        DirectoryAway: it is nobody's here, and the directory does not answer.
        AccountSuspended, AccountInUse, EmailUnproved, NotInvited: who has it there, has no account here.
    """
    try:
        async with parts.db.read() as session:
            return await sessions.check_login(session, email=email, password=password)
    except WrongLogin:
        if not parts.settings.ldap_url:
            raise
    found = await directory.find(parts.settings, login=email.strip(), password=password)
    if found is None:
        raise WrongLogin
    try:
        return await _admit(parts, found)
    except IntegrityError:
        # A form that was sent twice: the other request has linked the login meanwhile.
        return await _admit(parts, found)


async def _admit(parts: ApiParts, found: Outsider) -> Verified:
    async with parts.db.transaction() as session:
        user = await accounts.admit(session, outsider=found, settings=parts.settings)
        return Verified(user_id=user.id, better_hash="")
