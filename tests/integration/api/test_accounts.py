"""What people have of their own account: profile, logins, password, keys."""

import httpx
from sqlmodel import col, select

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.identity.tables import AuditRow
from app.backend.identity.tries import TRIES_MAX
from tests.integration.api.owner import EMAIL, ORIGIN, PASSWORD, make_owner


async def test_nobody_signs_up_by_themselves(stranger: httpx.AsyncClient) -> None:
    answer = await stranger.post("/api/auth/signup", json={})

    assert answer.status_code == 403
    assert "administrator" in answer.json()["message"]


async def test_profile_and_preferences_change_one_by_one(
    signed_in: httpx.AsyncClient,
) -> None:
    await signed_in.patch("/api/auth/me", json={"display_name": "Ada"})
    await signed_in.patch("/api/auth/me", json={"preferences": {"theme": "dark"}})

    me = (await signed_in.get("/api/auth/me")).json()

    assert (me["display_name"], me["preferences"]) == ("Ada", {"theme": "dark"})


async def test_sessions_of_the_caller(signed_in: httpx.AsyncClient) -> None:
    listed = (await signed_in.get("/api/auth/sessions")).json()["items"]
    ended = await signed_in.delete(f"/api/auth/sessions/{listed[0]['id']}")

    assert [item["is_current"] for item in listed] == [True]
    assert ended.status_code == 204
    assert (await signed_in.get("/api/auth/me")).status_code == 401


async def test_login_says_where_it_came_from_and_ends_the_others(
    stranger: httpx.AsyncClient, link: str, services: Services
) -> None:
    await make_owner(stranger, link)
    stranger.cookies.clear()
    stranger.headers.update({**ORIGIN, "User-Agent": "Firefox/1 (Linux)"})
    stranger.headers["X-Forwarded-For"] = "192.0.2.7"
    login = {"email": EMAIL, "password": PASSWORD}
    await stranger.post("/api/auth/login", json=login)

    listed = (await stranger.get("/api/auth/sessions")).json()["items"]
    ended = await stranger.delete("/api/auth/sessions")
    left = (await stranger.get("/api/auth/sessions")).json()["items"]

    # No proxy is trusted here, so the header is the client's own word.
    assert [item["address"] for item in listed] == ["127.0.0.1", "127.0.0.1"]
    assert listed[0]["user_agent"] == "Firefox/1 (Linux)"
    assert (ended.status_code, ended.json()) == (200, {"logins": 1})
    assert [item["is_current"] for item in left] == [True]
    async with services.db.read() as session:
        rows = (await session.exec(select(AuditRow))).all()
    last = max(rows, key=lambda row: row.id)
    assert (last.action, last.address) == ("other_sessions_revoked", "127.0.0.1")
    assert last.correlation_id is not None


async def test_password_change_asks_for_the_present_one(
    stranger: httpx.AsyncClient, link: str
) -> None:
    await make_owner(stranger, link)
    stranger.headers.update(ORIGIN)

    wrong = await stranger.post(
        "/api/auth/password", json={"current": "guess", "new": "another password"}
    )
    right = await stranger.post(
        "/api/auth/password", json={"current": PASSWORD, "new": "another password"}
    )

    assert (wrong.status_code, right.status_code) == (400, 204)


async def test_present_password_cannot_be_guessed_with_a_taken_login(
    stranger: httpx.AsyncClient, services: Services, link: str
) -> None:
    await make_owner(stranger, link)
    stranger.headers.update(ORIGIN)
    guess = {"current": "wrong password", "new": "another long password"}
    for _ in range(TRIES_MAX):
        answer = await stranger.post("/api/auth/password", json=guess)
        assert answer.status_code == 400

    right = {**guess, "current": PASSWORD}
    paused = await stranger.post("/api/auth/password", json=right)

    assert paused.status_code == 429
    async with services.db.read() as session:
        query = select(AuditRow.action).where(col(AuditRow.result) == "refused")
        assert (await session.exec(query)).all() == ["login_paused"]


async def test_keys_are_made_listed_and_revoked(
    signed_in: httpx.AsyncClient, actor: Actor
) -> None:
    made = (await signed_in.post("/api/v1/keys", json={"name": "ci"})).json()
    listed = (await signed_in.get("/api/v1/keys")).json()
    bearer = {"Authorization": f"Bearer {made['key']}"}
    used = await signed_in.get("/api/auth/me", headers=bearer)
    await signed_in.delete(f"/api/v1/keys/{made['view']['id']}")
    refused = await signed_in.get("/api/auth/me", headers=bearer)

    assert made["key"] not in str(listed)
    assert [item["name"] for item in listed["items"]] == ["ci"]
    assert used.json()["email"] == actor.email
    assert refused.status_code == 401
