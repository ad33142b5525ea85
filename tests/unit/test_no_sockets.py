"""Unit tests cannot reach the network, whoever tries."""

import socket

import pytest


def test_socket_is_refused() -> None:
    with socket.socket() as connection, pytest.raises(AssertionError, match="fake"):
        connection.connect(("127.0.0.1", 80))
