"""Asks for parsers: each file is read in a process of its own, forked from one that has the imports done."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

import app
from app.backend.knowledge.parsed import Parsed
from app.backend.knowledge.parser_main import KIND_BYTES

_ROOT = Path(app.__file__).parent.parent
_END_SECONDS = 2.0


class Answer(BaseModel):
    """What a parser says of a file: its text, or why it cannot be read."""

    parsed: Parsed | None = None
    refusal: str = ""


class Parsers:
    """The process that parsers are forked from; started when a file needs it, and again when it has gone."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None

    async def read(self, kind: str, body: bytes) -> Answer | None:
        """Return what a parser makes of a file, however long that takes; None when the file has killed it."""
        while True:
            said = await self._ask(kind, body)
            if said:
                return Answer.model_validate_json(said)
            if self._is_running():
                return None
            # It left because nobody had asked for a while, just when somebody did.
            self.close()

    def close(self) -> None:
        """End the process, and with it the parsers that still read."""
        if self._orders is not None:
            self._orders.close()
            self._orders = None
        if self._server is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(_END_SECONDS)
            self._server.kill()
            self._server.wait()
            self._server = None

    def _is_running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    async def _ask(self, kind: str, body: bytes) -> bytes:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(
                    self._open(), [kind.ljust(KIND_BYTES).encode()], [theirs.fileno()]
                )
            except OSError:
                ours.close()
                return b""
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            # A parser that dies early leaves the rest unread.
            with contextlib.suppress(ConnectionError):
                writer.write(body)
                writer.write_eof()
                await writer.drain()
                return await reader.read()
            return b""
        finally:
            writer.close()

    def _open(self) -> socket.socket:
        if self._orders is None:
            self._orders, theirs = socket.socketpair()
            with theirs:
                self._server = subprocess.Popen(
                    [sys.executable, "-m", "app.backend.knowledge.parser_main"],
                    stdin=theirs.fileno(),
                    # What a hostile file might get hold of has no secrets.
                    env={
                        "PATH": os.environ.get("PATH", ""),
                        "PYTHONPATH": str(_ROOT),
                        "PYTHONDONTWRITEBYTECODE": "1",
                        "LANG": "C.UTF-8",
                    },
                )
        return self._orders
