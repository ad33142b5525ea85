"""Runs as tasks: looked at, watched, and answered over the websocket."""

import asyncio
import json
from functools import partial
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus

from app.backend.agents.schemas import AgentKind
from app.backend.agents.tables import AgentRow
from app.backend.api import sockets, sse
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.identity import sessions
from tests.factories.rows import MakeAgent
from tests.integration.api.conftest import OpenSocket
from tests.integration.tools.conftest import script
from tests.parts import wait_until
from tests.processes import Fork
from tests.runs import Runs

ASK = ("ask_person", {"question": "Which colour?", "choices": ["Red", "Blue"]})


@pytest.fixture
def open_task(open_socket: OpenSocket) -> OpenSocket:
    """`await open_task(run_id)` connects as the owner."""
    return partial(open_socket, "task")


@pytest.fixture
async def asking(actor: Actor, make_agent: MakeAgent) -> AgentRow:
    """An agent that asks before it answers."""
    values: dict[str, Any] = {"kind": AgentKind.TOOLS, "tools": ["ask_person"]}
    return await make_agent(actor, model=script(ASK, "{told}"), **values)


@pytest.fixture
async def agent(actor: Actor, make_agent: MakeAgent) -> AgentRow:
    """An agent with a scripted model."""
    return await make_agent(actor, model="scripted/hello")


async def _receive(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(20):
        return json.loads(await socket.recv())


async def _receive_until(socket: ClientConnection, *kinds: str) -> list[dict[str, Any]]:
    messages = [await _receive(socket)]
    while messages[-1]["type"] not in kinds:
        messages.append(await _receive(socket))
    return messages


async def _assert_closed(socket: ClientConnection) -> None:
    with pytest.raises(ConnectionClosedOK):
        async with asyncio.timeout(20):
            await socket.recv()


async def _answer(socket: ClientConnection, **answer: str) -> None:
    await socket.send(json.dumps({"type": "confirmation_response", **answer}))


async def test_task_is_watched_to_its_end(
    open_task: OpenSocket,
    services: Services,
    actor: Actor,
    agent: AgentRow,
    client: httpx.AsyncClient,
    worker: Fork,
) -> None:
    run = await Runs(services, actor).start(agent.id)
    socket = await open_task(run.id)
    state, *news, end = await _receive_until(socket, "task_complete", "task_error")
    await _assert_closed(socket)
    task = (await client.get(f"/api/v1/tasks/{run.id}")).json()

    assert (state["type"], state["task_id"]) == ("progress_update", str(run.id))
    assert end["type"] == "task_complete", end
    said = "".join(one["chunk"] for one in news if one["type"] == "response_chunk")
    assert (state["current_response"] + said) in ("", end["result"])
    assert task["status"] == "completed"
    assert task["is_completed"] is True
    assert task["result"]["answer"] == task["current_response"] == end["result"]
    lines = [line["step"] for line in task["progress_logs"]]
    told = [line["step"] for line in state["progress_logs"]]
    told += [one["progress_log"] for one in news if "progress_log" in one]
    assert lines == told


async def test_task_that_asks_goes_on_with_the_answer_of_the_socket(
    open_task: OpenSocket,
    services: Services,
    actor: Actor,
    asking: AgentRow,
    client: httpx.AsyncClient,
    worker: Fork,
) -> None:
    run = await Runs(services, actor).start(asking.id)
    socket = await open_task(run.id)
    asked = (await _receive_until(socket, "CONFIRMATION_NEEDED"))[-1]
    waiting = (await client.get(f"/api/v1/tasks/{run.id}")).json()

    await _answer(socket, question_id=asked["question_id"], choice="Green")
    refused = (await _receive_until(socket, "error"))[-1]
    await _answer(socket, question_id=asked["question_id"], choice="Blue")
    end = (await _receive_until(socket, "task_complete", "task_error"))[-1]

    assert asked["message"] == "Which colour?"
    values = [choice["value"] for choice in asked["question"]["choices"]]
    assert values == ["Red", "Blue"]
    assert waiting["status"] == "waiting"
    assert waiting["confirmation"]["question_id"] == asked["question_id"]
    assert "'Red' or 'Blue'" in refused["message"]
    assert end["result"] == "Blue"


async def test_viewer_who_comes_back_gets_the_state_first_and_nothing_twice(
    open_task: OpenSocket,
    services: Services,
    actor: Actor,
    asking: AgentRow,
    worker: Fork,
) -> None:
    run = await Runs(services, actor).start(asking.id)
    first = await open_task(run.id)
    before = await _receive_until(first, "CONFIRMATION_NEEDED")
    await first.close()

    second = await open_task(run.id)
    state, asked = await _receive(second), await _receive(second)
    third = await open_task(run.id)
    await _receive_until(third, "CONFIRMATION_NEEDED")
    await _answer(second, choice="Red")
    ends = [
        (await _receive_until(socket, "task_complete", "task_error"))[-1]
        for socket in (second, third)
    ]
    late = await open_task(run.id)
    (after, end) = await _receive_until(late, "task_complete")
    await _assert_closed(late)

    assert state["type"] == "progress_update"
    assert state["status"] == "waiting"
    seen = [line["step"] for line in before[0]["progress_logs"]]
    seen += [one["progress_log"] for one in before if "progress_log" in one]
    assert [line["step"] for line in state["progress_logs"]] == [
        *seen,
        "Asks: Which colour?",
    ]
    assert asked == before[-1]
    assert ends == [end, end]
    assert after["is_completed"] is True
    assert after["current_response"] == "Red"


async def test_answer_to_nothing_is_refused_and_the_socket_stays(
    open_task: OpenSocket, services: Services, actor: Actor, agent: AgentRow
) -> None:
    run = await Runs(services, actor).start(agent.id)
    socket = await open_task(run.id)
    await _receive(socket)
    for text in ("", "[]", "{}", '{"type": "fly"}', b"\x00", '{"a": "' + "x" * 300_000):
        await socket.send(text)
        assert (await _receive(socket))["type"] == "error"
    await _answer(socket, choice="Red")
    refused = await _receive(socket)
    await socket.send('{"type": "ping"}')

    assert "waits for no answer" in refused["message"]
    assert await _receive(socket) == {"type": "pong"}


async def test_who_may_not_see_it_does_not_connect(
    open_task: OpenSocket,
    services: Services,
    actor: Actor,
    agent: AgentRow,
    cookie: dict[str, str],
) -> None:
    run = await Runs(services, actor).start(agent.id)
    cases: list[tuple[int, dict[str, str]]] = [
        (401, {"X-Nothing": ""}),
        (401, {"Authorization": "Bearer wrong"}),
        (403, cookie),
        (403, {**cookie, "Origin": "http://evil.example"}),
    ]
    for status, headers in cases:
        with pytest.raises(InvalidStatus) as refused:
            await open_task(run.id, **headers)
        assert refused.value.response.status_code == status


async def test_viewers_may_look_and_not_answer(
    open_task: OpenSocket,
    services: Services,
    make_user: Any,
    make_agent: MakeAgent,
    client_of: Any,
) -> None:
    viewer = await make_user(role="viewer")
    agent = await make_agent(viewer)
    client = await client_of(viewer)
    run = await Runs(services, viewer).start(agent.id)
    socket = await open_task(run.id, Authorization=client.headers["Authorization"])
    await _receive(socket)
    await _answer(socket, choice="Red")

    assert "change_run" in (await _receive(socket))["message"]


@pytest.mark.usefixtures("logins_are_checked_often")
async def test_socket_ends_with_the_login(
    open_task: OpenSocket,
    served: str,
    services: Services,
    cookie: dict[str, str],
    actor: Actor,
    agent: AgentRow,
) -> None:
    run = await Runs(services, actor).start(agent.id)
    socket = await open_task(run.id, **cookie, Origin=served)
    await _receive(socket)
    async with services.db.transaction() as session:
        found = await sessions.list_sessions(session, actor)
        await sessions.revoke_session(session, actor, session_id=found[0].id)

    assert (await _receive(socket))["message"] == "Sign in to continue."
    with pytest.raises(ConnectionClosed):
        await _receive(socket)


async def test_silence_is_broken_and_who_goes_leaves_nothing(
    open_task: OpenSocket,
    services: Services,
    actor: Actor,
    agent: AgentRow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert sockets.SILENCE_SECONDS + sse.CHECK_SECONDS < 15
    monkeypatch.setattr(sockets, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(sse, "CHECK_SECONDS", 0.1)
    run = await Runs(services, actor).start(agent.id)
    socket = await open_task(run.id)

    assert (await _receive_until(socket, "ping"))[-1] == {"type": "ping"}
    await socket.close()
    await asyncio.to_thread(
        wait_until,
        lambda: not services.feed.followed,
        seconds=20,
        what="What it followed is let go",
    )
