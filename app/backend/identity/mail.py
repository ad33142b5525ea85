"""Mail: a letter is a row of the transaction that asks for it, is sent after the commit, and again until it is taken."""

from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict
from sqlmodel import col, select

from app.backend.core import clock
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database, Session
from app.backend.core.errors import AppError
from app.backend.core.jobs import Job, JobName
from app.backend.core.outbox import Outbox
from app.backend.identity.tables import MailRow

logger = structlog.get_logger(__name__)

TRIES_MAX = 8
# Long enough for a worker that has a letter; a letter of a lost worker is handed over again after it.
HANDED_OVER = timedelta(minutes=2)
_PAUSE = timedelta(seconds=30)
_SWEPT_MAX = 100
_PURPOSE = "mail"


class Letter(BaseModel):
    """What is sent to whom."""

    model_config = ConfigDict(frozen=True)

    recipient: str
    subject: str
    text: str


class MailFailed(Exception):
    """The mail server did not take a letter now."""


class MailRefused(Exception):
    """The mail server will never take this letter: there is no such recipient."""


class Mailer(Protocol):
    """Sends letters."""

    async def send(self, letter: Letter, *, mail_id: UUID) -> None:
        """Send a letter; the same `mail_id` makes the same message, should it be sent twice.

        Raises:
            MailFailed: worth trying again.
            MailRefused: not worth it.
        """
        ...

    async def check(self) -> None:
        """Sign in at the mail server and send nothing.

        Raises:
            MailFailed: it cannot be used.
        """
        ...


class MailParts(Protocol):
    """What is needed to send a letter."""

    @property
    def db(self) -> Database:
        """The rows."""
        ...

    @property
    def keyring(self) -> Keyring:
        """The installation's key."""
        ...

    @property
    def mailer(self) -> Mailer:
        """The mail server."""
        ...


async def post(
    session: Session, letter: Letter, *, keyring: Keyring, outbox: Outbox | None
) -> None:
    """Send a letter after the commit; without an outbox the scheduler does it, once it runs."""
    now = clock.now()
    row = MailRow(
        recipient=letter.recipient,
        subject=letter.subject,
        text=keyring.encrypt(_PURPOSE, letter.text),
        due_at=now if outbox is None else now + HANDED_OVER,
    )
    session.add(row)
    if outbox is not None:
        await outbox.add(session, _hand_over(row))


async def deliver(parts: MailParts, mail_id: UUID) -> None:
    """Send a letter that was posted; one that the server does not take is due again later."""
    async with parts.db.read() as session:
        row = await session.get(MailRow, mail_id)
    if row is None:
        return
    is_over = True
    try:
        text = parts.keyring.decrypt(_PURPOSE, row.text)
        letter = Letter(recipient=row.recipient, subject=row.subject, text=text)
        await parts.mailer.send(letter, mail_id=row.id)
    except AppError:  # lint-skip: edge-catch - the installation has another key now
        logger.warning("mail_unreadable", mail_id=str(mail_id))
    except MailRefused as error:
        logger.warning("mail_refused", mail_id=str(mail_id), error=str(error))
    except MailFailed as error:
        is_over = row.tries >= TRIES_MAX
        tell = logger.error if is_over else logger.warning
        tell("mail_not_sent", mail_id=str(mail_id), tries=row.tries, error=str(error))
    async with parts.db.transaction() as session:
        row = await session.get(MailRow, mail_id)
        if row is not None and is_over:
            await session.delete(row)
        elif row is not None:
            row.due_at = clock.now() + _PAUSE * 2 ** (row.tries - 1)


async def sweep(session: Session, *, outbox: Outbox) -> int:
    """Hand over the letters that are due and give up those that no worker came back from; returns how many are handed over."""
    query = (
        select(MailRow)
        .where(col(MailRow.due_at) <= clock.now())
        .order_by(col(MailRow.due_at))
        .limit(_SWEPT_MAX)
        .with_for_update(skip_locked=True)
    )
    rows = (await session.exec(query)).all()
    count = 0
    for row in rows:
        if row.tries >= TRIES_MAX:
            logger.error("mail_given_up", mail_id=str(row.id), tries=row.tries)
            await session.delete(row)
            continue
        row.due_at = clock.now() + HANDED_OVER
        await outbox.add(session, _hand_over(row))
        count += 1
    return count


def _hand_over(row: MailRow) -> Job:
    row.tries += 1
    return Job(
        name=JobName.MAIL_SEND,
        key=f"mail-{row.id}-{row.tries}",
        subject_id=str(row.id),
    )
