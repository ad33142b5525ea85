"""Letters: sent after the commit by a worker, again until they are taken, and never in the clear by mistake."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlmodel import select, update

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.crypto import Keyring
from app.backend.core.settings import Settings
from app.backend.identity import mail
from app.backend.identity.mail import TRIES_MAX, Letter, MailFailed
from app.backend.identity.smtp import SmtpMailer
from app.backend.identity.tables import MailRow
from tests.mail_server import PASSWORD, USER, MailServer, serve_mail, text_of
from tests.parts import free_port
from tests.processes import Fork
from tests.stack import Stack

LETTER = Letter(
    recipient="ada@example.org", subject="Hello", text="A link that is a sécret.\n"
)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server of this test."""
    with serve_mail() as server:
        yield server


@pytest.fixture
def settings(
    stack: Stack, tmp_path: Path, mail_server: MailServer
) -> Iterator[Settings]:
    """An installation that sends mail."""
    with stack.make_installation(tmp_path / "data") as made:
        yield made.model_copy(update=mail_server.settings)


async def _post(services: Services) -> UUID:
    async with services.db.transaction() as session:
        await mail.post(session, LETTER, keyring=services.keyring, outbox=None)
    (row,) = await _rows(services)
    return row.id


async def _rows(services: Services) -> list[MailRow]:
    async with services.db.read() as session:
        return list((await session.exec(select(MailRow))).all())


async def test_worker_sends_a_letter_once_it_is_committed(
    services: Services, mail_server: MailServer, worker: Fork
) -> None:
    async with services.db.transaction() as session:
        await mail.post(
            session, LETTER, keyring=services.keyring, outbox=services.outbox
        )
        stored = (await session.exec(select(MailRow.text))).one()

    sent = await mail_server.next_letter()

    assert "link" not in stored
    assert (sent["To"], sent["Subject"]) == (LETTER.recipient, LETTER.subject)
    assert sent["From"] == "Atelier <atelier@example.org>"
    assert text_of(sent) == LETTER.text


async def test_letter_of_a_stopped_command_is_handed_over_when_it_is_due(
    services: Services, mail_server: MailServer
) -> None:
    mail_id = await _post(services)
    async with services.db.transaction() as session:
        handed_over = await mail.sweep(session, outbox=services.outbox)
        again = await mail.sweep(session, outbox=services.outbox)

    await mail.deliver(services, mail_id)
    await mail.deliver(services, mail_id)

    assert (handed_over, again, len(mail_server.letters)) == (1, 0, 1)
    assert await _rows(services) == []


async def test_letter_waits_while_the_server_does_not_take_it(
    services: Services, mail_server: MailServer
) -> None:
    mail_id = await _post(services)
    mail_server.refusing = "451 come again later"
    async with services.db.transaction() as session:
        await mail.sweep(session, outbox=services.outbox)

    await mail.deliver(services, mail_id)

    (row,) = await _rows(services)
    assert row.tries == 1
    assert row.due_at > clock.now()
    mail_server.refusing = ""
    async with services.db.transaction() as session:
        await session.exec(update(MailRow).values(due_at=clock.now()))
        assert await mail.sweep(session, outbox=services.outbox) == 1
    await mail.deliver(services, mail_id)
    assert len(mail_server.letters) == 1


@pytest.mark.parametrize(
    ("answer", "tries"), [("550 nobody here", 1), ("451 later", TRIES_MAX)]
)
async def test_letter_is_given_up(
    services: Services, mail_server: MailServer, answer: str, tries: int
) -> None:
    mail_id = await _post(services)
    mail_server.refusing = answer
    async with services.db.transaction() as session:
        await session.exec(update(MailRow).values(tries=tries))

    await mail.deliver(services, mail_id)

    assert await _rows(services) == []


@pytest.mark.parametrize(
    "recipient", ["=?utf-8?q?=0a?=@example.org", "a@[example.org", "=?x?q?=0d?=@[b.c"]
)
async def test_letter_that_cannot_be_written_is_given_up(
    services: Services, mail_server: MailServer, recipient: str
) -> None:
    mail_id = await _post(services)
    async with services.db.transaction() as session:
        await session.exec(update(MailRow).values(recipient=recipient))

    await mail.deliver(services, mail_id)

    assert await _rows(services) == []
    assert mail_server.letters == []


async def test_letter_whose_workers_were_lost_is_given_up(services: Services) -> None:
    await _post(services)
    async with services.db.transaction() as session:
        await session.exec(update(MailRow).values(tries=TRIES_MAX))

    async with services.db.transaction() as session:
        assert await mail.sweep(session, outbox=services.outbox) == 0

    assert await _rows(services) == []


async def test_letter_that_another_key_encrypted_is_given_up(
    services: Services, mail_server: MailServer
) -> None:
    mail_id = await _post(services)

    await mail.deliver(replace(services, keyring=Keyring("another")), mail_id)

    assert await _rows(services) == []
    assert mail_server.letters == []


async def test_mailer_signs_in(settings: Settings, mail_server: MailServer) -> None:
    known = {"smtp_user": USER, "smtp_password": SecretStr(PASSWORD)}
    right = SmtpMailer(settings.model_copy(update=known))
    known["smtp_password"] = SecretStr("wrong")
    wrong = SmtpMailer(settings.model_copy(update=known))

    await right.check()
    await right.send(LETTER, mail_id=ids.new_id())
    with pytest.raises(MailFailed):
        await wrong.check()

    assert mail_server.users == [USER, USER]
    assert len(mail_server.letters) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_nothing_is_said_in_the_clear(
    settings: Settings, mail_server: MailServer, security: str
) -> None:
    mailer = SmtpMailer(settings.model_copy(update={"smtp_security": security}))

    with pytest.raises(MailFailed):
        await mailer.send(LETTER, mail_id=ids.new_id())

    assert mail_server.letters == []


async def test_server_that_is_away_is_no_surprise(settings: Settings) -> None:
    mailer = SmtpMailer(settings.model_copy(update={"smtp_port": free_port()}))

    with pytest.raises(MailFailed):
        await mailer.check()
