"""What somebody tries who wants to sign in as another person by way of an account elsewhere: all of it is refused."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import FastAPI
from joserfc.jwk import RSAKey

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from app.backend.identity import cookies, people
from app.backend.identity.outside import attempts
from app.backend.identity.schemas import InviteDraft
from tests.integration.api.conftest import ADDRESS
from tests.integration.api.outside import (
    CALLBACK,
    START,
    Browser,
    ask_provider,
    query_of,
    with_query,
)
from tests.login_provider import CLIENT_ID, CLIENT_SECRET, LoginProvider
from tests.stack import changed

ADA = "ada@example.org"
INVALID = {"error": "SIGN_IN_ATTEMPT_INVALID"}
REFUSED = {"error": "ISSUER_REFUSED"}


@pytest.fixture
async def provider() -> AsyncGenerator[LoginProvider, None]:
    """The provider of the company."""
    async with LoginProvider.started(CALLBACK) as started:
        yield started


@pytest.fixture
async def other_provider() -> AsyncGenerator[LoginProvider, None]:
    """A second provider that the installation takes logins of."""
    place = CALLBACK.replace("company", "other")
    async with LoginProvider.started(place, number=2) as started:
        yield started


@pytest.fixture
def settings(
    settings: Settings, provider: LoginProvider, other_provider: LoginProvider
) -> Settings:
    """Settings of an installation with both providers."""
    both = [provider.setting(), other_provider.setting(key="other", name="Other")]
    return changed(settings, oidc_issuers=both)


@pytest.fixture
async def browser(
    stranger: httpx.AsyncClient, services: Services, actor: Actor
) -> Browser:
    """A browser in which nobody is signed in; Ada is invited."""
    async with services.db.transaction() as session:
        await people.invite(session, actor, draft=InviteDraft(email=ADA))
    return Browser(stranger)


@pytest.fixture
async def attacker(app: FastAPI) -> AsyncGenerator[Browser, None]:
    """Another browser."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        yield Browser(client)


async def _refused(browser: Browser, url: str) -> dict[str, str]:
    """Come back with `url`, and return what the login page is told; nobody is signed in."""
    place = await browser.come_back(url)
    assert place.startswith("/login?")
    assert await browser.email() is None
    return query_of(place)


async def test_every_start_has_pkce_state_and_nonce_of_its_own(
    browser: Browser,
) -> None:
    first, second = query_of(await browser.begin()), query_of(await browser.begin())

    assert first["code_challenge_method"] == "S256"
    assert (first["response_type"], first["redirect_uri"]) == ("code", CALLBACK)
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]


async def test_cookie_of_an_attempt_is_for_us_alone(
    browser: Browser, services: Services
) -> None:
    answer = await browser.client.get(START)

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{cookies.attempt_name(services.keyring)}=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/api/auth/oauth", "Max-Age=600"):
        assert part in cookie
    state = query_of(answer.headers["location"])["state"]
    assert state not in cookie


async def test_state_is_used_once(browser: Browser, provider: LoginProvider) -> None:
    there = await browser.begin()
    jar = dict(browser.client.cookies)
    assert await browser.come_back(await ask_provider(there)) == "/"
    browser.client.cookies.clear()

    # With the cookie of before, and a code that nobody has used.
    replayed = await ask_provider(with_query(there, nonce="another"))
    browser.client.headers["Cookie"] = "; ".join(
        f"{name}={value}" for name, value in jar.items()
    )

    assert await _refused(browser, replayed) == INVALID


async def test_state_of_another_attempt_is_refused(browser: Browser) -> None:
    back = await ask_provider(await browser.begin())

    assert await _refused(browser, with_query(back, state="x" * 43)) == INVALID


async def test_missing_state_is_refused(browser: Browser) -> None:
    back = await ask_provider(await browser.begin())

    assert await _refused(browser, with_query(back, state="")) == INVALID


async def test_expired_attempt_is_refused(browser: Browser, services: Services) -> None:
    there = await browser.begin()
    name = cookies.attempt_name(services.keyring)
    attempt = attempts.unseal(browser.client.cookies[name], services.keyring)
    over = attempt.model_copy(update={"ends_at": clock.now() - timedelta(seconds=1)})
    browser.client.cookies.clear()
    sealed = attempts.seal(over, services.keyring)
    browser.client.headers["Cookie"] = f"{name}={sealed}"

    assert await _refused(browser, await ask_provider(there)) == INVALID


async def test_cookie_that_is_not_ours_is_refused(
    browser: Browser, services: Services
) -> None:
    back = await ask_provider(await browser.begin())
    browser.client.cookies.clear()
    name = cookies.attempt_name(services.keyring)
    for forged in ("", "x", "gAAAAABo" + "A" * 120):
        browser.client.headers["Cookie"] = f"{name}={forged}"

        assert await _refused(browser, back) == INVALID, forged


async def test_browser_that_began_nothing_is_signed_in_to_nothing(
    browser: Browser, attacker: Browser
) -> None:
    # Or a link could sign somebody in to the account of whoever sent it.
    back = await ask_provider(await attacker.begin())

    assert await _refused(browser, back) == INVALID


async def test_stolen_code_is_worth_nothing_in_another_browser(
    browser: Browser, attacker: Browser
) -> None:
    stolen = query_of(await ask_provider(await browser.begin()))["code"]
    own = await ask_provider(await attacker.begin())

    assert await _refused(attacker, with_query(own, code=stolen)) == REFUSED


async def test_code_without_its_verifier_is_worth_nothing(
    browser: Browser, provider: LoginProvider
) -> None:
    code = query_of(await ask_provider(await browser.begin()))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}

    async with httpx.AsyncClient(auth=(CLIENT_ID, CLIENT_SECRET)) as client:
        answer = await client.post(f"{provider.address}/token", data=form)

    assert answer.status_code == 400
    assert "code_verifier" in answer.json()["error_description"]


async def test_answer_of_another_issuer_is_refused(
    browser: Browser, other_provider: LoginProvider
) -> None:
    back = await ask_provider(await browser.begin())
    mixed = with_query(back, iss=other_provider.address)

    assert await _refused(browser, mixed) == REFUSED


async def test_issuer_that_says_its_name_must_say_it(
    browser: Browser, provider: LoginProvider
) -> None:
    back = await ask_provider(await browser.begin())

    assert await _refused(browser, with_query(back, iss="")) == REFUSED


async def test_attempt_at_one_provider_does_not_end_at_another(
    browser: Browser,
) -> None:
    back = await ask_provider(await browser.begin())
    elsewhere = back.replace("/company/", "/other/")

    assert await _refused(browser, elsewhere) == INVALID


async def test_id_token_with_a_wrong_claim_is_refused(
    browser: Browser, provider: LoginProvider
) -> None:
    wrong: list[dict[str, Any]] = [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://elsewhere.example.org"},
        {"aud": ["another client"]},
        {"aud": ["another client"], "azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "another client"], "azp": "another client"},
        {"exp": 1},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ]
    for claims in wrong:
        provider.claims = claims
        back = await ask_provider(await browser.begin())

        assert await _refused(browser, back) == REFUSED, claims


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_id_token_without_a_signature_of_the_issuer_is_refused(
    browser: Browser, provider: LoginProvider, algorithm: str
) -> None:
    provider.algorithm = algorithm
    back = await ask_provider(await browser.begin())

    assert await _refused(browser, back) == REFUSED


async def test_id_token_signed_with_another_key_is_refused(
    browser: Browser, provider: LoginProvider, other_provider: LoginProvider
) -> None:
    there = await browser.begin()
    assert await browser.come_back(await ask_provider(there)) == "/"
    await browser.client.post("/api/auth/logout")
    forged: dict[str, Any] = dict(other_provider.key.as_dict(private=True))
    provider.key = RSAKey.import_key({**forged, "kid": str(provider.key.kid)})
    back = await ask_provider(await browser.begin())

    assert await _refused(browser, back) == REFUSED


async def test_fresh_key_of_the_issuer_is_asked_for(
    browser: Browser, provider: LoginProvider, other_provider: LoginProvider
) -> None:
    assert await browser.sign_in() == "/"
    provider.key = other_provider.key

    assert await browser.sign_in() == "/"


async def test_userinfo_about_somebody_else_is_refused(
    browser: Browser, provider: LoginProvider
) -> None:
    provider.only_in_userinfo = {"email"}
    back = await ask_provider(await browser.begin())
    for code in provider.codes.values():
        code.person = {**code.person, "sub": "1002"}
    provider.claims = {"sub": "1001"}

    assert await _refused(browser, back) == REFUSED


async def test_nobody_is_sent_to_another_site(
    browser: Browser, services: Services
) -> None:
    name = cookies.attempt_name(services.keyring)
    for then in (
        "https://evil.example.org/",
        "//evil.example.org/",
        "/\\evil.example.org",
        "javascript:alert(1)",
        "/\r\nSet-Cookie: x=y",
        "/" + "x" * 1001,
    ):
        await browser.begin(f"{START}?{httpx.QueryParams({'next': then})}")

        sealed = browser.client.cookies[name]
        assert attempts.unseal(sealed, services.keyring).then == "/", then


async def test_refusal_of_the_provider_leads_to_the_login_page(
    browser: Browser, provider: LoginProvider
) -> None:
    state = query_of(await browser.begin(f"{START}?next=/runs"))["state"]
    back = with_query(
        CALLBACK, error="access_denied", state=state, iss=provider.address
    )

    assert await _refused(browser, back) == {**REFUSED, "next": "/runs"}


async def test_provider_that_speaks_for_another_is_not_asked(
    browser: Browser, provider: LoginProvider
) -> None:
    provider.metadata = {"issuer": "https://elsewhere.example.org"}

    assert query_of(await browser.begin()) == {"error": "ISSUER_AWAY"}


async def test_provider_with_endpoints_without_tls_is_not_asked(
    browser: Browser, provider: LoginProvider
) -> None:
    provider.metadata = {"token_endpoint": "http://elsewhere.example.org/token"}

    assert query_of(await browser.begin()) == {"error": "ISSUER_AWAY"}


async def test_unknown_provider_leads_to_the_login_page(browser: Browser) -> None:
    place = await browser.begin("/api/auth/oauth/nobody/start")

    assert place == "/login?error=NOT_FOUND"


@pytest.mark.parametrize("ticket", ["x", "0" * 64])
async def test_other_sites_cannot_make_somebody_link_a_login(
    signed_in: httpx.AsyncClient, ticket: str
) -> None:
    place = await Browser(signed_in).begin(f"{START}?link={ticket}")

    assert place == "/settings?error=SIGN_IN_ATTEMPT_INVALID"


async def test_linking_ends_in_the_login_that_began_it(
    signed_in: httpx.AsyncClient, services: Services, cookie: dict[str, str]
) -> None:
    browser = Browser(signed_in)
    attempt = attempts.begin(
        "company", then="/", links_session=UUID("0192f0c1-2d3e-7a4b-8c5d-6e7f8a9b0c1d")
    )
    there = with_query(
        await browser.begin(),
        state=attempt.state,
        nonce=attempt.nonce,
        code_challenge=create_s256_code_challenge(attempt.verifier),
    )
    name = cookies.attempt_name(services.keyring)
    signed_in.cookies.clear()
    sealed = attempts.seal(attempt, services.keyring)
    signed_in.headers["Cookie"] = f"{cookie['Cookie']}; {name}={sealed}"

    place = await browser.come_back(await ask_provider(there))

    assert place == "/settings?error=SIGN_IN_ATTEMPT_INVALID"
    assert (await signed_in.get("/api/auth/linked")).json()["items"] == []
