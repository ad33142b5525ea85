"""The built scripts, styles and fonts."""

from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.backend.api.bundle import Bundle

SCRIPT = "/assets/page-1a.js"


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A build with a script that was compressed, a style, and a font."""
    client = tmp_path / "client"
    for folder in ("assets", "fonts"):
        (client / folder).mkdir(parents=True)
    (client / "assets" / "page-1a.js").write_text("plain")
    (client / "assets" / "page-1a.js.br").write_text("brotli")
    (client / "assets" / "page-1a.js.gz").write_text("gzip")
    (client / "assets" / "look.css").write_text("look")
    (client / "fonts" / "sans.woff2").write_bytes(b"font")
    (client / "index.html").write_text("page")
    (tmp_path / "secret").write_text("secret")
    return Bundle(client)


def _app(bundle: Bundle) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = bundle.answer(scope) or PlainTextResponse("passed on")
        await answer(scope, receive, send)

    return app


async def _ask(
    bundle: Bundle, path: str, accepted: str = "", method: str = "GET"
) -> tuple[httpx.Headers, bytes]:
    transport = httpx.ASGITransport(app=_app(bundle))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        headers = {"Accept-Encoding": accepted}
        async with client.stream(method, path, headers=headers) as response:
            return response.headers, b"".join(
                [part async for part in response.aiter_raw()]
            )


@pytest.mark.parametrize(
    ("accepted", "coding", "text"),
    [
        ("gzip, deflate, br", "br", b"brotli"),
        ("gzip", "gzip", b"gzip"),
        ("BR;q=0.5", "br", b"brotli"),
        ("gzip;q=1, br;q=0", "gzip", b"gzip"),
        ("x-gzip, br; q=0.0", None, b"plain"),
        ("", None, b"plain"),
    ],
)
async def test_script_comes_in_the_best_coding_that_is_accepted(
    bundle: Bundle, accepted: str, coding: str | None, text: bytes
) -> None:
    headers, content = await _ask(bundle, SCRIPT, accepted)

    assert content == text
    assert headers.get("content-encoding") == coding
    assert headers["content-type"].startswith("text/javascript")
    assert headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("/assets/look.css", "text/css", b"look"),
        ("/fonts/sans.woff2", "font/woff2", b"font"),
    ],
)
async def test_what_was_not_compressed_comes_as_it_is(
    bundle: Bundle, path: str, kind: str, content: bytes
) -> None:
    headers, found = await _ask(bundle, path, "br")

    assert found == content
    assert headers["content-type"].startswith(kind)
    assert "content-encoding" not in headers


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/", "GET"),
        ("/index.html", "GET"),
        ("/assets/other.js", "GET"),
        ("/assets/%2e%2e/%2e%2e/secret", "GET"),
        (SCRIPT, "HEAD"),
        (SCRIPT, "POST"),
    ],
)
async def test_anything_else_is_passed_on(
    bundle: Bundle, path: str, method: str
) -> None:
    headers, content = await _ask(bundle, path, method=method)

    assert content in (b"passed on", b"")
    assert "vary" not in headers


async def test_file_that_another_build_took_away_is_passed_on(
    bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "client" / "assets" / "look.css").unlink()

    _, content = await _ask(bundle, "/assets/look.css")

    assert content == b"passed on"


async def test_headers_that_were_added_to_an_answer_stay_with_it(
    bundle: Bundle,
) -> None:
    scope = {"type": "http", "method": "GET", "path": SCRIPT, "headers": []}
    first, second = bundle.answer(scope), bundle.answer(scope)
    assert first is not None
    assert second is not None

    first.headers["X-Mine"] = "yes"

    assert "x-mine" not in second.headers
