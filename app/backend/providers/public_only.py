"""Keeps the URLs that people write away from this machine and its network (SSRF).

The name of a host is resolved here, every address it has is checked, and the connection is made to an address that was
checked. So a name that changes its address in between, and a redirect, lead nowhere either.
Source: OWASP, Server Side Request Forgery Prevention Cheat Sheet, case 2.
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from types import ModuleType
from typing import Any

from app.backend.core import tls

MESSAGE = (
    "{host!r} is an address of this machine or of a private network, which only an administrator may connect a provider to. "
    "Use a public address, ask an administrator to share the provider, or to set ATELIER_PRIVATE_PROVIDERS."
)


_NAT64 = IPv6Network("64:ff9b::/96")
# All that is given out; the rest holds the networks of one's own, and forms of IPv4 addresses that only some systems know.
# Source: IANA, IPv6 Global Unicast Address Assignments; RFC 4291, section 2.4.
_GIVEN_OUT = IPv6Network("2000::/3")
# For protocols between neighbours (RFC 6890), and where Azure answers its machines.
_NEIGHBOURS = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))
_CONNECTIONS_MAX, _KEPT_MAX, _KEPT_SECONDS = 100, 20, 5.0


class PrivateAddress(Exception):
    """A connection to an address that is not on the public internet was refused."""

    def __init__(self, host: str) -> None:
        super().__init__(MESSAGE.format(host=host))


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet, also where it is wrapped in an IPv6 address."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = _inner(ip)
        if inner is not None:
            ip = inner
    if isinstance(ip, IPv6Address):
        is_possible = ip in _GIVEN_OUT
    else:
        is_possible = not any(ip in network for network in _NEIGHBOURS)
    return is_possible and ip.is_global and not ip.is_multicast


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host.

    Raises:
        OSError: there is no such host.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        # A part of it is empty, or longer than 63 characters (RFC 1035).
        reason = f"{host!r} is no name of a host"
        raise OSError(reason) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def check_public(host: str, port: int) -> list[str]:
    """Return the addresses of a host when all of them are public.

    Raises:
        PrivateAddress: one of them is not.
        OSError: there is no such host.
    """
    addresses = await resolve(host, port)
    if not addresses or not all(map(is_public, addresses)):
        raise PrivateAddress(host)
    return addresses


def refused_address(error: BaseException | None) -> PrivateAddress | None:
    """Return the refusal that led to `error`, however the libraries in between have wrapped it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, PrivateAddress):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def make_transport(http: ModuleType, core: ModuleType) -> Any:
    """Return a transport of `http` (httpx, or its successor) on `core` that connects to public addresses only."""

    class Backend(core.AsyncNetworkBackend):
        def __init__(self) -> None:
            self._backend = core.AnyIOBackend()

        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,  # noqa: ASYNC109 - the interface of the library
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> Any:
            try:
                addresses = await check_public(host, port)
            except OSError as error:
                raise core.ConnectError(str(error)) from error
            return await self._backend.connect_tcp(
                addresses[0], port, timeout, local_address, socket_options
            )

        async def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> Any:
            raise PrivateAddress(path)

        async def sleep(self, seconds: float) -> None:
            await self._backend.sleep(seconds)

    class Transport(http.AsyncHTTPTransport):
        def __init__(self) -> None:
            super().__init__(verify=tls.trusted(), trust_env=False)
            self._pool = core.AsyncConnectionPool(
                ssl_context=tls.trusted(),
                max_connections=_CONNECTIONS_MAX,
                max_keepalive_connections=_KEPT_MAX,
                keepalive_expiry=_KEPT_SECONDS,
                network_backend=Backend(),
            )

    return Transport()


def _inner(ip: IPv6Address) -> IPv4Address | None:
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
