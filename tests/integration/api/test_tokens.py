"""Tokens of programs: short-lived, bound to a login's row, and refused whatever is wrong with them."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from pyotp.totp import TOTP
from sqlmodel import select

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.crypto import Keyring
from app.backend.core.run_events import RunStatus
from app.backend.identity import people, sessions, tokens
from app.backend.identity import service as identity
from app.backend.identity.schemas import PasswordDraft, UserDraft
from app.backend.identity.tables import AuditRow, RefreshTokenRow
from tests.factories.rows import MakeAgent, MakeRun
from tests.integration.api.conftest import OpenSocket

EMAIL, PASSWORD = "ada@example.org", "correct horse battery"
LOGIN = {"email": EMAIL, "password": PASSWORD}
TOKEN, ME = "/api/auth/token", "/api/auth/me"
SECONDS = 5.0


@pytest.fixture
async def ada(services: Services, actor: Actor) -> Actor:
    """Somebody with a password, beside the owner."""
    draft = UserDraft.model_validate(LOGIN)
    async with services.db.transaction() as session:
        user = await identity.create_user(session, actor, draft=draft)
        return await identity.get_actor(session, user.id)


async def _get(client: httpx.AsyncClient, **given: str) -> dict[str, Any]:
    answer = await client.post(TOKEN, json=given or LOGIN)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _status(client: httpx.AsyncClient, access_token: str) -> int:
    headers = {"Authorization": f"Bearer {access_token}"}
    return (await client.get(ME, headers=headers)).status_code


async def test_program_signs_in_and_goes_on_with_its_refresh_token(
    stranger: httpx.AsyncClient, ada: Actor
) -> None:
    first = await _get(stranger)
    second = await _get(stranger, refresh_token=first["refresh_token"])
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    listed = (await stranger.get("/api/auth/sessions", headers=headers)).json()["items"]
    as_form = await stranger.post(TOKEN, data=LOGIN)

    assert (first["token_type"], first["expires_in"]) == ("bearer", 900)
    assert [
        await _status(stranger, one["access_token"]) for one in (first, second)
    ] == ([200, 200])
    # Both belong to one login.
    assert [one["is_current"] for one in listed] == [True]
    assert first["refresh_token"] != second["refresh_token"]
    assert as_form.status_code == 200
    assert "set-cookie" not in as_form.headers


@pytest.mark.parametrize(
    "given",
    [
        {**LOGIN, "password": "wrong password"},
        {"refresh_token": "made up"},
        {**LOGIN, "email": "nobody@example.org"},
    ],
)
async def test_wrong_words_get_no_token(
    stranger: httpx.AsyncClient, ada: Actor, given: dict[str, str]
) -> None:
    assert (await stranger.post(TOKEN, json=given)).status_code == 401


async def test_used_refresh_token_ends_the_login(
    stranger: httpx.AsyncClient, services: Services, ada: Actor
) -> None:
    first = await _get(stranger)
    other = await _get(stranger)
    second = await _get(stranger, refresh_token=first["refresh_token"])

    again = await stranger.post(TOKEN, json={"refresh_token": first["refresh_token"]})
    newest = await stranger.post(TOKEN, json={"refresh_token": second["refresh_token"]})

    assert again.json()["code"] == "REFRESH_TOKEN_INVALID"
    assert newest.status_code == 401
    assert await _status(stranger, second["access_token"]) == 401
    assert await _status(stranger, other["access_token"]) == 200
    async with services.db.read() as session:
        actions = (await session.exec(select(AuditRow.action))).all()
        stored = (await session.exec(select(RefreshTokenRow.token_hash))).all()
    assert actions.count("refresh_token_reused") == 1
    assert first["refresh_token"] not in stored


async def test_refresh_token_shown_twice_at_once_works_at_most_once(
    stranger: httpx.AsyncClient, ada: Actor
) -> None:
    first = await _get(stranger)
    given = {"refresh_token": first["refresh_token"]}

    answers = await asyncio.gather(
        *(stranger.post(TOKEN, json=given) for _ in range(3))
    )

    assert [answer.status_code for answer in answers].count(200) <= 1
    assert await _status(stranger, first["access_token"]) == 401


async def test_second_factor_is_asked_for(
    stranger: httpx.AsyncClient, ada: Actor
) -> None:
    headers = {"Authorization": f"Bearer {(await _get(stranger))['access_token']}"}
    path = "/api/auth/second-factor"
    begun = await stranger.post(path, json={"password": PASSWORD}, headers=headers)
    totp = TOTP(begun.json()["secret"])
    code = {"code": totp.now()}
    await stranger.post(f"{path}/confirm", json=code, headers=headers)

    without = await stranger.post(TOKEN, json=LOGIN)
    with_code = await stranger.post(
        TOKEN, json={**LOGIN, "code": totp.at(clock.now(), counter_offset=1)}
    )

    assert without.json()["code"] == "SECOND_FACTOR_NEEDED"
    assert with_code.status_code == 200


def _segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    header, claims, signature = token.split(".")

    def read(text: str) -> dict[str, Any]:
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

    return read(header), read(claims), signature


def _signed(keyring: Keyring, header: dict[str, Any], claims: dict[str, Any]) -> str:
    key = OctKey.import_key(keyring.derive("access_token"))
    return jwt.encode(header, claims, key, [header["alg"]])


Forge = Callable[[Keyring, dict[str, Any], dict[str, Any], str], str]
FORGERIES: dict[str, Forge] = {
    "alg none": lambda _, header, claims, __: (
        f"{_segment({**header, 'alg': 'none'})}.{_segment(claims)}."
    ),
    "alg none with the old signature": lambda _, header, claims, signature: (
        f"{_segment({**header, 'alg': 'none'})}.{_segment(claims)}.{signature}"
    ),
    "other claims": lambda _, header, claims, signature: (
        f"{_segment(header)}.{_segment({**claims, 'sid': str(ids.new_id())})}.{signature}"
    ),
    "other algorithm": lambda keyring, header, claims, _: _signed(
        keyring, {**header, "alg": "HS512"}, claims
    ),
    "key of another installation": lambda _, header, claims, __: _signed(
        Keyring("another"), header, claims
    ),
    "expired": lambda keyring, header, claims, _: _signed(
        keyring, header, {**claims, "exp": claims["iat"] - 1}
    ),
    "without an end": lambda keyring, header, claims, _: _signed(
        keyring, header, {name: claims[name] for name in claims if name != "exp"}
    ),
    "other audience": lambda keyring, header, claims, _: _signed(
        keyring, header, {**claims, "aud": "somebody-else"}
    ),
    "other issuer": lambda keyring, header, claims, _: _signed(
        keyring, header, {**claims, "iss": "atelier:00000000"}
    ),
    "other type": lambda keyring, header, claims, _: _signed(
        keyring, {**header, "typ": "JWT"}, claims
    ),
    "kid of a key that is not": lambda _, header, claims, __: _signed(
        Keyring("x"), {**header, "kid": "../../dev/null"}, claims
    ),
    "no login": lambda keyring, header, claims, _: _signed(
        keyring, header, {**claims, "sid": "none"}
    ),
    "not even JSON": lambda _, __, ___, ____: "a.b.c",
    "not even letters": lambda _, __, ___, ____: "ä.\u00ff.!",
}


async def test_forged_tokens_are_refused(
    stranger: httpx.AsyncClient, services: Services, ada: Actor
) -> None:
    header, claims, signature = _parts((await _get(stranger))["access_token"])
    again = _signed(services.keyring, header, claims)

    # What the forgeries are made of is right.
    assert await _status(stranger, again) == 200
    for name, forge in FORGERIES.items():
        forged = forge(services.keyring, header, claims, signature)
        headers = {b"Authorization": f"Bearer {forged}".encode()}
        assert (await stranger.get(ME, headers=headers)).status_code == 401, name


async def _log_out(stranger: httpx.AsyncClient, _: Services, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    await stranger.post("/api/auth/logout", json={}, headers=headers)


async def _set_password(_: httpx.AsyncClient, services: Services, __: str) -> None:
    async with services.db.transaction() as session:
        owner = await identity.find_actor_by_email(session, "owner@example.org")
        await identity.set_password(
            session, owner, email=EMAIL, password="another long password"
        )


async def _suspend(_: httpx.AsyncClient, services: Services, __: str) -> None:
    async with services.db.transaction() as session:
        owner = await identity.find_actor_by_email(session, "owner@example.org")
        user_id = await people.find_id(session, owner, email=EMAIL)
        await people.set_active(session, owner, user_id=user_id, is_active=False)


ENDS = pytest.mark.parametrize("end", [_log_out, _set_password, _suspend])


@ENDS
async def test_tokens_end_with_their_login(
    stranger: httpx.AsyncClient, services: Services, ada: Actor, end: Any
) -> None:
    made = await _get(stranger)

    await end(stranger, services, made["access_token"])

    assert await _status(stranger, made["access_token"]) == 401
    given = {"refresh_token": made["refresh_token"]}
    assert (await stranger.post(TOKEN, json=given)).status_code == 401


async def test_own_change_of_the_password_keeps_only_the_login_that_asks(
    stranger: httpx.AsyncClient, services: Services, ada: Actor
) -> None:
    mine, other = await _get(stranger), await _get(stranger)
    draft = PasswordDraft.model_validate(
        {"current": PASSWORD, "new": "another long password"}
    )
    session_id = tokens.read(mine["access_token"], services.keyring)
    assert session_id is not None
    async with services.db.transaction() as session:
        presented = await sessions.find_by_id(session, session_id)
        assert presented is not None
    await identity.change_password(services.db, presented.actor, draft=draft)

    statuses = [await _status(stranger, one["access_token"]) for one in (mine, other)]

    assert statuses == [200, 401]


@pytest.mark.usefixtures("logins_are_checked_often")
@ENDS
async def test_open_stream_and_websocket_end_with_their_login(
    stranger: httpx.AsyncClient,
    services: Services,
    ada: Actor,
    served: str,
    open_socket: OpenSocket,
    make_agent: MakeAgent,
    make_run: MakeRun,
    end: Any,
) -> None:
    agent = await make_agent(ada)
    run = await make_run(ada, agent=agent, status=RunStatus.RUNNING)
    token = (await _get(stranger))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    socket = await open_socket("agent", agent.id, **headers)
    path = f"{served}/api/v1/runs/{run.id}/events"
    accept = {"Accept": "text/event-stream"}

    async with (
        httpx.AsyncClient(trust_env=False, timeout=20) as client,
        client.stream("GET", path, headers={**headers, **accept}) as stream,
    ):
        assert stream.status_code == 200
        lines = stream.aiter_lines()
        await anext(lines)
        await end(stranger, services, token)
        began = clock.monotonic()
        async for _ in lines:
            pass
        await socket.wait_closed()

    assert clock.monotonic() - began < SECONDS


@pytest.mark.usefixtures("logins_are_checked_often")
async def test_stream_ends_when_its_token_does(
    stranger: httpx.AsyncClient,
    services: Services,
    ada: Actor,
    served: str,
    make_agent: MakeAgent,
    make_run: MakeRun,
) -> None:
    run = await make_run(ada, agent=await make_agent(ada), status=RunStatus.RUNNING)
    header, claims, _ = _parts((await _get(stranger))["access_token"])
    soon = int((clock.now() + timedelta(seconds=2)).timestamp())
    token = _signed(services.keyring, header, {**claims, "exp": soon})
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    path = f"{served}/api/v1/runs/{run.id}/events"

    async with (
        httpx.AsyncClient(trust_env=False, timeout=20) as client,
        client.stream("GET", path, headers=headers) as stream,
    ):
        assert stream.status_code == 200
        async for _ in stream.aiter_lines():
            pass

    assert clock.now().timestamp() - soon < SECONDS
