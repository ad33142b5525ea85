"""The outermost ASGI layer: what every answer of the port carries, pages and API alike."""

import json
from pathlib import Path
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.backend.api.bundle import FOLDERS, Bundle
from app.backend.core.built import ANY_ID, CSP_FILE, PRELOAD_FILE

_FOR_EVER = "public, max-age=31536000, immutable"
_TO_ALL = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}
# What is no page runs and loads nothing, should a browser ever take it for one.
_NO_PAGE = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_UNCHANGING = tuple(f"/{folder}/" for folder in FOLDERS)


def with_headers(app: ASGIApp, static_dir: Path, *, is_secure: bool) -> ASGIApp:
    """Return `app` with caching and security headers on each answer; `is_secure` says that people come by https.

    Strict-Transport-Security is sent only then (RFC 6797 §7.2).
    """
    to_all = {**_TO_ALL, **(_OVER_TLS if is_secure else {})}
    policy = content_security_policy(static_dir)
    preloads = _read(static_dir, PRELOAD_FILE, {})
    bundle, pages = Bundle(static_dir), _pages(static_dir)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        page = _page_of(scope["path"], pages)
        chunks = preloads.get(page, [])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(to_all)
                _add_headers(scope["path"], message, policy, chunks)
            await send(message)

        answer = bundle.answer(scope) or app
        await answer(_as_page(scope, page), receive, send_with_headers)

    return wrapped


def content_security_policy(static_dir: Path) -> str:
    """Return the policy of all pages: our own scripts and nothing from elsewhere."""
    hashes = _read(static_dir, CSP_FILE, [])
    scripts = " ".join(["'self'", *(f"'{value}'" for value in hashes)])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


def _read(static_dir: Path, name: str, default: Any) -> Any:
    listed = static_dir.parent / name
    return json.loads(listed.read_text()) if listed.is_file() else default


def _pages(static_dir: Path) -> frozenset[str]:
    found = (file.parent for file in static_dir.rglob("*/index.html"))
    return frozenset(f"/{page.relative_to(static_dir).as_posix()}" for page in found)


def _page_of(path: str, pages: frozenset[str]) -> str:
    """Return the page that was rendered ahead for `path`, nothing when there is none."""
    if path in pages:
        return path
    before, _, after = path.lstrip("/").partition("/")
    _, slash, rest = after.partition("/")
    page = f"/{before}/{ANY_ID}{slash}{rest}"
    return page if after and page in pages else ""


def _as_page(scope: Scope, page: str) -> Scope:
    # Static files would answer /login by a redirect to /login/, one round trip before every page.
    return (
        {**scope, "path": f"{page}/", "raw_path": f"{page}/".encode()}
        if page
        else scope
    )


def _add_headers(path: str, message: Message, policy: str, chunks: list[str]) -> None:
    headers = MutableHeaders(scope=message)
    is_page = headers.get("content-type", "").startswith("text/html")
    # "Not modified" has no type; the browser goes on with the policy that it has.
    if message["status"] != 304:
        headers.setdefault("Content-Security-Policy", policy if is_page else _NO_PAGE)
    if path.startswith(_UNCHANGING) and message["status"] in (200, 304):
        headers["Cache-Control"] = _FOR_EVER
    elif is_page:
        headers["Cache-Control"] = "no-cache"
        if chunks:
            links = (f"<{chunk}>; rel=modulepreload" for chunk in chunks)
            headers["Link"] = ", ".join(links)
