"""Sends mail by SMTP (RFC 5321), over TLS unless the settings say otherwise."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial
from uuid import UUID

from app.backend.core import clock
from app.backend.core.settings import Settings
from app.backend.identity.mail import Letter, MailFailed, MailRefused

_SECONDS = 20.0
_FOR_GOOD = 500


class SmtpMailer:
    """A mail server; each letter has a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def send(self, letter: Letter, *, mail_id: UUID) -> None:
        """Send a letter.

        Raises:
            MailFailed: worth trying again.
            MailRefused: not worth it.
        """
        try:
            message = self._write(letter, mail_id)
        except (AttributeError, ValueError) as error:
            # What the library says to some addresses, such as a@[b.c.
            raise MailRefused(str(error)) from error
        await self._do(lambda server: server.send_message(message))

    async def check(self) -> None:
        """Sign in at the mail server and send nothing.

        Raises:
            MailFailed: it cannot be used.
        """
        await self._do(lambda server: server.noop())

    def _write(self, letter: Letter, mail_id: UUID) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._settings.smtp_sender
        message["To"] = letter.recipient
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(clock.now())
        domain = self._settings.smtp_sender.rpartition("@")[2].strip("> ")
        message["Message-ID"] = f"<{mail_id}@{domain}>"
        # No reply of an absence, please (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message

    async def _do(self, work: Callable[[smtplib.SMTP], object]) -> None:
        try:
            await asyncio.to_thread(partial(self._work, work))
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            kind = MailRefused if min(codes) >= _FOR_GOOD else MailFailed
            raise kind(str(error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise MailFailed(str(error)) from error

    def _work(self, work: Callable[[smtplib.SMTP], object]) -> None:
        with self._connected() as server:
            work(server)

    @contextmanager
    def _connected(self) -> Generator[smtplib.SMTP, None, None]:
        settings = self._settings
        host, port = settings.smtp_host, settings.smtp_port
        if settings.smtp_security == "tls":
            context = ssl.create_default_context()
            opened = smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=context)
        else:
            opened = smtplib.SMTP(host, port, timeout=_SECONDS)
        with opened as server:
            if settings.smtp_security == "starttls":
                # It fails where the server offers none: nothing is said in the clear.
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user:
                password = settings.smtp_password
                server.login(
                    settings.smtp_user,
                    password.get_secret_value() if password else "",
                )
            yield server
