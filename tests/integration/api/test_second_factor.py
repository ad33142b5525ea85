"""The second factor: set up, asked for at sign-in, used up, lost, and demanded."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from pyotp.totp import TOTP
from sqlmodel import col, select, update

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor, Role
from app.backend.core.settings import Settings
from app.backend.identity import cookies, people
from app.backend.identity import service as identity
from app.backend.identity.schemas import UserDraft
from app.backend.identity.tables import (
    AuditRow,
    OneTimeLinkRow,
    RecoveryCodeRow,
    SecondFactorRow,
    UserRow,
)
from app.backend.identity.tries import TRIES_MAX
from tests.api import make_api
from tests.integration.api.conftest import ADDRESS

EMAIL = "ada@example.org"
PASSWORD = "correct horse battery"
ORIGIN = {"Origin": ADDRESS}
PATH = "/api/auth/second-factor"
LOGIN = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
async def ada(stranger: httpx.AsyncClient, services: Services) -> httpx.AsyncClient:
    """A browser in which the owner has signed in with a password alone."""
    draft = UserDraft.model_validate(LOGIN)
    async with services.db.transaction() as session:
        await identity.bootstrap_owner(session, draft=draft)
    stranger.headers.update(ORIGIN)
    assert (await stranger.post("/api/auth/login", json=LOGIN)).status_code == 200
    return stranger


async def _set_up(browser: httpx.AsyncClient) -> tuple[TOTP, list[str]]:
    begun = await browser.post(PATH, json={"password": PASSWORD})
    assert begun.status_code == 201, begun.text
    totp = TOTP(begun.json()["secret"])
    confirmed = await browser.post(f"{PATH}/confirm", json={"code": totp.now()})
    assert confirmed.status_code == 200, confirmed.text
    return totp, confirmed.json()["codes"]


def _next_code(totp: TOTP) -> str:
    # The present one is used up; a clock may be one step ahead.
    return totp.at(clock.now(), counter_offset=1)


def _with_settings(services: Services, settings: Settings) -> Services:
    return replace(services, settings=settings)


async def _become(services: Services, actor: Actor, role: Role) -> None:
    async with services.db.transaction() as session:
        query = update(UserRow).where(col(UserRow.id) == actor.user_id)
        await session.exec(query.values(role=role))


async def _login(browser: httpx.AsyncClient, **more: str) -> httpx.Response:
    return await browser.post("/api/auth/login", json={**LOGIN, **more})


async def test_code_is_asked_for_after_the_right_password(
    ada: httpx.AsyncClient, services: Services
) -> None:
    totp, codes = await _set_up(ada)
    state = (await ada.get(PATH)).json()
    ada.cookies.clear()

    missing = await _login(ada)
    wrong_password = await _login(ada, password="wrong password")
    wrong_code = await _login(ada, code="000000")
    right = await _login(ada, code=_next_code(totp))

    assert (state["is_on"], state["recovery_codes"]) == (True, 10)
    assert len(set(codes)) == 10
    assert missing.json()["code"] == "SECOND_FACTOR_NEEDED"
    assert wrong_password.json()["code"] == "WRONG_LOGIN"
    assert wrong_code.json()["code"] == "WRONG_CODE"
    assert [one.status_code for one in (missing, wrong_password, wrong_code)] == (
        [401] * 3
    )
    assert not any(
        "set-cookie" in one.headers for one in (missing, wrong_password, wrong_code)
    )
    assert right.status_code == 200
    assert (await ada.get("/api/auth/me")).json()["email"] == EMAIL
    async with services.db.read() as session:
        rows = (await session.exec(select(AuditRow))).all()
    last = max(rows, key=lambda row: row.id)
    assert (last.action, last.detail) == ("logged_in", {"second_factor": "code"})


async def test_form_asks_for_the_code_in_a_second_step(ada: httpx.AsyncClient) -> None:
    totp, _ = await _set_up(ada)
    ada.cookies.clear()
    first = {**LOGIN, "next": "/runs"}

    asked = await ada.post("/api/auth/login", data=first)
    still_out = await ada.get("/api/auth/me")
    wrong = await ada.post(
        "/api/auth/login-code", data={"code": "000000", "next": "/runs"}
    )
    right = await ada.post(
        "/api/auth/login-code", data={"code": _next_code(totp), "next": "/runs"}
    )
    me = await ada.get("/api/auth/me")

    assert asked.headers["location"] == "/login-code?next=%2Fruns"
    assert "HttpOnly" in asked.headers["set-cookie"]
    assert still_out.status_code == 401
    assert wrong.headers["location"] == "/login-code?error=WRONG_CODE&next=%2Fruns"
    assert right.headers["location"] == "/runs"
    assert me.status_code == 200


async def test_second_step_is_over_after_some_minutes_or_a_new_password(
    ada: httpx.AsyncClient, services: Services
) -> None:
    totp, _ = await _set_up(ada)
    challenge = cookies.challenge_name(services.keyring)
    answers: list[str] = []

    async def try_code() -> None:
        answer = await ada.post("/api/auth/login-code", data={"code": _next_code(totp)})
        answers.append(answer.headers["location"])

    await ada.post("/api/auth/login", data=LOGIN)
    async with services.db.transaction() as session:
        past = clock.now() - timedelta(seconds=1)
        await session.exec(update(OneTimeLinkRow).values(expires_at=past))
    await try_code()
    await ada.post("/api/auth/login", data=LOGIN)
    change = {"current": PASSWORD, "new": "another long password"}
    assert (await ada.post("/api/auth/password", json=change)).status_code == 204
    await try_code()
    ada.cookies.clear()
    ada.cookies.set(challenge, "made-up")
    await try_code()

    assert answers == ["/login?error=LOGIN_OVER"] * 3


async def test_code_works_once_also_at_the_same_time(ada: httpx.AsyncClient) -> None:
    totp, _ = await _set_up(ada)
    code = _next_code(totp)

    answers = await asyncio.gather(*(_login(ada, code=code) for _ in range(4)))
    again = await _login(ada, code=code)

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    assert again.json()["code"] == "WRONG_CODE"


async def test_recovery_code_works_once_however_it_is_written(
    ada: httpx.AsyncClient, services: Services
) -> None:
    _, codes = await _set_up(ada)

    first = await _login(ada, code=codes[0].upper().replace("-", " "))
    again = await _login(ada, code=codes[0])
    other = await _login(ada, code=codes[1])
    state = (await ada.get(PATH)).json()
    async with services.db.read() as session:
        stored = (await session.exec(select(RecoveryCodeRow.code_hash))).all()

    assert [one.status_code for one in (first, again, other)] == [200, 401, 200]
    assert state["recovery_codes"] == 8
    assert not any(code in stored for code in codes)


async def test_fresh_recovery_codes_replace_the_old_ones(
    ada: httpx.AsyncClient,
) -> None:
    _, old = await _set_up(ada)

    wrong = await ada.post(f"{PATH}/recovery-codes", json={"password": "wrong one"})
    made = await ada.post(f"{PATH}/recovery-codes", json={"password": PASSWORD})
    new = made.json()["codes"]

    assert wrong.status_code == 400
    assert (await _login(ada, code=old[0])).status_code == 401
    assert (await _login(ada, code=new[0])).status_code == 200


async def test_guessing_codes_is_paused_and_the_password_gives_no_new_tries(
    ada: httpx.AsyncClient, services: Services
) -> None:
    totp, _ = await _set_up(ada)
    for number in range(TRIES_MAX // 2):
        assert (await _login(ada, code="000000")).status_code == 401, number
        assert (await _login(ada)).status_code == 401, number

    paused = await _login(ada, code=_next_code(totp))
    as_form = await ada.post("/api/auth/login", data=LOGIN)
    async with services.db.read() as session:
        actions = (await session.exec(select(AuditRow.action))).all()

    assert actions.count("login_paused") == 1
    assert paused.status_code == 429
    assert as_form.headers["location"].startswith("/login?error=TOO_MANY_REQUESTS")


async def test_codes_are_counted_in_the_second_step_too(ada: httpx.AsyncClient) -> None:
    totp, _ = await _set_up(ada)
    await ada.post("/api/auth/login", data=LOGIN)
    for _ in range(TRIES_MAX - 1):
        await ada.post("/api/auth/login-code", data={"code": "000000"})

    paused = await ada.post("/api/auth/login-code", data={"code": _next_code(totp)})

    assert paused.headers["location"] == "/login-code?error=TOO_MANY_REQUESTS"


async def test_setting_up_needs_the_password_and_a_right_code(
    ada: httpx.AsyncClient, services: Services
) -> None:
    wrong = await ada.post(PATH, json={"password": "wrong password"})
    nothing = await ada.post(f"{PATH}/confirm", json={"code": "123456"})
    first = (await ada.post(PATH, json={"password": PASSWORD})).json()
    second = (await ada.post(PATH, json={"password": PASSWORD})).json()
    older = await ada.post(
        f"{PATH}/confirm", json={"code": TOTP(first["secret"]).now()}
    )
    login = await _login(ada)
    newest = TOTP(second["secret"])
    right = await ada.post(f"{PATH}/confirm", json={"code": newest.now()})
    again = await ada.post(PATH, json={"password": PASSWORD})
    async with services.db.read() as session:
        (stored,) = (await session.exec(select(SecondFactorRow.secret))).all()

    assert wrong.json()["details"]["password"] == ["This is not your present password."]
    assert (nothing.status_code, older.status_code) == (409, 400)
    # Until it is confirmed it is asked for nowhere.
    assert login.status_code == 200
    assert second["address"].startswith("otpauth://totp/Atelier:ada%40example.org")
    assert second["qr"].startswith("data:image/svg+xml")
    assert (right.status_code, again.status_code) == (200, 409)
    assert second["secret"] not in stored


async def test_it_is_turned_off_with_the_password(ada: httpx.AsyncClient) -> None:
    await _set_up(ada)

    wrong = await ada.post(f"{PATH}/remove", json={"password": "wrong password"})
    right = await ada.post(f"{PATH}/remove", json={"password": PASSWORD})

    assert (wrong.status_code, right.status_code) == (400, 204)
    assert (await _login(ada)).status_code == 200
    assert (await ada.get(PATH)).json()["recovery_codes"] == 0


async def test_administrator_removes_a_lost_one(
    ada: httpx.AsyncClient, services: Services, app: FastAPI
) -> None:
    async with services.db.transaction() as session:
        owner = await identity.find_actor_by_email(session, EMAIL)
        bob = UserDraft.model_validate(
            {"email": "bob@example.org", "password": PASSWORD}
        )
        user = await identity.create_user(session, owner, draft=bob)
    transport = httpx.ASGITransport(app)
    login = {"email": "bob@example.org", "password": PASSWORD}
    async with httpx.AsyncClient(
        transport=transport, base_url=ADDRESS, headers=ORIGIN
    ) as browser:
        await browser.post("/api/auth/login", json=login)
        await _set_up(browser)
        before = await browser.post("/api/auth/login", json=login)
        path = f"/api/v1/users/{user.id}/second-factor"
        by_himself = await browser.delete(path)
        removed = await ada.delete(path)
        after = await browser.post("/api/auth/login", json=login)
    async with services.db.read() as session:
        rows = (await session.exec(select(AuditRow))).all()

    assert before.status_code == 401
    assert by_himself.status_code == 403
    assert removed.json()["has_second_factor"] is False
    assert after.status_code == 200
    (row,) = [row for row in rows if row.action == "second_factor_removed"]
    assert (row.owner_id, row.object_id) == (owner.user_id, user.id)


async def test_link_for_a_new_password_does_not_replace_it(
    ada: httpx.AsyncClient, services: Services
) -> None:
    totp, _ = await _set_up(ada)
    new = "another long password"
    async with services.db.transaction() as session:
        owner = await identity.find_actor_by_email(session, EMAIL)
        links = [
            await people.make_password_link(session, owner, user_id=owner.user_id)
            for _ in range(2)
        ]
    ada.cookies.clear()
    choice = {"token": links[1].token, "password": new}

    asked = await ada.post("/api/auth/choose-password", data=choice)
    out = await ada.get("/api/auth/me")
    code = {"code": _next_code(totp)}
    let_in = await ada.post("/api/auth/login-code", data=code)

    assert asked.headers["location"] == "/login-code?next=%2F"
    assert out.status_code == 401
    assert let_in.headers["location"] == "/"
    assert (await ada.get("/api/auth/me")).status_code == 200


@pytest.mark.parametrize(
    ("demand", "role", "status"),
    [
        ("optional", Role.ADMIN, 200),
        ("admins", Role.ADMIN, 403),
        ("admins", Role.USER, 200),
        ("all", Role.USER, 403),
    ],
)
async def test_demanded_factor_comes_before_anything_else(
    services: Services,
    cookie: dict[str, str],
    actor: Actor,
    demand: str,
    role: Role,
    status: int,
) -> None:
    settings = services.settings.model_copy(update={"second_factor": demand})
    app = make_api(settings)
    app.state.services = _with_settings(services, settings)
    if role is not Role.ADMIN:
        await _become(services, actor, role)
    transport = httpx.ASGITransport(app)
    headers = {**cookie, **ORIGIN}
    async with httpx.AsyncClient(
        transport=transport, base_url=ADDRESS, headers=headers
    ) as browser:
        answer = await browser.get("/api/v1/agents")
        me = await browser.get("/api/auth/me")
        led = await browser.get("/docs", headers={"Accept": "text/html"})

    assert answer.status_code == status
    assert me.status_code == 200
    if status == 403:
        assert answer.json()["code"] == "SECOND_FACTOR_DEMANDED"
        assert (led.status_code, led.headers["location"]) == (303, "/second-factor")


async def test_demanded_factor_is_set_up_and_lets_in(
    services: Services, ada: httpx.AsyncClient, app: FastAPI
) -> None:
    settings = services.settings.model_copy(update={"second_factor": "all"})
    app.state.services = _with_settings(services, settings)

    refused = await ada.get("/api/v1/agents")
    await _set_up(ada)
    let_in = await ada.get("/api/v1/agents")

    assert (refused.status_code, let_in.status_code) == (403, 200)
