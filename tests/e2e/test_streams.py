"""What programs follow, on the server that the product comes with: how it hangs up, and who goes away."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from app.backend.identity import keys
from tests.agui import check_stream
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

POLICY_VIOLATION = 1008


@dataclass
class Program:
    """A program of the owner, with a key of its own."""

    url: str
    key: str
    key_id: UUID
    agent_id: str
    client: httpx.AsyncClient

    async def open(self, path: str) -> ClientConnection:
        """Open a websocket."""
        headers = {"Authorization": f"Bearer {self.key}"}
        url = f"{self.url.replace('http', 'ws')}{path}"
        return await connect(url, additional_headers=headers, proxy=None)

    async def start(self) -> str:
        """Queue a run of the agent, which asks before it answers."""
        body = {"input": {"query": "What?"}}
        path = f"/api/v1/agents/{self.agent_id}/runs"
        return (await self.client.post(path, json=body)).json()["id"]


@pytest.fixture
async def program(product: Product, login: object) -> AsyncGenerator[Program, None]:
    """A program with an agent that asks."""
    async with parts_of(product) as (services, owner):
        values: dict[str, Any] = {"kind": "tools", "tools": ["ask_person"]}
        rows = RowFactory(services.db)
        agent = await rows.agent(owner, name="Asks", model="scripted/asks", **values)
        async with services.db.transaction() as session:
            new = await keys.create_key(session, owner, name="program")
    headers = {"Authorization": f"Bearer {new.key}"}
    async with httpx.AsyncClient(
        base_url=product.url, headers=headers, timeout=30
    ) as client:
        yield Program(product.url, new.key, new.view.id, str(agent.id), client)


async def _next(socket: ClientConnection, *kinds: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            message = json.loads(await socket.recv())
            if message["type"] in kinds:
                return message


async def test_task_is_answered_and_its_socket_hangs_up(program: Program) -> None:
    socket = await program.open(f"/ws/task/{await program.start()}/")
    await _next(socket, "CONFIRMATION_NEEDED")
    answer = {"type": "confirmation_response", "choice": "Blue"}
    await socket.send(json.dumps(answer))

    assert (await _next(socket, "task_complete", "task_error"))["result"] == "Blue"
    with pytest.raises(ConnectionClosedOK):
        await _next(socket)


@pytest.mark.parametrize("path", ["/ws/task/{run_id}/", "/ws/agent/{agent_id}/"])
async def test_socket_hangs_up_when_its_key_is_revoked(
    program: Program, product: Product, path: str
) -> None:
    run_id = await program.start()
    place = path.format(run_id=run_id, agent_id=program.agent_id)
    socket = await program.open(place)
    await _next(socket, "progress_update", "connection")
    async with parts_of(product) as (services, owner), services.db.transaction() as row:
        await keys.revoke_key(row, owner, key_id=program.key_id)

    assert "Sign in" in (await _next(socket, "error"))["message"]
    with pytest.raises(ConnectionClosedError):
        await _next(socket)
    assert socket.close_code == POLICY_VIOLATION


async def test_agui_client_asks_answers_and_goes(program: Program) -> None:
    path = f"/api/v1/agents/{program.agent_id}/agui"
    said = [{"id": "1", "role": "user", "content": "What?"}]
    asked = {"threadId": str(program.key_id), "runId": f"{program.key_id}-1"}
    async with program.client.stream(
        "POST", path, json={**asked, "messages": said}
    ) as stream:
        # It is gone before the question comes.
        assert await anext(stream.aiter_lines()) == "retry: 1000"
    first = await program.client.post(path, json={**asked, "messages": said})
    sent = _parse(first.text)
    check_stream(sent)
    (interrupt,) = sent[-1]["outcome"]["interrupts"]
    entry = {"interruptId": interrupt["id"], "status": "resolved", "payload": "Red"}
    further = {**asked, "runId": f"{program.key_id}-2", "messages": []}
    second = await program.client.post(path, json={**further, "resume": [entry]})

    sent = _parse(second.text)
    check_stream(sent)
    assert sent[-1]["result"]["answer"] == "Red"


def _parse(text: str) -> list[dict[str, Any]]:
    lines = text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
