"""Tokens of another issuer: taken after all checks, refused whatever is wrong with them, and never believed about rights."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, RSAKey
from pydantic import SecretStr
from sqlmodel import col, select, update

from app.backend.api import sse
from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.identity import people
from app.backend.identity import service as identity
from app.backend.identity.outside.bearer import LEEWAY_SECONDS, IssuerKeys
from app.backend.identity.tables import UserRow
from tests.asgi import served as serve
from tests.factories.rows import MakeAgent, MakeRun, MakeUser
from tests.stack import settings_of

ISSUER, AUDIENCE, EMAIL = "https://id.example.org", "atelier", "ada@example.org"
SECRET = "a secret that both sides know, long enough"
ME = "/api/auth/me"
OLD = RSAKey.generate_key(2048, {"kid": "old"}, private=True)
NEW = ECKey.generate_key("P-256", {"kid": "new"}, private=True)


class Issuer:
    """Serves public keys, and counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: list[Key] = [OLD]
        self.asked = 0
        self.app = FastAPI()
        self.app.get("/jwks")(self.show)

    async def show(self) -> dict[str, Any]:
        self.asked += 1
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


@pytest.fixture
async def issuer(app: FastAPI, services: Services) -> AsyncIterator[Issuer]:
    """An issuer whose tokens the API takes."""
    issuer = Issuer()
    async with serve(issuer.app) as address:
        changes = {"jwt_jwks_url": f"{address}/jwks"}
        _use(app, services, **changes)
        yield issuer


def _use(app: FastAPI, services: Services, **changes: Any) -> None:
    known = {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
    settings = services.settings.model_copy(update={**known, **changes})
    app.state.services = replace(services, settings=settings, issuer_keys=IssuerKeys())


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "42",
        "iat": now,
        "exp": now + 300,
        "email": EMAIL,
        "email_verified": True,
        "role": "admin",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _token(key: Key = OLD, alg: str = "RS256", **changes: Any) -> str:
    header = {"alg": alg, "kid": key.kid} if key.kid else {"alg": alg}
    return jwt.encode(header, _claims(**changes), key, [alg])


async def _get(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get(ME, headers={"Authorization": f"Bearer {token}"})


async def test_profile_is_made_at_the_first_use(
    stranger: httpx.AsyncClient, services: Services, actor: Actor, issuer: Issuer
) -> None:
    answers = await asyncio.gather(*(_get(stranger, _token()) for _ in range(4)))
    later = await _get(stranger, _token(email="other@example.org"))

    assert {answer.status_code for answer in (*answers, later)} == {200}
    assert {answer.json()["email"] for answer in (*answers, later)} == {EMAIL}
    # What the token says of rights is not believed.
    assert later.json()["role"] == "user"
    assert issuer.asked == 1


async def test_person_who_comes_with_tokens_alone_is_welcomed_too(
    stranger: httpx.AsyncClient, services: Services, actor: Actor, issuer: Issuer
) -> None:
    assert (await _get(stranger, _token())).status_code == 200

    async with services.db.read() as session:
        unwelcomed = await identity.list_unwelcomed(session, limit=10)

    assert EMAIL in {one.email for one in unwelcomed}


def _segment(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _unsigned(alg: str) -> str:
    parts = ({"alg": alg, "kid": "old"}, _claims())
    return ".".join(_segment(json.dumps(part).encode()) for part in parts)


def _signed_with_the_public_key() -> str:
    text = _unsigned("HS256")
    signature = hmac.digest(OLD.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{_segment(signature)}"


def _soon(seconds: int) -> int:
    return int(clock.now().timestamp()) + seconds


FORGERIES: dict[str, Callable[[], str]] = {
    "alg none": lambda: f"{_unsigned('none')}.",
    "signature of another": lambda: f"{_unsigned('RS256')}.{_segment(b'x' * 256)}",
    "public key as a secret": _signed_with_the_public_key,
    "key of somebody else": lambda: _token(
        RSAKey.generate_key(2048, {"kid": "old"}, private=True)
    ),
    "key that the issuer has not": lambda: _token(NEW, "ES256"),
    "expired": lambda: _token(exp=_soon(-LEEWAY_SECONDS - 5)),
    "not yet": lambda: _token(nbf=_soon(LEEWAY_SECONDS + 30)),
    "without an end": lambda: _token(exp=None),
    "other issuer": lambda: _token(iss="https://evil.example"),
    "without an issuer": lambda: _token(iss=None),
    "other audience": lambda: _token(aud=["somebody", "else"]),
    "without an audience": lambda: _token(aud=None),
    "nobody": lambda: _token(sub=None),
    "no name for somebody": lambda: _token(sub=""),
}


async def test_forged_tokens_are_refused(
    stranger: httpx.AsyncClient, actor: Actor, issuer: Issuer
) -> None:
    assert (await _get(stranger, _token())).status_code == 200
    for name, forge in FORGERIES.items():
        assert (await _get(stranger, forge())).status_code == 401, name


async def test_clocks_may_differ_by_a_minute(
    stranger: httpx.AsyncClient, actor: Actor, issuer: Issuer
) -> None:
    late = _token(exp=_soon(-LEEWAY_SECONDS + 20))
    early = _token(nbf=_soon(LEEWAY_SECONDS - 20), iat=_soon(LEEWAY_SECONDS - 20))

    assert (await _get(stranger, late)).status_code == 200
    assert (await _get(stranger, early)).status_code == 200


async def test_changed_keys_are_asked_for_and_made_up_ones_only_now_and_then(
    app: FastAPI,
    stranger: httpx.AsyncClient,
    actor: Actor,
    issuer: Issuer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (await _get(stranger, _token())).status_code == 200
    issuer.keys = [NEW]
    for _ in range(5):
        made_up = RSAKey.generate_key(2048, {"kid": str(ids.new_id())}, private=True)
        assert (await _get(stranger, _token(made_up))).status_code == 401
    asked_at_once = issuer.asked
    # Half a minute later.
    keys: IssuerKeys = app.state.services.issuer_keys
    monkeypatch.setattr(keys, "_asked_at", clock.monotonic() - 31)

    assert asked_at_once == 1
    assert (await _get(stranger, _token(NEW, "ES256"))).status_code == 200
    assert (await _get(stranger, _token())).status_code == 401
    assert issuer.asked == 2


async def test_keys_stay_while_the_issuer_is_away(
    app: FastAPI, stranger: httpx.AsyncClient, services: Services, actor: Actor
) -> None:
    issuer = Issuer()
    async with serve(issuer.app) as address:
        _use(app, services, jwt_jwks_url=f"{address}/jwks")
        before = await _get(stranger, _token())
    keys: IssuerKeys = app.state.services.issuer_keys
    keys._asked_at = clock.monotonic() - 4000  # pyright: ignore[reportPrivateUsage]

    after = await _get(stranger, _token())
    unknown = await _get(stranger, _token(NEW, "ES256"))

    statuses = [before.status_code, after.status_code, unknown.status_code]
    assert statuses == [200, 200, 401]


async def test_shared_secret_signs_and_nothing_else_does(
    app: FastAPI, stranger: httpx.AsyncClient, services: Services, actor: Actor
) -> None:
    _use(app, services, jwt_secret=SecretStr(SECRET))
    key = OctKey.import_key(SECRET)

    statuses = [
        (await _get(stranger, token)).status_code
        for token in (
            _token(key, "HS256"),
            _token(key, "HS512"),
            _token(OctKey.import_key(SECRET[::-1]), "HS256"),
            _token(),
            f"{_unsigned('none')}.",
        )
    ]

    assert statuses == [200, 401, 401, 401, 401]


async def test_address_that_is_not_proved_makes_and_opens_no_account(
    app: FastAPI,
    stranger: httpx.AsyncClient,
    services: Services,
    actor: Actor,
    issuer: Issuer,
) -> None:
    unproved = await _get(stranger, _token(email_verified=None))
    somebody = await _get(stranger, _token(email=actor.email))
    async with services.db.transaction() as session:
        query = update(UserRow).where(col(UserRow.id) == actor.user_id)
        await session.exec(query.values(password_hash="x"))
    in_use = await _get(stranger, _token(email=actor.email, sub="43"))
    url = app.state.services.settings.jwt_jwks_url
    _use(app, services, jwt_jwks_url=url, jwt_emails_proved=True)
    trusted = await _get(stranger, _token(email_verified=None, sub="44"))

    assert (unproved.status_code, unproved.json()["code"]) == (403, "EMAIL_UNPROVED")
    # An account that nobody has used yet is an invitation.
    assert somebody.status_code == 200
    assert (in_use.status_code, in_use.json()["code"]) == (409, "LINK_IMPOSSIBLE")
    assert trusted.json()["email"] == EMAIL


async def test_suspension_is_felt_at_once_and_ends_streams(
    app: FastAPI,
    stranger: httpx.AsyncClient,
    services: Services,
    actor: Actor,
    issuer: Issuer,
    served: str,
    make_agent: MakeAgent,
    make_run: MakeRun,
) -> None:
    token = _token()
    assert (await _get(stranger, token)).status_code == 200
    async with services.db.read() as session:
        ada = await identity.find_actor_by_email(session, EMAIL)
    run = await make_run(ada, agent=await make_agent(ada), status=RunStatus.RUNNING)
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    path = f"{served}/api/v1/runs/{run.id}/events"

    async with (
        httpx.AsyncClient(trust_env=False, timeout=20) as client,
        client.stream("GET", path, headers=headers) as stream,
    ):
        assert stream.status_code == 200
        async with services.db.transaction() as session:
            await people.set_active(
                session, actor, user_id=ada.user_id, is_active=False
            )
        began = clock.monotonic()
        async for _ in stream.aiter_lines():
            pass

    assert clock.monotonic() - began < sse.CHECK_SECONDS + 1
    assert (await _get(stranger, token)).status_code == 401


async def test_without_an_issuer_no_foreign_token_counts(
    stranger: httpx.AsyncClient, services: Services, actor: Actor, make_user: MakeUser
) -> None:
    assert (await _get(stranger, _token())).status_code == 401
    async with services.db.read() as session:
        assert (await session.exec(select(UserRow.email))).all() == [actor.email]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"jwt_audience": "a"},
        {"jwt_audience": "a", "jwt_secret": "short"},
        {"jwt_audience": "a", "jwt_secret": SECRET, "jwt_jwks_url": "https://a.org"},
        {"jwt_jwks_url": "https://a.org"},
    ],
)
def test_half_an_issuer_is_refused(settings: Settings, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="ATELIER_JWT"):
        settings_of(settings.data_dir, jwt_issuer=ISSUER, **given)
