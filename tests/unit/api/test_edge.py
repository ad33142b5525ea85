"""Headers that every answer of the port carries."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from app.backend.api.edge import content_security_policy, with_headers


async def _html(request: Request) -> HTMLResponse:
    return HTMLResponse(request.url.path)


async def _text(_: Request) -> PlainTextResponse:
    return PlainTextResponse("x")


@pytest.fixture
def static_dir(tmp_path: Path) -> Path:
    """A built front end with a few pages."""
    folder = tmp_path / "client"
    for page in ("login", "agents/new", "agents/_", "agents/_/edit", "runs/_"):
        (folder / page).mkdir(parents=True, exist_ok=True)
        (folder / page / "index.html").write_text("x")
    (folder / "assets").mkdir()
    (folder / "assets" / "built.js").write_text("built")
    (tmp_path / "csp.json").write_text(json.dumps(["sha256-abc"]))
    preloads = {"/runs/_": ["/assets/b.js"]}
    (tmp_path / "preload.json").write_text(json.dumps(preloads))
    return folder


async def _unchanged(_: Request) -> Response:
    return Response(status_code=304)


async def _get(static_dir: Path, path: str, *, is_secure: bool = False) -> Any:
    routes = [
        Route("/assets/{name}", _text),
        Route("/unchanged", _unchanged),
        Route("/{path:path}", _html),
    ]
    app = with_headers(Starlette(routes=routes), static_dir, is_secure=is_secure)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        return await client.get(path)


async def test_page_gets_the_policy(static_dir: Path) -> None:
    response = await _get(static_dir, "/agents")

    policy = response.headers["content-security-policy"]
    assert "script-src 'self' 'sha256-abc';" in policy
    assert "unsafe-eval" not in policy
    for words in (
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ):
        assert words in policy
    assert response.headers["cache-control"] == "no-cache"


async def test_what_is_no_page_may_load_nothing(static_dir: Path) -> None:
    response = await _get(static_dir, "/assets/a.js")

    assert "default-src 'none'" in response.headers["content-security-policy"]


async def test_page_that_has_not_changed_keeps_its_policy(static_dir: Path) -> None:
    response = await _get(static_dir, "/unchanged")

    assert "content-security-policy" not in response.headers


@pytest.mark.parametrize(
    "path", ["/agents", "/assets/a.js", "/assets/built.js", "/unchanged"]
)
async def test_every_answer_says_what_browsers_may_do(
    static_dir: Path, path: str
) -> None:
    headers = (await _get(static_dir, path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]


@pytest.mark.parametrize("is_secure", [True, False])
async def test_only_an_installation_behind_tls_asks_for_https(
    static_dir: Path, is_secure: bool
) -> None:
    response = await _get(static_dir, "/agents", is_secure=is_secure)

    assert ("strict-transport-security" in response.headers) is is_secure


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("/runs/1", "</assets/b.js>; rel=modulepreload"),
        ("/runs/1/2", None),
        ("/login", None),
    ],
)
async def test_page_says_what_its_html_does_not_name(
    static_dir: Path, path: str, link: str | None
) -> None:
    response = await _get(static_dir, path)

    assert response.headers.get("link") == link


async def test_asset_is_kept_for_ever(static_dir: Path) -> None:
    response = await _get(static_dir, "/assets/built.js")

    assert response.text == "built"
    assert "immutable" in response.headers["cache-control"]
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/login?next=%2F", "/login/"),
        ("/agents/new", "/agents/new/"),
        ("/agents/1", "/agents/_/"),
        ("/agents/1/edit", "/agents/_/edit/"),
        ("/agents/1/", "/agents/1/"),
        ("/agents/1/2", "/agents/1/2"),
        ("/login/1", "/login/1"),
        ("/agents", "/agents"),
    ],
)
async def test_prerendered_page_is_served_without_a_redirect(
    static_dir: Path, path: str, page: str
) -> None:
    response = await _get(static_dir, path)

    assert response.text == page


def test_policy_without_a_build_allows_own_scripts_only(tmp_path: Path) -> None:
    assert "script-src 'self';" in content_security_policy(tmp_path / "client")
