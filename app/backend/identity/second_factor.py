"""The second factor: a code of an authenticator app (TOTP, RFC 6238), or a recovery code."""

import segno
from pyotp import random_base32
from pyotp.exceptions import OTPVerificationError
from pyotp.totp import TOTP

from app.backend.core import clock, ids
from app.backend.core.actor import Actor, Role
from app.backend.core.crypto import Keyring, hash_token
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, Invalid
from app.backend.core.sealing import seal, unseal
from app.backend.core.settings import Settings
from app.backend.identity import audit, factor_repository
from app.backend.identity.actors import need_user
from app.backend.identity.audit import Action
from app.backend.identity.errors import WrongCode
from app.backend.identity.schemas import (
    NewSecondFactor,
    RecoveryCodes,
    SecondFactorView,
)
from app.backend.identity.tables import (
    FACTOR_PURPOSE,
    RecoveryCodeRow,
    SecondFactorRow,
    UserRow,
)

RECOVERY_CODES = 10
_ISSUER = "Atelier"
_DIGITS = 6
# A clock may be one step (30 s) off, as RFC 6238 §5.2 recommends.
_STEPS_OFF = 1


def is_demanded(settings: Settings, role: Role) -> bool:
    """Tell whether the installation asks those with `role` for a second factor."""
    match settings.second_factor:
        case "optional":
            return False
        case "admins":
            return role is Role.ADMIN
        case "all":
            return True


async def get_state(
    session: Session, actor: Actor, *, settings: Settings
) -> SecondFactorView:
    """Return whether the actor has a second factor."""
    user = await need_user(session, actor.user_id)
    return SecondFactorView(
        is_on=user.second_factor_at is not None,
        since=user.second_factor_at,
        recovery_codes=await factor_repository.count_codes(session, user.id),
        is_demanded=is_demanded(settings, Role(user.role)),
    )


async def begin(session: Session, actor: Actor, *, keyring: Keyring) -> NewSecondFactor:
    """Give the actor, who has just proved their password, a secret for their app; `confirm` makes it count.

    Raises:
        Conflict: they have a second factor already.
    """
    user = await need_user(session, actor.user_id)
    if user.second_factor_at is not None:
        message = "You have a second factor already. Turn it off first."
        raise Conflict(message)
    await factor_repository.forget_factors(session, user.id)
    secret = random_base32()
    sealed = await seal(
        session, keyring, secret, owner_id=user.id, purpose=FACTOR_PURPOSE
    )
    session.add(SecondFactorRow(owner_id=user.id, secret=sealed))
    address = TOTP(secret).provisioning_uri(name=user.email, issuer_name=_ISSUER)
    picture = segno.make_qr(address).svg_data_uri(scale=4, light="#fff")
    return NewSecondFactor(secret=secret, address=address, qr=picture)


async def confirm(
    session: Session, actor: Actor, *, code: str, keyring: Keyring
) -> RecoveryCodes:
    """Turn the second factor on with a first code of the app, and return fresh recovery codes.

    Raises:
        Conflict: there is nothing to confirm.
        Invalid: the code is wrong.
    """
    user = await need_user(session, actor.user_id)
    factor = await factor_repository.find_factor(session, user.id)
    if factor is None or user.second_factor_at is not None:
        message = "There is nothing to confirm. Begin again with your password."
        raise Conflict(message)
    if not await _use_code(session, factor, _plain(code), keyring):
        message = "This code is wrong. Check that the clock of your device is right, and write the newest code."
        raise Invalid.field("code", message)
    now = clock.now()
    factor.confirmed_at = user.second_factor_at = user.updated_at = now
    audit.record(session, actor, Action.SECOND_FACTOR_SET_UP)
    return await _make_codes(session, user)


async def make_codes(session: Session, actor: Actor) -> RecoveryCodes:
    """Return fresh recovery codes to the actor, who has just proved their password; the older ones stop working.

    Raises:
        Conflict: the actor has no second factor.
    """
    user = await need_user(session, actor.user_id)
    if user.second_factor_at is None:
        message = "You have no second factor. Set one up first."
        raise Conflict(message)
    audit.record(session, actor, Action.RECOVERY_CODES_MADE)
    return await _make_codes(session, user)


async def turn_off(session: Session, actor: Actor) -> None:
    """Let the actor, who has just proved their password, sign in with it alone again."""
    user = await need_user(session, actor.user_id)
    await remove(session, actor, user)


async def remove(session: Session, actor: Actor, user: UserRow) -> None:
    """Take the second factor of `user` away, in the name of `actor`; doing so twice is fine."""
    await factor_repository.forget_factors(session, user.id)
    await factor_repository.forget_codes(session, user.id)
    if user.second_factor_at is None:
        return
    user.second_factor_at, user.updated_at = None, clock.now()
    audit.record(
        session,
        actor,
        Action.SECOND_FACTOR_REMOVED,
        object_kind="user",
        object_id=user.id,
        email=user.email,
    )


async def use(session: Session, user: UserRow, *, code: str, keyring: Keyring) -> str:
    """Use up a code of the app or a recovery code, and return which of the two it was.

    Raises:
        WrongCode: it is neither, or was used before.
    """
    plain = _plain(code)
    if len(plain) == _DIGITS:
        factor = await factor_repository.find_factor(session, user.id)
        if factor is not None and await _use_code(session, factor, plain, keyring):
            return "code"
    elif await factor_repository.use_code(
        session, user.id, hash_token(plain), clock.now()
    ):
        return "recovery code"
    raise WrongCode


async def _use_code(
    session: Session, factor: SecondFactorRow, code: str, keyring: Keyring
) -> bool:
    secret = await unseal(
        session,
        keyring,
        factor.secret,
        owner_id=factor.owner_id,
        purpose=FACTOR_PURPOSE,
    )
    totp = TOTP(secret)
    try:
        step = totp.verify_and_get_timecode(
            code, for_time=clock.now(), valid_window=_STEPS_OFF
        )
    except OTPVerificationError:
        return False
    # Only one of several requests with the same code gets past this.
    return await factor_repository.use_step(session, factor.id, step)


async def _make_codes(session: Session, user: UserRow) -> RecoveryCodes:
    await factor_repository.forget_codes(session, user.id)
    codes = [ids.new_code() for _ in range(RECOVERY_CODES)]
    session.add_all(
        RecoveryCodeRow(owner_id=user.id, code_hash=hash_token(_plain(code)))
        for code in codes
    )
    return RecoveryCodes(codes=codes)


def _plain(code: str) -> str:
    return "".join(letter for letter in code.lower() if letter.isalnum())
