"""The door: closed to strangers on every address, whoever adds the address."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from app.backend.api.guard import OPEN_PATHS, OPEN_PREFIXES, SOCKET_PREFIX
from app.backend.core.actor import Actor
from tests.integration.api.conftest import ADDRESS, ClientOf

ID = "0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1d"
# What the address itself says, before a service is asked that may refuse too.
NEEDED = "it needs the permission"
ADMINISTRATION = ("/api/v1/users", "/api/v1/system", "/api/v1/audit")
FOR_EVERYBODY = {"/api/v1/system/health"}


def _operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]


def _filled(path: str) -> str:
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + ID + rest.partition("}")[2]
    return path


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


async def test_every_address_refuses_strangers(
    app: FastAPI, stranger: httpx.AsyncClient
) -> None:
    closed = [(m, p) for m, p, _ in _operations(app) if not _is_open(p)]
    answers = {
        (method, path): await stranger.request(method, _filled(path), json={})
        for method, path in closed
    }

    assert len(closed) > 30
    assert {
        key: answer.status_code for key, answer in answers.items()
    } == dict.fromkeys(closed, 401)
    assert all(answer.json()["code"] == "AUTH_REQUIRED" for answer in answers.values())


def _valid_body(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    if path.endswith(("/documents", "/upload")) and "requestBody" in operation:
        return {"files": {"files": ("a.txt", b"some text", "text/plain")}}
    if path.endswith("/search"):
        return {"params": {"q": "what"}}
    if "requestBody" in operation:
        return {"json": {"name": "x", "input": {"query": "x"}}}
    return {}


async def test_malformed_ids_are_refused(
    app: FastAPI, signed_in: httpx.AsyncClient
) -> None:
    for method, path, operation in _operations(app):
        # Secrets and model files go by their names, which any text may be.
        if "{" not in path or _is_open(path) or "/{name}" in path:
            continue
        address = _filled(path).replace(ID, "no-id")
        answer = await signed_in.request(
            method, address, **_valid_body(path, operation)
        )

        assert answer.status_code == 400, (method, path, answer.text)
        assert answer.json()["error"] == "Validation failed"


@pytest.mark.parametrize("body", [b"", b"{", b"\x00\xff\xfe", b"[]", b'"text"', b"1"])
async def test_malformed_bodies_are_refused(
    app: FastAPI, signed_in: httpx.AsyncClient, body: bytes
) -> None:
    for method, path, operation in _operations(app):
        if "application/json" not in str(operation.get("requestBody", "")):
            continue
        answer = await signed_in.request(
            method,
            _filled(path),
            content=body,
            headers={"Content-Type": "application/json"},
        )

        assert answer.status_code == 400, (method, path, answer.text)
        assert answer.json()["error"] == "Validation failed"
        assert answer.json()["details"]


async def test_viewers_change_nothing(
    app: FastAPI, client_of: ClientOf, make_user: Any
) -> None:
    viewer = await client_of(await make_user(role="viewer"))
    own = ("/api/auth/",)
    for method, path, operation in _operations(app):
        if method == "GET" or _is_open(path) or path.startswith(own):
            continue
        body = _valid_body(path, operation)
        answer = await viewer.request(method, _filled(path), **body)

        assert answer.status_code == 403, (method, path, answer.text)
        assert NEEDED in answer.text, (method, path, answer.text)


async def test_users_administer_nothing(
    app: FastAPI, client_of: ClientOf, make_user: Any
) -> None:
    user = await client_of(await make_user(role="user"))
    asked = [
        (method, path, operation)
        for method, path, operation in _operations(app)
        if path.startswith(ADMINISTRATION) and path not in FOR_EVERYBODY
    ]
    assert len(asked) > 10

    for method, path, operation in asked:
        body = _valid_body(path, operation)
        answer = await user.request(method, _filled(path), **body)

        assert answer.status_code == 403, (method, path, answer.text)
        assert NEEDED in answer.text, (method, path, answer.text)


async def test_new_route_is_closed_by_itself(
    app: FastAPI, stranger: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    @app.get("/forgotten")
    async def forgotten() -> str:
        return "secret"

    assert (await stranger.get("/forgotten")).status_code == 401
    assert (await client.get("/forgotten")).json() == "secret"


@pytest.mark.parametrize("path", ["/ping", "/_upload", "/docs", "/openapi.json"])
async def test_what_lies_behind_the_api_is_closed_too(
    app: FastAPI, stranger: httpx.AsyncClient, path: str
) -> None:
    async def answer(_: object) -> PlainTextResponse:
        return PlainTextResponse("secret")

    app.mount("", Starlette(routes=[Route("/ping", answer), Route("/_upload", answer)]))

    assert (await stranger.get(path)).status_code == 401


async def test_pages_are_open_and_only_for_reading(
    app: FastAPI, stranger: httpx.AsyncClient
) -> None:
    async def page(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("page")(scope, receive, send)

    app.mount("", Starlette(routes=[Mount("/", page, name="frontend")]))

    for path in ("/", "/login", "/agents/1", "/assets/x.js"):
        assert (await stranger.get(path)).text == "page"
    assert (await stranger.post("/login")).status_code == 401
    assert (await stranger.get("/api/unknown")).status_code == 401


async def test_open_paths_exist(app: FastAPI) -> None:
    assert {path for _, path, _ in _operations(app) if path in OPEN_PATHS} == OPEN_PATHS


@pytest.mark.parametrize(
    ("path", "then"),
    [("/docs", "/docs"), ("/docs?a=1&next=%2F", "/docs%3Fa%3D1%26next%3D%252F")],
)
async def test_browsers_are_led_to_the_login(
    stranger: httpx.AsyncClient, path: str, then: str
) -> None:
    answer = await stranger.get(path, headers={"Accept": "text/html"})

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={then}"


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer", "Basic YTpi", "", "bearer  "]
)
async def test_bad_keys_are_refused(
    stranger: httpx.AsyncClient, actor: Actor, header: str
) -> None:
    answer = await stranger.get("/api/v1/agents", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": ADDRESS}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9000"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://rebound.example", "Host": "rebound.example"}, 403),
    ],
)
async def test_cookie_writes_come_from_our_own_pages(
    stranger: httpx.AsyncClient,
    cookie: dict[str, str],
    headers: dict[str, str],
    status: int,
) -> None:
    answer = await stranger.post(
        "/api/v1/keys", json={"name": "x"}, headers={**cookie, **headers}
    )

    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Host": "evil.example"}, 403),
    ],
)
async def test_cookie_reads_by_other_sites_are_refused(
    stranger: httpx.AsyncClient,
    cookie: dict[str, str],
    headers: dict[str, str],
    status: int,
) -> None:
    answer = await stranger.get("/api/v1/agents", headers={**cookie, **headers})

    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("origin", "is_refused"), [(ADDRESS, False), ("http://evil.example", True)]
)
async def test_socket_of_the_pages_is_for_our_own_pages(
    stranger: httpx.AsyncClient, origin: str, is_refused: bool
) -> None:
    answer = await stranger.get(f"{SOCKET_PREFIX}/", headers={"Origin": origin})

    assert ("did not come from a page" in answer.text) is is_refused, answer.text
