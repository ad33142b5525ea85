"""A real mail server on loopback that keeps what it takes."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.parts import free_port, wait_until

USER = "atelier"
PASSWORD = "of the mail server"


@dataclass
class MailServer:
    """The handler of a server: `refusing` is what it answers to recipients instead of taking them."""

    port: int
    letters: list[EmailMessage] = field(default_factory=list[EmailMessage])
    users: list[str] = field(default_factory=list[str])
    refusing: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of an installation that sends through this server."""
        return {
            "smtp_host": "127.0.0.1",
            "smtp_port": self.port,
            "smtp_security": "none",
            "smtp_sender": "Atelier <atelier@example.org>",
        }

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: Any,
        _session: Any,
        envelope: Envelope,
        address: str,
        _options: Any,
    ) -> str:
        if self.refusing:
            return self.refusing
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.letters.append(message_from_bytes(content, policy=policy.default))
        return "250 OK"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _kind: str, given: Any
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        is_right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        if is_right:
            self.users.append(given.login.decode())
        return AuthResult(success=is_right)

    async def next_letter(self) -> EmailMessage:
        """Wait for a letter and take it out."""
        await asyncio.to_thread(
            wait_until, lambda: bool(self.letters), seconds=20, what="A letter"
        )
        return self.letters.pop(0)


@contextmanager
def serve_mail(port: int | None = None) -> Generator[MailServer, None, None]:
    """Run a server for the time of the block."""
    server = MailServer(port or free_port())
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=server.port,
        authenticator=server.authenticate,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def link_in(letter: EmailMessage) -> str:
    """Return the link of a letter."""
    return next(
        word for word in text_of(letter).split() if "://" in word and "?" in word
    )


def text_of(letter: EmailMessage) -> str:
    """Return what a letter says."""
    return letter.get_content().replace("\r\n", "\n")
