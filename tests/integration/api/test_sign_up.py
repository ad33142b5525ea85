"""Signing up and forgotten passwords: who may, what the letters say, and that nobody learns which addresses are known."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from app.backend.identity import mail
from app.backend.identity.tables import MailRow, OneTimeLinkRow, UserRow
from app.backend.identity.tries import LETTERS_MAX, SIGN_UPS_MAX
from tests.integration.api.conftest import ADDRESS
from tests.mail_server import MailServer, link_in, serve_mail
from tests.stack import Stack

ADA, PASSWORD = "ada@example.org", "correct horse battery"
ORIGIN = {"Origin": ADDRESS}
SIGN_UP, FORGOT = "/api/auth/signup", "/api/auth/forgot-password"
CHOOSE = "/api/auth/choose-password"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A mail server of this test."""
    with serve_mail() as server:
        yield server


@pytest.fixture
def settings(
    stack: Stack, tmp_path: Path, mail_server: MailServer
) -> Iterator[Settings]:
    """An installation that sends mail, and where anybody signs up."""
    with stack.make_installation(tmp_path / "data") as made:
        yield made.model_copy(update={"sign_up": "open", **mail_server.settings})


@pytest.fixture
async def browser(stranger: httpx.AsyncClient, actor: Actor) -> httpx.AsyncClient:
    """A browser of somebody without a login; the installation has an owner."""
    stranger.headers.update(ORIGIN)
    return stranger


def _use(app: FastAPI, services: Services, **changes: Any) -> None:
    settings = services.settings.model_copy(update=changes)
    app.state.services = replace(services, settings=settings)


async def _deliver(services: Services) -> None:
    async with services.db.read() as session:
        query = select(MailRow.id).order_by(col(MailRow.id))
        waiting = (await session.exec(query)).all()
    for mail_id in waiting:
        await mail.deliver(services, mail_id)


async def _people(services: Services) -> list[str]:
    async with services.db.read() as session:
        return sorted((await session.exec(select(UserRow.email))).all())


def _token(letter: Any) -> str:
    return link_in(letter).partition("token=")[2]


async def test_account_begins_with_the_link_in_the_letter(
    browser: httpx.AsyncClient, services: Services, mail_server: MailServer
) -> None:
    asked = await browser.post(SIGN_UP, data={"email": " Ada@Example.org "})
    before = await _people(services)
    await _deliver(services)
    letter = await mail_server.next_letter()
    choice = {"token": _token(letter), "password": PASSWORD}
    chosen = await browser.post(CHOOSE, data=choice)
    again = await browser.post(CHOOSE, data=choice)
    me = (await browser.get("/api/auth/me")).json()

    assert asked.headers["location"] == "/signup?done=1"
    assert before == ["owner@example.org"]
    assert letter["To"] == ADA
    assert link_in(letter).startswith(f"{services.settings.web_address}/choose-")
    assert chosen.headers["location"] == "/"
    assert "PASSWORD_LINK_INVALID" in again.headers["location"]
    assert (me["email"], me["role"]) == (ADA, "user")


async def test_known_address_gets_the_same_answer_and_another_letter(
    browser: httpx.AsyncClient, services: Services, mail_server: MailServer
) -> None:
    answers = [
        await browser.post(path, json={"email": email})
        for path in (SIGN_UP, FORGOT)
        for email in ("owner@example.org", "nobody@example.org")
    ]
    await _deliver(services)
    to = {letter["To"]: letter["Subject"] for letter in mail_server.letters}
    numbers = [letter["To"] for letter in mail_server.letters]

    assert {(answer.status_code, answer.text) for answer in answers} == {
        (202, answers[0].text)
    }
    assert to == {
        "owner@example.org": "A new password for Atelier",
        "nobody@example.org": "Your account at Atelier",
    }
    assert (
        numbers.count("owner@example.org"),
        numbers.count("nobody@example.org"),
    ) == (2, 1)


async def test_new_password_by_mail_ends_all_logins_and_works_once(
    browser: httpx.AsyncClient,
    services: Services,
    mail_server: MailServer,
    cookie: dict[str, str],
) -> None:
    before = await browser.get("/api/auth/me", headers=cookie)
    asked = await browser.post(FORGOT, data={"email": "owner@example.org"})
    await browser.post(FORGOT, data={"email": "owner@example.org"})
    still_in = await browser.get("/api/auth/me", headers=cookie)
    await _deliver(services)
    tokens = [_token(await mail_server.next_letter()) for _ in range(2)]
    chosen, *others = [
        await browser.post(CHOOSE, data={"token": token, "password": PASSWORD})
        for token in (tokens[0], tokens[0], tokens[1])
    ]
    browser.cookies.clear()
    after = await browser.get("/api/auth/me", headers=cookie)
    login = {"email": "owner@example.org", "password": PASSWORD}

    assert asked.headers["location"] == "/forgot-password?done=1"
    assert [one.status_code for one in (before, still_in, after)] == [200, 200, 401]
    assert chosen.headers["location"] == "/"
    assert all("PASSWORD_LINK_INVALID" in one.headers["location"] for one in others)
    assert (await browser.post("/api/auth/login", json=login)).status_code == 200


async def test_suspended_users_get_no_letter(
    browser: httpx.AsyncClient, services: Services, make_user: Any
) -> None:
    await make_user(email=ADA, is_active=False)

    await browser.post(FORGOT, json={"email": ADA})
    await browser.post(SIGN_UP, json={"email": ADA})

    async with services.db.read() as session:
        assert (await session.exec(select(MailRow))).all() == []
        assert (await session.exec(select(OneTimeLinkRow))).all() == []


async def test_address_is_not_flooded_with_letters(
    browser: httpx.AsyncClient, services: Services
) -> None:
    for path in (SIGN_UP, FORGOT, SIGN_UP, SIGN_UP, FORGOT, SIGN_UP):
        answer = await browser.post(path, json={"email": "owner@example.org"})
        assert answer.status_code == 202

    async with services.db.read() as session:
        rows = (await session.exec(select(MailRow))).all()
    assert len(rows) == LETTERS_MAX


async def test_invitation_is_sent_too(
    browser: httpx.AsyncClient,
    services: Services,
    mail_server: MailServer,
    cookie: dict[str, str],
) -> None:
    made = await browser.post("/api/v1/users", json={"email": ADA}, headers=cookie)
    await _deliver(services)
    letter = await mail_server.next_letter()

    assert made.json()["is_sent"] is True
    assert link_in(letter) == made.json()["link"]


async def test_only_addresses_of_the_domains_sign_up(
    app: FastAPI, browser: httpx.AsyncClient, services: Services
) -> None:
    _use(app, services, sign_up="domains", sign_up_domains="Example.org, @b.org")
    statuses = [
        (await browser.post(SIGN_UP, json={"email": f"ada@{domain}"})).status_code
        for domain in (
            "example.org",
            "b.org",
            "sub.example.org",
            "example.org.evil.com",
        )
    ]
    as_form = await browser.post(SIGN_UP, data={"email": "ada@other.org"})

    assert statuses == [202, 202, 403, 403]
    assert as_form.headers["location"] == (
        "/signup?error=DOMAIN_REFUSED&email=ada%40other.org"
    )


@pytest.mark.parametrize("mode", ["closed", "invited"])
async def test_nobody_signs_up_where_accounts_are_given(
    app: FastAPI,
    browser: httpx.AsyncClient,
    services: Services,
    cookie: dict[str, str],
    mode: str,
) -> None:
    _use(app, services, sign_up=mode)

    signed_up = await browser.post(SIGN_UP, json={"email": ADA, "password": PASSWORD})
    invited = await browser.post("/api/v1/users", json={"email": ADA}, headers=cookie)

    assert (signed_up.status_code, signed_up.json()["code"]) == (403, "SIGN_UP_CLOSED")
    assert "administrator" in signed_up.json()["message"]
    assert invited.status_code == (403 if mode == "closed" else 201)


async def test_without_mail_one_network_address_makes_few_accounts(
    app: FastAPI, browser: httpx.AsyncClient, services: Services
) -> None:
    _use(app, services, smtp_host="")
    # The same address each time: what is counted is who asks, not for whom.
    draft = {"email": ADA, "password": PASSWORD}
    statuses = [
        (await browser.post(SIGN_UP, json=draft)).status_code
        for _ in range(SIGN_UPS_MAX)
    ]
    other = {**draft, "email": "b@example.org"}
    refused = await browser.post(SIGN_UP, json=other)
    as_form = await browser.post(SIGN_UP, data=other)

    assert set(statuses) == {202}
    assert refused.status_code == 429
    assert "Too many accounts" in refused.json()["message"]
    assert int(refused.headers["retry-after"]) > 0
    assert "error=TOO_MANY_ACCOUNTS" in as_form.headers["location"]
    assert await _people(services) == [ADA, "owner@example.org"]


async def test_without_mail_the_account_is_made_at_once(
    app: FastAPI, browser: httpx.AsyncClient, services: Services
) -> None:
    _use(app, services, smtp_host="")
    draft = {"email": ADA, "password": PASSWORD}

    no_password = await browser.post(SIGN_UP, json={"email": ADA})
    made = await browser.post(SIGN_UP, json=draft)
    again = await browser.post(SIGN_UP, json={**draft, "password": "another long one"})
    login = await browser.post("/api/auth/login", json=draft)
    forgotten = await browser.post(FORGOT, json={"email": ADA})
    as_form = await browser.post(SIGN_UP, data={**draft, "email": "b@example.org"})

    assert no_password.json()["details"] == {"password": ["Choose a password."]}
    assert (made.status_code, made.text) == (again.status_code, again.text)
    assert login.status_code == 200
    assert (forgotten.status_code, forgotten.json()["code"]) == (403, "NO_MAIL")
    assert as_form.headers["location"] == "/login?done=1"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sign_up": "domains"}, "ATELIER_SIGN_UP_DOMAINS"),
        ({"sign_up": "domains", "sign_up_domains": "a.org"}, "ATELIER_SMTP_HOST"),
        ({"smtp_host": "mail.example.org"}, "ATELIER_SMTP_SENDER"),
    ],
)
def test_settings_that_need_mail_say_so(given: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings(_env_file=None, **given)  # pyright: ignore[reportCallIssue] - pydantic-settings takes _env_file
