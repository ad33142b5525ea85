"""An administrator reads what somebody has: only where the installation allows it, changing nothing, and it is in the audit."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import select

from app.backend.bootstrap import Services
from app.backend.core import acting, clock
from app.backend.core.actor import Actor, Role
from app.backend.core.errors import ReadsOnly
from app.backend.identity import people
from app.backend.identity.tables import SessionRow, UserRow
from tests.factories.rows import MakeAgent, MakeRun, MakeUser
from tests.integration.api.conftest import ClientOf

READING, ME = "/api/auth/reading", "/api/auth/me"
Change = Callable[[SessionRow, UserRow, UserRow], None]


@pytest.fixture
def allowed(app: FastAPI, services: Services) -> None:
    """The installation lets administrators read."""
    settings = services.settings.model_copy(update={"admins_read": True})
    app.state.services = replace(services, settings=settings)


def _of(person: Actor) -> dict[str, str]:
    return {"user_id": str(person.user_id)}


async def _who(client: httpx.AsyncClient) -> str:
    return (await client.get(ME)).json()["email"]


async def test_nobody_reads_what_others_have_unless_it_is_allowed(
    signed_in: httpx.AsyncClient, actor: Actor, other_actor: Actor
) -> None:
    answer = await signed_in.post(READING, json=_of(other_actor))

    assert answer.status_code == 403
    assert "ATELIER_ADMINS_READ" in answer.json()["message"]
    assert await _who(signed_in) == actor.email


@pytest.mark.usefixtures("allowed")
async def test_administrator_reads_changes_nothing_and_stops(
    signed_in: httpx.AsyncClient,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_run: MakeRun,
) -> None:
    mine = await make_agent(actor)
    theirs = await make_agent(other_actor)
    run = await make_run(other_actor, agent=theirs)
    at = f"/api/v1/agents/{theirs.id}"

    assert (await signed_in.post(READING, json=_of(other_actor))).status_code == 204

    assert await _who(signed_in) == other_actor.email
    assert (await signed_in.get(at)).json()["id"] == str(theirs.id)
    assert (await signed_in.get(f"/api/v1/runs/{run.id}/events")).is_success
    assert (await signed_in.get(f"/api/v1/agents/{mine.id}")).status_code == 404
    refused = [
        await signed_in.delete(at),
        await signed_in.post(f"{at}/runs", json={"input": {"query": "What?"}}),
        await signed_in.get("/api/v1/secrets"),
        await signed_in.get("/api/v1/keys"),
        await signed_in.get("/api/v1/users"),
        await signed_in.patch(ME, json={"display_name": "Eve"}),
        await signed_in.delete("/api/auth/sessions"),
        await signed_in.post(READING, json=_of(actor)),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert "You only read" in refused[5].json()["message"]

    assert (await signed_in.delete(READING)).status_code == 204
    assert await _who(signed_in) == actor.email
    assert await _read_by(signed_in, actor, other_actor) == [
        "reading_ended",
        "reading_began",
    ]


async def _read_by(client: httpx.AsyncClient, actor: Actor, person: Actor) -> list[str]:
    rows: list[dict[str, Any]] = (await client.get("/api/v1/audit")).json()["items"]
    return [
        row["action"]
        for row in rows
        if row["object_id"] == str(person.user_id) and row["email"] == actor.email
    ]


@pytest.mark.usefixtures("allowed")
async def test_only_a_login_of_an_administrator_reads_and_nobody_themselves(
    signed_in: httpx.AsyncClient,
    client: httpx.AsyncClient,
    client_of: ClientOf,
    actor: Actor,
    other_actor: Actor,
) -> None:
    user = await client_of(other_actor)

    assert (await user.post(READING, json=_of(actor))).status_code == 403
    assert (await client.post(READING, json=_of(other_actor))).status_code == 403
    assert (await signed_in.post(READING, json=_of(actor))).status_code == 400
    nobody = {"user_id": "01900000-0000-7000-8000-00000000ffff"}
    assert (await signed_in.post(READING, json=nobody)).status_code == 404


def _time_is_over(login: SessionRow, _admin: UserRow, _read: UserRow) -> None:
    login.reads_until = clock.now() - timedelta(seconds=1)


def _is_no_administrator(_login: SessionRow, admin: UserRow, _read: UserRow) -> None:
    admin.role = Role.USER


def _is_suspended(_login: SessionRow, _admin: UserRow, read: UserRow) -> None:
    read.is_active = False


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("change", [_time_is_over, _is_no_administrator, _is_suspended])
async def test_reading_ends_by_itself(
    change: Change,
    signed_in: httpx.AsyncClient,
    services: Services,
    actor: Actor,
    other_actor: Actor,
) -> None:
    await signed_in.post(READING, json=_of(other_actor))
    assert await _who(signed_in) == other_actor.email

    async with services.db.transaction() as session:
        login = (await session.exec(select(SessionRow))).one()
        users = {user.id: user for user in await session.exec(select(UserRow))}
        change(login, users[actor.user_id], users[other_actor.user_id])

    assert await _who(signed_in) == actor.email


@pytest.mark.usefixtures("allowed")
async def test_signing_out_while_reading_ends_the_login(
    signed_in: httpx.AsyncClient, services: Services, other_actor: Actor
) -> None:
    await signed_in.post(READING, json=_of(other_actor))

    await signed_in.post("/api/auth/logout", json={})

    assert (await signed_in.get(ME)).status_code == 401
    async with services.db.read() as session:
        login = (await session.exec(select(SessionRow))).one()
    assert login.revoked_at is not None
    assert login.reads_user_id is None


async def test_who_reads_opens_no_transaction_that_writes(
    services: Services, actor: Actor, make_user: MakeUser
) -> None:
    ada = await make_user()
    with acting.as_user(actor.user_id, is_reading=True):
        with pytest.raises(ReadsOnly):
            async with services.db.transaction():
                pass
        with pytest.raises(ReadsOnly):
            await services.db.write(lambda _: None)
        # Whoever else is acted for on the way, it stays reading.
        for other in (
            acting.as_user(ada.user_id),
            acting.as_gate(),
            acting.as_system(),
        ):
            with other, pytest.raises(ReadsOnly):
                async with services.db.transaction():
                    pass
        async with services.db.read() as session:
            assert await people.list_people(session, actor, text="")
