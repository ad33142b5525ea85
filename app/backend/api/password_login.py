"""Whose password it is: the account's own, or the one that its person has in the directory."""

import asyncio

from sqlalchemy.exc import IntegrityError

from app.backend.api.parts import ApiParts
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.errors import Invalid
from app.backend.identity import passwords, sessions
from app.backend.identity.actors import need_user
from app.backend.identity.errors import WrongLogin
from app.backend.identity.outside import accounts, directory, repository
from app.backend.identity.outside.issuers import DIRECTORY
from app.backend.identity.outside.schemas import Outsider
from app.backend.identity.schemas import Verified

# Hashes that were made before passwords got cheaper to check take 140 ms instead of 20. Ten tries of one address,
# which is all there are, take less than this one after another.
WRONG_SECONDS = 1.5


async def check(parts: ApiParts, *, email: str, password: str) -> Verified:
    """Check a password; `email` may be a name of the directory.

    Raises:
        WrongLogin: nobody has it, here or there. It comes at a whole multiple of `WRONG_SECONDS`, so that its time
            does not tell whether there is an account.
        DirectoryAway: it is nobody's here, and the directory does not answer.
        AccountSuspended, LinkImpossible, EmailUnproved, NotInvited: who has it there, has no account here.
    """
    began = clock.monotonic()
    try:
        return await _check(parts, email, password)
    except WrongLogin:
        taken = clock.monotonic() - began
        await asyncio.sleep(WRONG_SECONDS - taken % WRONG_SECONDS)
        raise


async def prove(parts: ApiParts, actor: Actor, *, password: str) -> None:
    """Check that a password is the actor's, here or in the directory.

    Raises:
        Invalid: it is not.
        DirectoryAway: it is not the one they have here, and the directory does not answer.
    """
    async with parts.db.read() as session:
        user = await need_user(session, actor.user_id)
    is_right, _ = await passwords.verify_password(password, user.password_hash)
    if not is_right and not await _is_theirs_there(parts, actor, password):
        raise Invalid.field("password", "This is not your present password.")


async def _check(parts: ApiParts, email: str, password: str) -> Verified:
    try:
        return await sessions.check_login(parts.db, email=email, password=password)
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


async def _is_theirs_there(parts: ApiParts, actor: Actor, password: str) -> bool:
    if not parts.settings.ldap_url:
        return False
    async with parts.db.read() as session:
        linked = await repository.list_linked(session, actor)
    # Not each directory finds people by their address. A second name would be a second try there.
    known = [row.login for row in linked if row.issuer == DIRECTORY and row.login]
    login = known[-1] if known else actor.email
    found = await directory.find(parts.settings, login=login, password=password)
    if found is None:
        return False
    async with parts.db.read() as session:
        owned = await repository.find_owner(
            session, issuer=found.issuer, subject=found.subject
        )
    return owned is not None and owned[1].id == actor.user_id


async def _admit(parts: ApiParts, found: Outsider) -> Verified:
    async with parts.db.transaction() as session:
        user = await accounts.admit(session, outsider=found, settings=parts.settings)
        return Verified(user_id=user.id, email=user.email)
