"""The outermost ASGI layer: what every answer of the port carries, pages and API alike."""

import json
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The build lists the hashes of the inline scripts of its pages here, see app/frontend.py.
CSP_FILE = "csp.json"
_FOR_EVER = "public, max-age=31536000, immutable"
_UNCHANGING = ("/assets/", "/fonts/")


def with_headers(app: ASGIApp, static_dir: Path) -> ASGIApp:
    """Return `app` with caching and security headers on each answer."""
    policy = content_security_policy(static_dir)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(scope["path"], message, policy)
            await send(message)

        await app(_without_redirect(scope, static_dir), receive, send_with_headers)

    return wrapped


def content_security_policy(static_dir: Path) -> str:
    """Return the policy of all pages: our own scripts and nothing from elsewhere."""
    listed = static_dir.parent / CSP_FILE
    hashes = json.loads(listed.read_text()) if listed.is_file() else []
    scripts = " ".join(["'self'", *(f"'{value}'" for value in hashes)])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


def _without_redirect(scope: Scope, static_dir: Path) -> Scope:
    # Static files would answer /login by a redirect to /login/, one round trip before every page.
    path: str = scope["path"]
    if (
        path.endswith("/")
        or "." in path
        or not (static_dir / path.lstrip("/") / "index.html").is_file()
    ):
        return scope
    return {**scope, "path": f"{path}/", "raw_path": f"{path}/".encode()}


def _add_headers(path: str, message: Message, policy: str) -> None:
    headers = MutableHeaders(scope=message)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    if path.startswith(_UNCHANGING) and message["status"] in (200, 304):
        headers["Cache-Control"] = _FOR_EVER
    elif headers.get("content-type", "").startswith("text/html"):
        headers["Cache-Control"] = "no-cache"
        headers.setdefault("Content-Security-Policy", policy)
