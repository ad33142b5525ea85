"""Unit tests reach no network: a part that they need is a fake."""

import socket
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> NoReturn:
        message = "Unit tests use no sockets. Use a fake of tests/fakes, or move the test to tests/integration."
        raise AssertionError(message)

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
