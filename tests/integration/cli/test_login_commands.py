"""The commands about logins elsewhere."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from app.backend.identity.tables import LinkedLoginRow
from app.cli.main import app
from tests.factories.rows import MakeUser, RowFactory
from tests.login_provider import LoginProvider
from tests.parts import free_port
from tests.stack import changed, environment_of

Atelier = Callable[..., Awaitable[Result]]


@pytest.fixture
async def provider() -> AsyncGenerator[LoginProvider, None]:
    """The provider of the company."""
    async with LoginProvider.started("") as started:
        yield started


@pytest.fixture
def atelier(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Atelier:
    """`await atelier("doctor", ldap_url=...)` runs a command while this test goes on serving."""

    async def run(*arguments: str, **changes: object) -> Result:
        for name, value in environment_of(changed(settings, **changes)).items():
            monkeypatch.setenv(name, value)
        return await asyncio.to_thread(CliRunner().invoke, app, arguments)

    return run


async def test_doctor_tells_which_logins_work_and_their_callback_urls(
    atelier: Atelier, provider: LoginProvider
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    known = [
        provider.setting(),
        provider.setting(key="away", name="Away", issuer=f"http://{nowhere}"),
    ]

    told = await atelier(
        "doctor", "--json", oidc_issuers=known, ldap_url=f"ldap://{nowhere}"
    )

    parts: dict[str, Any] = {part["name"]: part for part in json.loads(told.stdout)}
    assert parts["login company"]["status"] == "ok"
    callback = "http://127.0.0.1:8000/api/auth/oauth/company/callback"
    assert callback in parts["login company"]["message"]
    assert parts["login away"]["status"] == "down"
    assert parts["login ldap"]["status"] == "down"
    assert "refused" in parts["login ldap"]["message"]


async def test_setting_that_is_no_json_is_told_in_words(
    atelier: Atelier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await atelier("version")
    monkeypatch.setenv("ATELIER_OIDC_ISSUERS", '[{"client_secret": "s3cr3t"')

    told = await asyncio.to_thread(CliRunner().invoke, app, ["doctor"])

    assert "oidc_issuers" in told.stderr
    assert "Traceback" not in told.output
    assert "s3cr3t" not in told.output


async def test_logins_of_somebody_who_is_suspended_are_unlinked(
    atelier: Atelier, rows: RowFactory, actor: Actor, make_user: MakeUser
) -> None:
    bob = await make_user(email="bob@example.org", is_active=False, password_hash="x")
    login: dict[str, Any] = {"provider": "github", "issuer": "https://github.com"}
    await rows.add(LinkedLoginRow(owner_id=bob.user_id, subject="1", **login))

    (listed,) = json.loads(
        (await atelier("user", "logins", bob.email, "--json")).stdout
    )
    done = await atelier("user", "unlink", bob.email, listed["id"])
    left = json.loads((await atelier("user", "logins", bob.email, "--json")).stdout)

    assert listed["provider"] == "github"
    assert (done.exit_code, left) == (0, [])


async def test_logins_are_listed_and_unlinked(
    atelier: Atelier, rows: RowFactory, actor: Actor
) -> None:
    for subject in ("1", "2"):
        known: dict[str, Any] = {
            "provider": "github",
            "issuer": "https://github.com/login/oauth",
        }
        await rows.add(LinkedLoginRow(owner_id=actor.user_id, subject=subject, **known))
    listed = json.loads((await atelier("user", "logins", actor.email, "--json")).stdout)
    assert [login["provider"] for login in listed] == ["github", "github"]

    first = await atelier("user", "unlink", actor.email, listed[0]["id"])
    last = await atelier("user", "unlink", actor.email, listed[1]["id"], "--json")

    assert first.exit_code == 0
    assert json.loads(last.stderr)["code"] == "LAST_WAY_IN"
