"""People over the API: for administrators who are signed in."""

from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi import FastAPI

from app.backend.core.actor import Actor
from tests.integration.api.conftest import ADDRESS

PATH = "/api/v1/users"
PASSWORD = "correct horse battery"
ORIGIN = {"Origin": ADDRESS}


def _token(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


async def _choose(app: FastAPI, token: str) -> httpx.Response:
    # In a browser of its own: the client of the tests sends its cookie with each request.
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        fields = {"token": token, "password": PASSWORD}
        return await client.post(
            "/api/auth/choose-password", data=fields, headers=ORIGIN
        )


async def test_person_is_invited_comes_and_is_suspended(
    app: FastAPI, signed_in: httpx.AsyncClient
) -> None:
    made = await signed_in.post(PATH, json={"email": "ada@example.org"})
    link = made.json()["link"]
    chosen = await _choose(app, _token(link))
    again = await _choose(app, _token(link))
    listed = (await signed_in.get(PATH, params={"q": "ada"})).json()["items"]
    path = f"{PATH}/{listed[0]['id']}"
    promoted = await signed_in.patch(path, json={"role": "viewer"})
    suspended = await signed_in.patch(path, json={"is_active": False})
    cookie = {"Cookie": chosen.headers["set-cookie"].partition(";")[0]}
    refused = await signed_in.get("/api/auth/me", headers=cookie)
    no_link = await signed_in.post(f"{path}/link")
    back = await signed_in.patch(path, json={"is_active": True})
    new_link = await signed_in.post(f"{path}/link")

    assert made.status_code == 201
    assert urlsplit(link).path == "/choose-password"
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/")
    assert again.headers["location"].startswith("/choose-password?error=PASSWORD_LINK")
    assert [person["has_password"] for person in listed] == [True]
    assert promoted.json()["role"] == "viewer"
    assert suspended.json()["is_active"] is False
    assert refused.status_code == 401
    assert no_link.status_code == 404
    assert back.json()["is_active"] is True
    assert new_link.status_code == 201


async def test_last_administrator_stays(
    signed_in: httpx.AsyncClient, actor: Actor
) -> None:
    answer = await signed_in.patch(f"{PATH}/{actor.user_id}", json={"role": "user"})

    assert (answer.status_code, answer.json()["code"]) == (409, "LAST_ADMIN")


async def test_api_key_manages_nobody(client: httpx.AsyncClient, actor: Actor) -> None:
    path = f"{PATH}/{actor.user_id}"
    answers = [
        await client.get(PATH),
        await client.post(PATH, json={"email": "ada@example.org"}),
        await client.post(f"{path}/link"),
        await client.patch(path, json={"role": "user"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
