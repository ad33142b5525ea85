"""Which addresses are of the public internet, however they are written."""

import asyncio
import socket
from typing import Any

import pytest

from app.backend.providers.public_only import (
    PrivateAddress,
    check_public,
    is_public,
    refused_address,
)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "64:ff9b:1::7f00:1",
        "64:ff9b:1::1.1.1.1",
        "fec0::1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "::1.1.1.1",
        "4000::1",
        "192.0.0.8",
        "192.0.0.9",
        "168.63.129.16",
        "::ffff:168.63.129.16",
    ],
)
def test_private_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
)
def test_public_address_is(address: str) -> None:
    assert is_public(address)


async def test_host_with_one_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def resolver(*_: Any, **__: Any) -> list[Any]:
        found = ("1.1.1.1", "127.0.0.1")
        return [(socket.AF_INET, 1, 6, "", (address, 443)) for address in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver)

    with pytest.raises(PrivateAddress, match=r"rebound\.example\.org"):
        await check_public("rebound.example.org", 443)


def test_refusal_is_found_below_what_libraries_make_of_it() -> None:
    refusal = PrivateAddress("x")
    wrapped = RuntimeError("Connection error.")
    wrapped.__cause__ = refusal
    again = OSError("It failed.")
    again.__context__ = wrapped

    assert refused_address(again) is refusal
    assert refused_address(ValueError("x")) is None


@pytest.mark.parametrize("host", [f"{'a' * 64}.example.org", "a..example.org"])
async def test_name_that_no_host_can_have_is_no_host(host: str) -> None:
    with pytest.raises(OSError, match="no name of a host"):
        await check_public(host, 443)
