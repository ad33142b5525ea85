"""Links that work once."""

from datetime import datetime, timedelta
from uuid import UUID

from app.backend.core import clock, ids
from app.backend.core.crypto import hash_token
from app.backend.core.db import Session
from app.backend.identity.tables import OneTimeLinkRow

PASSWORD_LINK = "choose_password"  # noqa: S105 - the purpose of a link
SIGN_UP_LINK = "sign_up"
INVITATION_LIFE = timedelta(days=3)
RESET_LIFE = timedelta(hours=1)


async def make_link(
    session: Session,
    *,
    purpose: str,
    life: timedelta,
    user_id: UUID | None = None,
    email: str = "",
) -> tuple[str, datetime]:
    """Return the token of a fresh link, of which only the hash is stored, and when it stops working."""
    token = ids.new_token()
    row = OneTimeLinkRow(
        purpose=purpose,
        user_id=user_id,
        email=email,
        token_hash=hash_token(token),
        expires_at=clock.now() + life,
    )
    session.add(row)
    await session.flush()
    return token, row.expires_at
