"""The agent websocket, as its first clients use it."""

import asyncio
import json
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.backend.agents.tables import AgentRow
from app.backend.api import sockets, sse
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.identity import sessions
from tests.factories.rows import MakeAgent
from tests.integration.api.conftest import OpenSocket
from tests.processes import Fork

START = {"action": "start_agent", "input_data": {"query": "What is salt?"}}


@pytest.fixture
async def agent(actor: Actor, make_agent: MakeAgent) -> AgentRow:
    """An agent with a scripted model."""
    return await make_agent(actor, model="scripted/hello")


@pytest.fixture
def open_agent(open_socket: OpenSocket) -> OpenSocket:
    """`await open_agent(agent.id)` connects as the owner."""
    return partial(open_socket, "agent")


async def _receive(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(20):
        return json.loads(await socket.recv())


async def _receive_until(socket: ClientConnection, *kinds: str) -> list[dict[str, Any]]:
    messages = [await _receive(socket)]
    while messages[-1]["type"] not in kinds:
        messages.append(await _receive(socket))
    return messages


async def _send(socket: ClientConnection, message: Any) -> None:
    await socket.send(json.dumps(message))


async def test_agent_is_started_and_watched_to_its_end(
    open_agent: OpenSocket, agent: AgentRow, worker: Fork
) -> None:
    socket = await open_agent(agent.id)
    hello = await _receive(socket)
    await _send(socket, START)
    messages = await _receive_until(socket, "execution_completed", "execution_error")

    assert hello == {"type": "connection", "agent_id": str(agent.id)}
    started, *events, completed = messages
    assert started["type"] == "execution_started"
    assert completed["type"] == "execution_completed", completed
    assert completed["output_data"]["answer"]
    assert {event["type"] for event in events} == {"agent_event"}
    assert {event["execution_id"] for event in events} == {started["execution_id"]}
    stages = [
        event["content"]["stage"]
        for event in events
        if event["event_type"] == "progress"
    ]
    assert [stage for stage in stages if stage != "queued"][:2] == [
        "started",
        "initializing",
    ]
    assert "generating" in stages
    (message,) = [event for event in events if event["event_type"] == "message"]
    assert message["content"]["content"] == completed["output_data"]["answer"]
    assert all(event["timestamp"] for event in events)


async def test_every_viewer_sees_the_same(
    open_agent: OpenSocket, agent: AgentRow, worker: Fork
) -> None:
    first, second = await open_agent(agent.id), await open_agent(agent.id)
    await _send(first, START)
    seen = [
        await _receive_until(socket, "execution_completed")
        for socket in (first, second)
    ]

    assert seen[0] == seen[1]


async def test_viewer_who_comes_later_gets_what_was_before(
    open_agent: OpenSocket, agent: AgentRow, client: httpx.AsyncClient
) -> None:
    body = {"input": {"query": "What is salt?"}}
    run = await client.post(f"/api/v1/agents/{agent.id}/runs", json=body)
    socket = await open_agent(agent.id)

    messages = await _receive_until(socket, "execution_started")

    assert [message["type"] for message in messages] == [
        "connection",
        "execution_started",
    ]
    assert messages[-1]["execution_id"] == run.json()["id"]


async def test_agent_is_stopped(open_agent: OpenSocket, agent: AgentRow) -> None:
    socket = await open_agent(agent.id)
    await _send(socket, START)
    started = (await _receive_until(socket, "execution_started"))[-1]
    await _send(socket, {"action": "stop_agent"})
    stopped = (await _receive_until(socket, "execution_stopped"))[-1]

    assert stopped["execution_id"] == started["execution_id"]
    assert stopped["message"]


async def test_stop_without_a_run_says_so(
    open_agent: OpenSocket, agent: AgentRow
) -> None:
    socket = await open_agent(agent.id)
    await _send(socket, {"action": "stop_agent"})

    error = (await _receive_until(socket, "error"))[-1]
    assert error["message"] == "Nothing is running, so there is nothing to stop."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "null",
        "{}",
        '{"action": "fly"}',
        '{"action": "start_agent"}',
        '{"action": "start_agent", "input_data": "text"}',
        '{"action": "start_agent", "input_data": {}}',
        '{"action": "start_agent", "input_data": {"query": ""}}',
        '{"action": "stop_agent", "execution_id": "x"}',
        "[" * 50_000,
        '{"action": "' + "x" * 300_000 + '"}',
        b"\x00\xff",
    ],
    ids=range(14),
)
async def test_bad_message_is_answered_and_the_socket_stays(
    open_agent: OpenSocket, agent: AgentRow, text: str | bytes
) -> None:
    socket = await open_agent(agent.id)
    await _receive(socket)
    await socket.send(text)
    answer = await _receive(socket)
    await _send(socket, START)

    assert set(answer) == {"type", "message"}
    assert answer["type"] == "error"
    assert answer["message"].endswith(".")
    assert (await _receive(socket))["type"] == "execution_started"


async def test_strangers_do_not_connect(
    open_agent: OpenSocket, agent: AgentRow
) -> None:
    for headers in ({"X-Nothing": ""}, {"Authorization": "Bearer wrong"}):
        with pytest.raises(InvalidStatus) as refused:
            await open_agent(agent.id, **headers)
        assert refused.value.response.status_code == 401


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null"])
async def test_pages_of_others_do_not_connect(
    open_agent: OpenSocket, agent: AgentRow, cookie: dict[str, str], origin: str | None
) -> None:
    headers = {**cookie, **({"Origin": origin} if origin else {})}
    with pytest.raises(InvalidStatus) as refused:
        await open_agent(agent.id, **headers)

    assert refused.value.response.status_code == 403


@pytest.mark.usefixtures("logins_are_checked_often")
async def test_own_pages_connect_until_the_login_ends(
    open_agent: OpenSocket,
    agent: AgentRow,
    served: str,
    services: Services,
    cookie: dict[str, str],
    actor: Actor,
) -> None:
    socket = await open_agent(agent.id, **cookie, Origin=served)
    await _receive(socket)
    async with services.db.transaction() as session:
        found = await sessions.list_sessions(session, actor)
        await sessions.revoke_session(session, actor, session_id=found[0].id)

    assert (await _receive(socket))["message"] == "Sign in to continue."
    with pytest.raises(ConnectionClosed):
        await _receive(socket)


async def test_viewers_cannot_start(
    open_agent: OpenSocket,
    client_of: Any,
    make_user: Any,
    make_agent: MakeAgent,
) -> None:
    viewer = await make_user(role="viewer")
    agent = await make_agent(viewer)
    client = await client_of(viewer)
    socket = await open_agent(agent.id, Authorization=client.headers["Authorization"])
    await _receive(socket)
    await _send(socket, START)

    assert "add_run" in (await _receive(socket))["message"]


async def test_one_run_too_many_is_an_error_message(
    open_agent: OpenSocket, app: FastAPI, services: Services, agent: AgentRow
) -> None:
    one = services.settings.model_copy(update={"runs_active_max": 1})
    app.state.services = replace(services, settings=one)
    socket = await open_agent(agent.id)
    await _receive(socket)

    await _send(socket, START)
    await _receive_until(socket, "execution_started")
    await _send(socket, START)

    (*_, refused) = await _receive_until(socket, "error")
    assert "stop one of yours" in refused["message"]


async def test_viewer_who_comes_back_in_the_middle_sees_the_run_to_its_end(
    open_agent: OpenSocket, actor: Actor, make_agent: MakeAgent, worker: Fork
) -> None:
    agent = await make_agent(actor, model="scripted/rate-40")
    first = await open_agent(agent.id)
    await _send(first, START)
    before = await _receive_until(first, "agent_event")
    await first.close()

    second = await open_agent(agent.id)
    after = await _receive_until(second, "execution_completed", "execution_error")

    assert after[0] == {"type": "connection", "agent_id": str(agent.id)}
    # From its first event on: what was seen before is seen again, in the same order.
    assert after[: len(before)] == before
    assert after[-1]["type"] == "execution_completed"


async def test_silence_is_broken_and_a_ping_is_answered(
    open_agent: OpenSocket, agent: AgentRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(sse, "CHECK_SECONDS", 0.1)
    socket = await open_agent(agent.id)
    await _receive(socket)
    await _receive_until(socket, "ping")
    await _send(socket, {"action": "ping"})

    assert (await _receive_until(socket, "pong"))[-1] == {"type": "pong"}
