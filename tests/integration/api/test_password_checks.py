"""What the check of a password keeps from others: connections, and who has an account."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from pwdlib import PasswordHash
from sqlmodel import update

from app.backend.api import password_login
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.identity import passwords, people
from app.backend.identity import service as identity
from app.backend.identity.tables import UserRow
from tests.integration.api.conftest import ADDRESS
from tests.integration.api.owner import EMAIL, PASSWORD

ANSWER_SECONDS = 1.0


@pytest.mark.parametrize("path", ["login", "password", "choose-password"])
async def test_nobody_waits_for_the_database_while_a_password_is_hashed(
    stranger: httpx.AsyncClient,
    services: Services,
    link: str,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    stranger.headers.update({"Origin": ADDRESS})
    first = {"token": link, "email": EMAIL, "password": PASSWORD}
    await stranger.post("/api/auth/first-run", json=first)
    held: list[int] = []

    def watch(work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def watched(*given: Any) -> Any:
            pool: Any = services.db.engine.pool
            held.append(pool.checkedout())
            return await work(*given)

        return watched

    for name in ("hash_password", "verify_password"):
        monkeypatch.setattr(passwords, name, watch(getattr(passwords, name)))
    new = "another long password"
    asked = {
        "login": {"email": "nobody@example.org", "password": new},
        "password": {"current": PASSWORD, "new": new},
        "choose-password": {"token": await _new_link(services), "password": new},
    }

    await stranger.post(f"/api/auth/{path}", json=asked[path])

    assert held
    assert set(held) == {0}


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.org"])
async def test_wrong_login_is_answered_when_the_dearest_hash_would_be(
    stranger: httpx.AsyncClient,
    services: Services,
    link: str,
    monkeypatch: pytest.MonkeyPatch,
    email: str,
) -> None:
    first = {"token": link, "email": EMAIL, "password": PASSWORD}
    await stranger.post("/api/auth/first-run", json=first)
    async with services.db.transaction() as session:
        # As passwords were hashed before.
        dear = PasswordHash.recommended().hash(PASSWORD)
        await session.exec(update(UserRow).values(password_hash=dear))
    monkeypatch.setattr(password_login, "WRONG_SECONDS", ANSWER_SECONDS)
    began = clock.monotonic()

    answer = await stranger.post(
        "/api/auth/login", json={"email": email, "password": "another long password"}
    )

    assert answer.status_code == 401
    assert clock.monotonic() - began >= ANSWER_SECONDS


async def _new_link(services: Services) -> str:
    async with services.db.transaction() as session:
        admin = await identity.find_actor_by_email(session, None)
        made = await people.make_password_link(session, admin, user_id=admin.user_id)
    return made.token
