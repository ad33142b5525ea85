"""What is asked on websockets and in the middle of streams, by somebody who lacks one permission: it is refused."""

import asyncio
import json
from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Permission
from tests.factories.rows import MakeAgent, MakeUser
from tests.integration.api.conftest import ClientOf, OpenSocket
from tests.runs import Runs


@pytest.fixture
async def without(make_user: MakeUser, request: pytest.FixtureRequest) -> Actor:
    """Somebody who has all permissions of their role but one."""
    return await make_user(taken=[request.param])


def lacking(permission: Permission) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("without", [permission], indirect=True)


async def _hear(socket: Any) -> str:
    async with asyncio.timeout(20):
        return json.loads(await socket.recv())["message"]


@lacking(Permission.VIEW_RUN)
async def test_who_may_see_no_runs_is_shown_none(
    services: Services,
    open_socket: OpenSocket,
    client_of: ClientOf,
    make_agent: MakeAgent,
    without: Actor,
) -> None:
    agent = await make_agent(without)
    run = await Runs(services, without).start(agent.id)
    headers = (await client_of(without)).headers

    for kind, subject in (("agent", agent.id), ("task", run.id)):
        sent = {"Authorization": headers["Authorization"]}
        socket = await open_socket(kind, subject, **sent)

        assert "'view_run'" in await _hear(socket), kind


@lacking(Permission.CHANGE_RUN)
async def test_who_may_change_no_runs_stops_and_answers_none(
    open_socket: OpenSocket,
    client_of: ClientOf,
    make_agent: MakeAgent,
    without: Actor,
) -> None:
    agent = await make_agent(without)
    client = await client_of(without)
    sent = {"Authorization": client.headers["Authorization"]}
    socket = await open_socket("agent", agent.id, **sent)
    await socket.recv()
    await socket.send(json.dumps({"action": "stop_agent"}))
    answer = {"interruptId": "x", "status": "cancelled"}
    body = {"threadId": "x", "runId": "x", "messages": [], "resume": [answer]}

    answered = await client.post(f"/api/v1/agents/{agent.id}/agui", json=body)

    assert "'change_run'" in await _hear(socket)
    assert answered.status_code == 403
    assert "'change_run'" in answered.json()["message"]
