"""Accounts that people make for themselves, and passwords that they have forgotten.

Nobody learns here whether an address has an account: the answer is the same, and where there is mail, the letter
says the rest to whoever can read it.
"""

from typing import Protocol

from app.backend.core import clock
from app.backend.core.actor import Role
from app.backend.core.crypto import Keyring
from app.backend.core.db import Session
from app.backend.core.errors import Invalid
from app.backend.core.outbox import Outbox
from app.backend.core.settings import Settings
from app.backend.identity import (
    audit,
    letters,
    links,
    mail,
    passwords,
    people_repository,
    repository,
)
from app.backend.identity.actors import actor_of
from app.backend.identity.audit import Action
from app.backend.identity.errors import (
    DomainRefused,
    InvitationsClosed,
    NoMail,
    SignUpClosed,
)
from app.backend.identity.links import INVITATION_LIFE, RESET_LIFE, SIGN_UP_LINK
from app.backend.identity.schemas import NewLink, SignUpDraft
from app.backend.identity.tables import UserRow


class SignUpParts(Protocol):
    """What is needed to answer a letter with a letter."""

    @property
    def settings(self) -> Settings:
        """Who may sign up."""
        ...

    @property
    def keyring(self) -> Keyring:
        """The installation's key."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Where letters go."""
        ...


def check_open(settings: Settings) -> None:
    """Refuse everybody where accounts are given.

    Raises:
        SignUpClosed: it is so.
    """
    if settings.sign_up not in ("domains", "open"):
        raise SignUpClosed


def check_allowed(settings: Settings, email: str) -> None:
    """Refuse an address that nobody may sign up with, whether it has an account or not.

    Raises:
        DomainRefused: accounts are for people of other domains.
        SignUpClosed: nobody signs up here.
    """
    check_open(settings)
    domain = email.rpartition("@")[2]
    if settings.sign_up == "domains" and domain not in settings.domains:
        raise DomainRefused(settings.domains)


def may_have_account(settings: Settings, email: str) -> bool:
    """Tell whether somebody whose address is proved may have an account without an invitation."""
    domain = email.rpartition("@")[2]
    return settings.sign_up == "open" or (
        settings.sign_up == "domains" and domain in settings.domains
    )


async def send_invitation(
    session: Session,
    made: NewLink,
    *,
    settings: Settings,
    keyring: Keyring,
    outbox: Outbox | None,
) -> bool:
    """Send the link of an invitation to whom it is for; tells whether the installation sends mail."""
    if not settings.has_mail:
        return False
    letter = letters.invitation(settings, made.user.email, made.token, INVITATION_LIFE)
    await mail.post(session, letter, keyring=keyring, outbox=outbox)
    return True


def check_invitations(settings: Settings) -> None:
    """Refuse invitations where accounts are made on the command line only.

    Raises:
        InvitationsClosed: it is so.
    """
    if settings.sign_up == "closed":
        raise InvitationsClosed


async def sign_up(session: Session, *, draft: SignUpDraft, parts: SignUpParts) -> None:
    """Make an account: with mail once its address is proved by a link, without mail at once.

    For an address that has one already nothing is made; with mail, its owner is told so.

    Raises:
        DomainRefused: accounts are for people of other domains.
        Invalid: there is no mail, and no password.
        SignUpClosed: nobody signs up here.
    """
    check_allowed(parts.settings, draft.email)
    if parts.settings.has_mail:
        await _send_link(session, draft.email, parts)
    elif draft.password is None:
        raise Invalid.field("password", "Choose a password.")
    else:
        # The same work for an address that is taken.
        password_hash = await passwords.hash_password(draft.password.get_secret_value())
        if await repository.find_user_by_email(session, draft.email) is None:
            await add_user(session, draft.email, password_hash=password_hash)


async def ask_for_new_password(
    session: Session, *, email: str, parts: SignUpParts
) -> None:
    """Send a link with which the user with that address chooses a new password; nothing where there is none.

    Links that were made before go on working until one is used.

    Raises:
        NoMail: the installation sends no mail.
    """
    if not parts.settings.has_mail:
        raise NoMail
    user = await repository.find_user_by_email(session, email)
    if user is not None:
        await _send_new_password(session, user, parts)


async def accept(session: Session, token_hash: str) -> UserRow | None:
    """Use up a link of somebody who signs up, and return their new account; None when there is nothing to use."""
    email = await people_repository.use_sign_up_link(
        session, SIGN_UP_LINK, token_hash, clock.now()
    )
    if not email or await repository.find_user_by_email(session, email) is not None:
        return None
    return await add_user(session, email, password_hash="")


async def add_user(session: Session, email: str, *, password_hash: str) -> UserRow:
    """Make the account of somebody who has signed up."""
    user = UserRow(email=email, role=Role.USER, password_hash=password_hash)
    session.add(user)
    await session.flush()
    audit.record(session, actor_of(user), Action.USER_SIGNED_UP)
    return user


async def _send_link(session: Session, email: str, parts: SignUpParts) -> None:
    user = await repository.find_user_by_email(session, email)
    if user is not None:
        await _send_new_password(session, user, parts)
        return
    token, _ = await links.make_link(
        session, purpose=SIGN_UP_LINK, life=RESET_LIFE, email=email
    )
    letter = letters.welcome(parts.settings, email, token, RESET_LIFE)
    await mail.post(session, letter, keyring=parts.keyring, outbox=parts.outbox)


async def _send_new_password(
    session: Session, user: UserRow, parts: SignUpParts
) -> None:
    if not user.is_active:
        return
    token, _ = await links.make_link(
        session, purpose=links.PASSWORD_LINK, life=RESET_LIFE, user_id=user.id
    )
    letter = letters.new_password(parts.settings, user.email, token, RESET_LIFE)
    await mail.post(session, letter, keyring=parts.keyring, outbox=parts.outbox)
