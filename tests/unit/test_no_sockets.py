"""Unit tests cannot reach the network, whoever tries."""

import socket

import httpx
import pytest


def test_socket_is_refused() -> None:
    with socket.socket() as connection, pytest.raises(AssertionError, match="fake"):
        connection.connect(("127.0.0.1", 80))


def test_http_request_is_refused() -> None:
    with pytest.raises(AssertionError, match="fake"):
        httpx.get("http://127.0.0.1:80/")
