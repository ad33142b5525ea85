"""Whether a browser's request comes from our own pages (and not from another site, or by DNS rebinding)."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers

from app.backend.core.settings import Settings

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def is_same_origin(headers: Headers, settings: Settings) -> bool:
    """Tell whether the request surely comes from a page of this installation.

    Browsers send `Origin` with every websocket and every write; what has neither it nor `Sec-Fetch-Site`
    is no browser, and not the same origin either.
    """
    if not is_known_host(headers, settings):
        return False
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    return _matches(origin, headers.get("host", ""), settings)


def is_foreign(headers: Headers, settings: Settings) -> bool:
    """Tell whether the request says that it comes from somewhere else."""
    has_origin = "origin" in headers or "sec-fetch-site" in headers
    if headers.get("sec-fetch-site") in ("same-origin", "none"):
        return not is_known_host(headers, settings)
    return has_origin and not is_same_origin(headers, settings)


def is_known_host(headers: Headers, settings: Settings) -> bool:
    """Tell whether `Host` is ours: an IP address, localhost, or what the settings name.

    A name that an attacker points at our address is none of these.
    """
    host = _split(f"http://{headers.get('host', '')}")
    if host is None or host.hostname is None:
        return False
    name = host.hostname
    if name == "localhost" or name.endswith(".localhost") or _is_address(name):
        return True
    public = _split(settings.public_url)
    return name in {settings.host, public.hostname if public else None}


def _matches(origin: str, host: str, settings: Settings) -> bool:
    found = _split(origin)
    if found is None or found.scheme not in _DEFAULT_PORTS or not found.hostname:
        return False
    public = _split(settings.public_url)
    if public is not None and found.hostname == public.hostname:
        return found.scheme == public.scheme and _place(found) == _place(public)
    asked = _split(f"{found.scheme}://{host}")
    return asked is not None and _place(found) == _place(asked)


def _place(url: SplitResult) -> tuple[str | None, int | None]:
    return url.hostname, url.port or _DEFAULT_PORTS.get(url.scheme)


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.netloc and "@" not in parts.netloc else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
