"""First run, login, logout: as the forms of the pages and as JSON."""

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event
from sqlmodel import delete
from structlog.testing import capture_logs
from typing_extensions import override

from app.backend.agents import ready_made
from app.backend.bootstrap import Services
from app.backend.identity import cookies
from app.backend.identity.tables import SessionRow
from app.backend.identity.tries import TRIES_MAX
from tests.fakes.knowledge import FakeEmbedder
from tests.integration.api.conftest import ADDRESS
from tests.integration.api.owner import EMAIL, ORIGIN, PASSWORD, make_owner


async def test_first_run_form_signs_in_and_goes_home(
    stranger: httpx.AsyncClient, services: Services, link: str
) -> None:
    answer = await make_owner(stranger, link)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{cookies.cookie_name(services.keyring)}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    me = await stranger.get("/api/auth/me")
    assert (me.json()["email"], me.json()["role"]) == (EMAIL, "admin")


async def test_new_owner_finds_agents(stranger: httpx.AsyncClient, link: str) -> None:
    await make_owner(stranger, link)

    listed = (await stranger.get("/api/v1/agents")).json()["items"]

    assert [agent["name"] for agent in listed] == [
        "Document Q&A",
        "Quote finder",
        "Plain chat",
    ]


async def test_account_is_made_when_its_agents_cannot_be_and_gets_them_later(
    app: FastAPI, stranger: httpx.AsyncClient, services: Services, link: str
) -> None:
    class Broken(FakeEmbedder):
        @property
        @override
        def name(self) -> str:
            message = "no name"
            raise RuntimeError(message)

    app.state.services = replace(services, embedder=Broken())
    with capture_logs() as logs:
        answer = await make_owner(stranger, link)
    agents = [await _count_agents(stranger)]
    app.state.services = services
    for _ in range(2):
        await ready_made.install_missing(services)
        agents.append(await _count_agents(stranger))

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
        "ready_made_not_installed"
    ]
    assert agents == [0, 3, 3]


async def test_agents_are_not_given_again_after_a_long_time_away(
    stranger: httpx.AsyncClient, services: Services, link: str
) -> None:
    await make_owner(stranger, link)
    async with services.db.transaction() as session:
        await session.exec(delete(SessionRow))
    fields = {"email": EMAIL, "password": PASSWORD}

    await stranger.post("/api/auth/login", data=fields, headers=ORIGIN)

    assert await _count_agents(stranger) == 3


async def test_login_asks_for_the_account_twice_and_writes_only_that_it_began(
    stranger: httpx.AsyncClient, services: Services, link: str
) -> None:
    await make_owner(stranger, link)
    said: list[str] = []

    @event.listens_for(services.db.engine.sync_engine, "before_cursor_execute")
    def keep(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(" ".join(statement.replace('"', "").split()))

    answer = await stranger.post(
        "/api/auth/login", json={"email": EMAIL, "password": PASSWORD}
    )

    assert answer.is_success
    asked = [one for one in said if "FROM user WHERE" in one]
    writes = [one.split()[2] for one in said if one.startswith(("INSERT", "UPDATE"))]
    assert (len(asked), sorted(writes)) == (2, ["audit", "session"]), said


async def _count_agents(client: httpx.AsyncClient) -> int:
    return len((await client.get("/api/v1/agents")).json()["items"])


async def test_first_run_as_json(stranger: httpx.AsyncClient, link: str) -> None:
    fields = {"token": link, "email": EMAIL, "password": PASSWORD}

    answer = await stranger.post("/api/auth/first-run", json=fields)

    assert answer.status_code == 201
    assert answer.json()["email"] == EMAIL
    assert PASSWORD not in answer.text


def _query(answer: httpx.Response) -> dict[str, str]:
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


async def test_wrong_link_goes_back_to_the_form(
    stranger: httpx.AsyncClient, link: str
) -> None:
    answer = await make_owner(stranger, "wrong")

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/first-run?")
    assert _query(answer)["email"] == EMAIL
    assert _query(answer)["error"] == "LINK_INVALID"
    assert PASSWORD not in answer.headers["location"]


async def test_short_password_says_what_to_do(
    stranger: httpx.AsyncClient, link: str
) -> None:
    fields = {"token": link, "email": "no address", "password": "short"}

    answer = await stranger.post("/api/auth/first-run", json=fields)

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "Validation failed",
        "details": {
            "email": [
                "'no address' is no e-mail address; write one such as ada@example.org."
            ],
            "password": ["The password has 5 characters; use at least 10."],
        },
    }


async def test_login_form_goes_on_where_it_came_from(
    stranger: httpx.AsyncClient, link: str
) -> None:
    await make_owner(stranger, link)
    stranger.cookies.clear()
    fields = {"email": EMAIL, "password": PASSWORD, "next": "/runs/1?tab=log"}

    answer = await stranger.post("/api/auth/login", data=fields, headers=ORIGIN)

    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/1?tab=log")
    assert (await stranger.get("/api/auth/me")).status_code == 200


async def test_form_sent_before_the_scripts_ran_goes_where_its_page_says(
    stranger: httpx.AsyncClient, link: str
) -> None:
    page = {**ORIGIN, "Referer": f"{ADDRESS}/first-run?token={link}"}
    fields = {"email": EMAIL, "password": PASSWORD, "token": "", "next": ""}
    made = await stranger.post("/api/auth/first-run", data=fields, headers=page)
    stranger.cookies.clear()
    page["Referer"] = f"{ADDRESS}/login?next=%2Fruns&password=other"

    answer = await stranger.post("/api/auth/login", data=fields, headers=page)

    assert [made.headers["location"], answer.headers["location"]] == ["/", "/runs"]


async def test_form_of_an_unreadable_page_goes_home(
    stranger: httpx.AsyncClient, link: str
) -> None:
    await make_owner(stranger, link)
    fields = {"email": EMAIL, "password": PASSWORD, "next": ""}
    page = {**ORIGIN, "Referer": "//[x?next=%2Fruns"}

    answer = await stranger.post("/api/auth/login", data=fields, headers=page)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "//[x",
        "javascript:x",
        "",
    ],
)
async def test_login_leads_nowhere_else(
    stranger: httpx.AsyncClient, link: str, address: str
) -> None:
    await make_owner(stranger, link)
    fields = {"email": EMAIL, "password": PASSWORD, "next": address}

    answer = await stranger.post("/api/auth/login", data=fields, headers=ORIGIN)

    assert answer.headers["location"] == "/"


async def test_wrong_password_goes_back_to_the_form(
    stranger: httpx.AsyncClient, link: str
) -> None:
    await make_owner(stranger, link)
    fields = {"email": EMAIL, "password": "wrong password", "next": "/runs"}

    answer = await stranger.post("/api/auth/login", data=fields, headers=ORIGIN)

    assert answer.headers["location"].startswith("/login?")
    assert _query(answer) == {
        "error": "WRONG_LOGIN",
        "email": EMAIL,
        "next": "/runs",
    }


async def test_wrong_password_as_json(stranger: httpx.AsyncClient, link: str) -> None:
    await make_owner(stranger, link)

    answer = await stranger.post(
        "/api/auth/login", json={"email": EMAIL, "password": "wrong password"}
    )

    assert answer.status_code == 401
    assert answer.json()["code"] == "WRONG_LOGIN"


async def test_guessing_is_paused(stranger: httpx.AsyncClient, link: str) -> None:
    await make_owner(stranger, link)
    guess = {"email": EMAIL, "password": "wrong password"}
    for _ in range(TRIES_MAX):
        assert (await stranger.post("/api/auth/login", json=guess)).status_code == 401

    paused = await stranger.post(
        "/api/auth/login", json={"email": f" {EMAIL.upper()}", "password": PASSWORD}
    )

    assert paused.status_code == 429
    assert 0 < int(paused.headers["Retry-After"]) <= 15 * 60


async def test_guessing_an_unknown_address_is_paused_just_as_well(
    stranger: httpx.AsyncClient, link: str
) -> None:
    await make_owner(stranger, link)

    def told(answer: httpx.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["message"]

    answers = [
        [
            told(
                await stranger.post(
                    "/api/auth/login", json={"email": email, "password": "wrong one"}
                )
            )
            for _ in range(TRIES_MAX + 1)
        ]
        for email in (EMAIL, "nobody@example.org")
    ]

    assert answers[0] == answers[1]
    assert answers[0][-1][0] == 429


async def test_tries_at_the_same_time_are_counted_too(
    stranger: httpx.AsyncClient, link: str
) -> None:
    await make_owner(stranger, link)
    guess = {"email": EMAIL, "password": "wrong password"}

    answers = await asyncio.gather(
        *(stranger.post("/api/auth/login", json=guess) for _ in range(TRIES_MAX + 5))
    )

    assert sorted(answer.status_code for answer in answers) == (
        [401] * TRIES_MAX + [429] * 5
    )


async def test_pause_ends_and_a_right_password_begins_anew(
    stranger: httpx.AsyncClient, link: str, services: Services
) -> None:
    await make_owner(stranger, link)
    right = {"email": EMAIL, "password": PASSWORD}
    wrong = {**right, "password": "wrong password"}
    for _ in range(TRIES_MAX):
        await stranger.post("/api/auth/login", json=wrong)
    refused = await stranger.post("/api/auth/login", json=wrong)
    (key,) = [key async for key in services.redis.scan_iter("app:identity:*:tries")]
    await services.redis.expire(key, 0)

    again = await stranger.post("/api/auth/login", json=right)

    assert (refused.status_code, again.status_code) == (429, 200)
    assert await services.redis.exists(key) == 0
    for _ in range(TRIES_MAX):
        answer = await stranger.post("/api/auth/login", json=wrong)
        assert answer.status_code == 401


async def test_login_from_another_site_is_refused(
    stranger: httpx.AsyncClient, link: str
) -> None:
    answer = await stranger.post(
        "/api/auth/login",
        data={"email": EMAIL, "password": PASSWORD},
        headers={"Origin": "http://evil.example"},
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "ORIGIN_REFUSED")


async def test_logout_ends_the_login(stranger: httpx.AsyncClient, link: str) -> None:
    await make_owner(stranger, link)
    cookies = dict(stranger.cookies)

    answer = await stranger.post("/api/auth/logout", headers=ORIGIN)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert not stranger.cookies
    stranger.cookies.update(cookies)
    assert (await stranger.get("/api/auth/me")).status_code == 401


async def test_logout_without_a_login_is_fine(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post("/api/auth/logout", json={})

    assert answer.status_code == 204
