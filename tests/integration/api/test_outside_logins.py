"""Signing in with an account elsewhere: which account one gets, and what links to it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlmodel import select

from app import routes
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Role
from app.backend.core.settings import Settings
from app.backend.identity import people
from app.backend.identity.outside import attempts, issuers
from app.backend.identity.schemas import InviteDraft
from app.backend.identity.tables import AuditRow, LinkedLoginRow, UserRow
from tests.asgi import served
from tests.factories.rows import MakeUser
from tests.integration.api.conftest import ADDRESS
from tests.integration.api.outside import (
    CALLBACK,
    START,
    Browser,
    ask_provider,
    query_of,
)
from tests.login_provider import CLIENT_ID, CLIENT_SECRET, LoginProvider
from tests.login_services import Discord, GitHub
from tests.stack import changed, settings_of

ADA = "ada@example.org"
MAIL = {"smtp_host": "127.0.0.1", "smtp_sender": "atelier@example.org"}
RULES = {"groups": {"atelier-admins": "admin", "guests": "viewer"}}


@pytest.fixture
async def provider() -> AsyncGenerator[LoginProvider, None]:
    """The provider of the company."""
    async with LoginProvider.started(CALLBACK) as started:
        yield started


@pytest.fixture
async def github() -> AsyncGenerator[tuple[GitHub, str], None]:
    """GitHub, and its address."""
    service = GitHub()
    async with served(service.app()) as address:
        yield service, address


@pytest.fixture
def issuer_options() -> dict[str, Any]:
    """What the settings say of the company's provider besides the necessary."""
    return {}


@pytest.fixture
def options() -> dict[str, Any]:
    """What else the settings say."""
    return {}


@pytest.fixture
def settings(
    settings: Settings,
    provider: LoginProvider,
    github: tuple[GitHub, str],
    issuer_options: dict[str, Any],
    options: dict[str, Any],
) -> Settings:
    """Settings of an installation that takes logins of the company and of GitHub."""
    more: dict[str, Any] = {
        "oidc_issuers": [provider.setting(**issuer_options)],
        "github_url": github[1],
        "github_client_id": CLIENT_ID,
        "github_client_secret": SecretStr(CLIENT_SECRET),
    }
    return changed(settings, **more, **options)


@pytest.fixture
def browser(stranger: httpx.AsyncClient) -> Browser:
    """A browser in which nobody is signed in."""
    return Browser(stranger)


@pytest.fixture
async def invited(services: Services, actor: Actor) -> UUID:
    """Ada, who was invited and has not come."""
    async with services.db.transaction() as session:
        draft = InviteDraft(email=ADA)
        return (await people.invite(session, actor, draft=draft)).user.id


async def _user(services: Services, email: str = ADA) -> UserRow:
    async with services.db.read() as session:
        query = select(UserRow).where(UserRow.email == email)
        return (await session.exec(query)).one()


async def _actions(services: Services, user_id: UUID) -> list[tuple[str, Any]]:
    async with services.db.read() as session:
        query = (
            select(AuditRow).where(AuditRow.owner_id == user_id).order_by(AuditRow.id)  # pyright: ignore[reportArgumentType]
        )
        rows = (await session.exec(query)).all()
    return [(row.action, row.detail.get("provider")) for row in rows]


async def test_invited_person_signs_in_and_lands_where_they_wanted(
    browser: Browser, services: Services, invited: UUID
) -> None:
    assert await browser.sign_in(f"{START}?next=/runs%3Ftag%3Da") == "/runs?tag=a"

    assert await browser.email() == ADA
    assert (await _user(services)).display_name == "Ada"
    assert await _actions(services, invited) == [
        ("login_linked", "company"),
        ("logged_in", "company"),
    ]


async def test_second_login_finds_the_account_also_under_another_address(
    browser: Browser, provider: LoginProvider, invited: UUID, services: Services
) -> None:
    await browser.sign_in()
    provider.person |= {"email": "new@example.org", "email_verified": False}

    assert await browser.sign_in() == "/"

    assert await browser.email() == ADA
    async with services.db.read() as session:
        (linked,) = (await session.exec(select(LinkedLoginRow))).all()
    assert (linked.owner_id, linked.email) == (invited, "new@example.org")


async def test_first_logins_in_several_windows_at_once_all_go_well(
    app: FastAPI, services: Services, invited: UUID
) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ADDRESS)
            for _ in range(4)
        ]
        windows = [Browser(await stack.enter_async_context(one)) for one in clients]
        ways_back = [await ask_provider(await one.begin()) for one in windows]

        led = await asyncio.gather(
            *(one.come_back(url) for one, url in zip(windows, ways_back, strict=True))
        )

    assert led == ["/"] * 4
    async with services.db.read() as session:
        (linked,) = (await session.exec(select(LinkedLoginRow))).all()
    assert linked.owner_id == invited


async def test_logout_ends_our_login(browser: Browser, invited: UUID) -> None:
    await browser.sign_in()

    await browser.client.post("/api/auth/logout")

    assert await browser.email() is None


async def test_invitation_link_is_over_once_its_person_came_in_another_way(
    browser: Browser, services: Services, actor: Actor
) -> None:
    async with services.db.transaction() as session:
        made = await people.invite(session, actor, draft=InviteDraft(email=ADA))
    await browser.sign_in()

    fields = {"token": made.token, "password": "correct horse battery"}
    answer = await browser.client.post("/api/auth/choose-password", json=fields)

    assert answer.json()["code"] == "PASSWORD_LINK_INVALID"


@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
async def test_account_with_a_password_is_never_taken_over_by_its_address(
    browser: Browser, make_user: MakeUser, actor: Actor, role: Role
) -> None:
    await make_user(email=ADA, role=role, password_hash="somebody's")

    assert query_of(await browser.sign_in()) == {"error": "ACCOUNT_IN_USE"}
    assert await browser.email() is None


async def test_account_that_is_linked_elsewhere_is_not_taken_over_either(
    browser: Browser, provider: LoginProvider, invited: UUID
) -> None:
    await browser.sign_in()
    await browser.client.post("/api/auth/logout")
    provider.person |= {"sub": "another person with the same address"}

    assert query_of(await browser.sign_in()) == {"error": "ACCOUNT_IN_USE"}


@pytest.mark.parametrize(
    "change", [{"email_verified": False}, {"email": ""}, {"email": "no address"}]
)
async def test_address_that_the_provider_does_not_prove_is_worth_nothing(
    browser: Browser, provider: LoginProvider, invited: UUID, change: dict[str, Any]
) -> None:
    provider.person |= change

    assert query_of(await browser.sign_in()) == {"error": "EMAIL_UNPROVED"}


async def test_nobody_comes_in_uninvited(browser: Browser, actor: Actor) -> None:
    answer = query_of(await browser.sign_in(f"{START}?next=/runs"))

    assert answer == {"error": "NOT_INVITED", "next": "/runs"}


@pytest.mark.parametrize("issuer_options", [{"sign_up": True}])
async def test_provider_that_may_brings_in_people_as_users(
    browser: Browser, services: Services, actor: Actor
) -> None:
    assert await browser.sign_in() == "/"

    user = await _user(services)
    assert (user.role, user.display_name, user.password_hash) == ("user", "Ada", "")
    assert user.welcomed_at is not None
    assert [action for action, _ in await _actions(services, user.id)] == [
        "user_signed_up",
        "login_linked",
        "logged_in",
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"sign_up": "open"},
        {**MAIL, "sign_up": "domains", "sign_up_domains": "example.org"},
    ],
    ids=["open", "domains"],
)
async def test_installation_that_gives_accounts_gives_them_here_too(
    browser: Browser, services: Services, actor: Actor
) -> None:
    assert await browser.sign_in() == "/"

    assert await browser.email() == ADA


@pytest.mark.parametrize(
    ("options", "issuer_options"),
    [
        ({**MAIL, "sign_up": "domains", "sign_up_domains": "example.com"}, {}),
        ({"sign_up": "closed"}, {"sign_up": True}),
    ],
    ids=["another domain", "closed"],
)
async def test_installation_that_gives_no_account_gives_none_here(
    browser: Browser, actor: Actor
) -> None:
    assert query_of(await browser.sign_in()) == {"error": "NOT_INVITED"}


@pytest.mark.parametrize("options", [{"second_factor": "all"}])
async def test_login_elsewhere_counts_as_both_factors(
    browser: Browser, invited: UUID
) -> None:
    await browser.sign_in()

    assert (await browser.client.get("/api/v1/agents")).status_code == 200


@pytest.mark.parametrize("issuer_options", [{"trust_email": True}], ids=["trusted"])
async def test_address_of_a_trusted_provider_needs_no_proof(
    browser: Browser, provider: LoginProvider, invited: UUID
) -> None:
    del provider.person["email_verified"]

    assert await browser.sign_in() == "/"


async def test_suspended_person_stays_out(
    browser: Browser, services: Services, actor: Actor, invited: UUID
) -> None:
    await browser.sign_in()
    async with services.db.transaction() as session:
        await people.set_active(session, actor, user_id=invited, is_active=False)

    assert query_of(await browser.sign_in()) == {"error": "ACCOUNT_SUSPENDED"}
    assert await browser.email() is None


@pytest.mark.parametrize("issuer_options", [{"roles": RULES}])
async def test_role_follows_the_groups_at_each_login(
    browser: Browser,
    provider: LoginProvider,
    services: Services,
    make_user: MakeUser,
    invited: UUID,
) -> None:
    await make_user(role=Role.ADMIN, password_hash="somebody's")
    provider.person["groups"] = ["guests", "atelier-admins"]
    provider.only_in_userinfo = {"groups"}
    await browser.sign_in()
    assert (await _user(services)).role == "admin"

    provider.person["groups"] = []
    await browser.sign_in()

    assert (await _user(services)).role == "user"
    changes = [
        entry for entry in await _actions(services, invited) if "role" in entry[0]
    ]
    assert changes == [("role_changed", "company")] * 2


@pytest.mark.parametrize("issuer_options", [{"roles": RULES}])
async def test_last_administrator_stays_one(
    browser: Browser, services: Services, make_user: MakeUser, provider: LoginProvider
) -> None:
    provider.person["groups"] = []
    await make_user(email=ADA, role=Role.ADMIN)

    assert await browser.sign_in() == "/"

    assert (await _user(services)).role == "admin"


async def test_github_signs_in_by_its_primary_address(
    browser: Browser, services: Services, invited: UUID
) -> None:
    assert await browser.sign_in("/api/auth/oauth/github/start") == "/"

    assert await browser.email() == ADA
    async with services.db.read() as session:
        (linked,) = (await session.exec(select(LinkedLoginRow))).all()
    assert (linked.provider, linked.subject) == ("github", "583231")


async def test_github_address_that_is_not_verified_is_worth_nothing(
    browser: Browser, github: tuple[GitHub, str], invited: UUID
) -> None:
    github[0].emails[1]["verified"] = False

    answer = await browser.sign_in("/api/auth/oauth/github/start")

    assert query_of(answer) == {"error": "EMAIL_UNPROVED"}


async def test_discord_signs_in(
    app: FastAPI, browser: Browser, services: Services, invited: UUID
) -> None:
    configured = {"discord_client_id": CLIENT_ID}
    configured |= {"discord_client_secret": SecretStr(CLIENT_SECRET)}
    (issuer,) = issuers.list_issuers(
        settings_of(services.settings.data_dir, **configured)
    )
    async with served(Discord().app()) as address:
        there = {
            name: getattr(issuer, name).replace(issuers.DISCORD, address)
            for name in ("authorization_endpoint", "token_endpoint", "api_url")
        }
        app.state.outside_logins.issuers.append(issuer.model_copy(update=there))

        assert await browser.sign_in("/api/auth/oauth/discord/start") == "/"

    assert await browser.email() == ADA


async def _link_path(services: Services, browser: Browser, key: str) -> str:
    """Return the address that the settings page of whoever is signed in shows."""
    listed = (await browser.client.get("/api/auth/sessions")).json()["items"]
    current = next(login["id"] for login in listed if login["is_current"])
    me = (await browser.client.get("/api/auth/me")).json()
    actor = Actor(
        user_id=me["id"],
        email=me["email"],
        role=me["role"],
        permissions=frozenset(),
        session_id=current,
    )
    ticket = attempts.link_ticket(services.keyring, actor, key)
    return routes.outside_login_path(key, link=ticket)


async def test_who_reads_what_somebody_has_links_no_login_of_theirs(
    app: FastAPI,
    signed_in: httpx.AsyncClient,
    services: Services,
    cookie: dict[str, str],
    other_actor: Actor,
) -> None:
    settings = services.settings.model_copy(update={"admins_read": True})
    app.state.services = replace(services, settings=settings)
    browser = Browser(signed_in)
    browser.keep(cookie)
    before = await _link_path(services, browser, "company")
    reading = {"user_id": str(other_actor.user_id)}
    assert (await signed_in.post("/api/auth/reading", json=reading)).is_success

    answer = await signed_in.get(before)

    assert "READS_ONLY" in answer.headers["Location"]
    assert not (await signed_in.get("/api/auth/linked")).json()["items"]


async def test_login_is_linked_used_and_unlinked(
    signed_in: httpx.AsyncClient, services: Services, cookie: dict[str, str]
) -> None:
    browser = Browser(signed_in)
    browser.keep(cookie)

    linking = await browser.sign_in(await _link_path(services, browser, "company"))

    assert linking == "/settings"
    (linked,) = (await signed_in.get("/api/auth/linked")).json()["items"]
    assert (linked["provider"], linked["email"]) == ("company", ADA)
    signed_in.cookies.clear()
    assert await browser.sign_in() == "/"
    assert await browser.email() == "owner@example.org"
    place = f"/api/auth/linked/{linked['id']}"
    refused = await signed_in.delete(place)
    assert (refused.status_code, refused.json()["code"]) == (409, "LAST_WAY_IN")
    path = await _link_path(services, browser, "github")
    assert await browser.sign_in(path) == "/settings"
    assert (await signed_in.delete(place)).status_code == 204
    (left,) = (await signed_in.get("/api/auth/linked")).json()["items"]
    assert left["provider"] == "github"


async def test_login_of_somebody_else_is_not_linked(
    browser: Browser, services: Services, invited: UUID, cookie: dict[str, str]
) -> None:
    await browser.sign_in()
    browser.client.cookies.clear()
    browser.keep(cookie)

    answer = await browser.sign_in(await _link_path(services, browser, "company"))

    assert answer == "/settings?error=LINKED_ELSEWHERE"


async def test_people_show_how_somebody_signs_in(
    browser: Browser, signed_in: httpx.AsyncClient, invited: UUID, app: FastAPI
) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url=str(signed_in.base_url)
    ) as other:
        await Browser(other).sign_in()

    listed = (await signed_in.get("/api/v1/users")).json()["items"]

    ada = next(person for person in listed if person["email"] == ADA)
    assert (ada["has_password"], ada["linked"]) == (False, ["company"])


async def test_services_are_plain_links_for_browsers_without_scripts(
    stranger: httpx.AsyncClient,
) -> None:
    plain = await stranger.get("/api/auth/oauth/ways", params={"next": "/runs"})
    foreign = await stranger.get(
        "/api/auth/oauth/ways", params={"next": "https://evil.example.org"}
    )

    assert plain.headers["content-type"].startswith("text/html")
    assert f'<a href="{START}?next=%2Fruns">Sign in with' in plain.text
    assert "evil" not in foreign.text
