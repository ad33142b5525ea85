"""Every address, sent by one person with an id of another: it looks like an id of nothing, and changes nothing.

Made from the registries of routes and messages: a new one with an id of a new name fails here until its kind is said.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIWebSocketRoute, iter_route_contexts
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.backend.api.agent_socket import Action
from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from tests.fakes.knowledge import FakeEmbedder
from tests.integration.api.description import described
from tests.isolation import SECRET, Kind, World, make_world, read_all, without_ids

KINDS = {
    "agent_id": Kind.AGENT,
    "agent_ids": Kind.AGENT,
    "budget_id": Kind.BUDGET,
    "chunk_id": Kind.PASSAGE,
    "collection_id": Kind.COLLECTION,
    "collection_ids": Kind.COLLECTION,
    "document_id": Kind.DOCUMENT,
    "execution_id": Kind.RUN,
    "key_id": Kind.KEY,
    "linked_id": Kind.LINKED_LOGIN,
    "llm_model": Kind.MODEL,
    "middleware_id": Kind.MIDDLEWARE,
    "model_id": Kind.MODEL,
    "note_id": Kind.NOTE,
    "provider": Kind.PROVIDER,
    "provider_id": Kind.PROVIDER,
    "run_id": Kind.RUN,
    "run_ids": Kind.RUN,
    "session_id": Kind.LOGIN,
    "share_id": Kind.SHARE,
    "task_id": Kind.RUN,
    "thread_id": Kind.THREAD,
}
# Parts of addresses that are no ids: the API has nothing there, the documentation's own files, a signed name,
# the number of a step, the key of a service; groups, which everybody may share with; for administrators a queue
# of everybody's jobs, runs of anybody, the people, and their tiers.
NO_IDS = {
    "rest",
    "name",
    "key",
    "step",
    "provider",
    "queue",
    "dead_run_id",
    "job_run_id",
    "user_id",
    "group_id",
    "tier_id",
}
# They answer 200 with a result for each id.
EACH_BY_ITSELF = {"/api/v1/runs/bulk"}
_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


@dataclass(frozen=True)
class Case:
    """A request that names something by its id, in its address, its query or its body."""

    method: str
    path: str
    name: str
    place: Literal["path", "query", "body", "list"]


def cases_of() -> Iterator[Case]:
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            for name in _PARAMETER.findall(path):
                # A provider is an id in a body, and a name in an address.
                if name in KINDS.keys() - NO_IDS:
                    yield Case(method.upper(), path, name, "path")
            for parameter in operation.get("parameters", []):
                name, schema = parameter["name"], str(parameter["schema"])
                is_query = parameter["in"] == "query" and name not in NO_IDS
                if is_query and "'uuid'" in schema:
                    yield Case(method.upper(), path, name, "query")
            for name, schema in _body_of(operation).get("properties", {}).items():
                if "'uuid'" in str(schema) and name not in NO_IDS:
                    place = "list" if "'array'" in str(schema) else "body"
                    yield Case(method.upper(), path, name, place)


def _body_of(operation: Mapping[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {})
    schemas = described()["components"]["schemas"]
    return schemas.get(reference.get("$ref", "").rpartition("/")[2], {})


def _allowed(case: Case, body: dict[str, Any]) -> dict[str, Any]:
    """Return what of a body the route of a case takes: many refuse fields that they do not know."""
    schema = _body_of(described()["paths"][case.path][case.method.lower()])
    known = schema.get("properties", body)
    return {name: value for name, value in body.items() if name in known}


def _request(case: Case, wanted: UUID, own: World) -> dict[str, Any]:
    def fill(match: re.Match[str]) -> str:
        if match[1] in NO_IDS:
            return "0"
        is_wanted = case.place == "path" and match[1] == case.name
        return str(wanted if is_wanted else own[KINDS[match[1]]][0])

    request: dict[str, Any] = {
        "method": case.method,
        "url": _PARAMETER.sub(fill, case.path),
        "params": {"q": "what"} if case.path.endswith("/search") else {},
    }
    if case.path.endswith(("/documents", "/upload")) and case.method == "POST":
        request["files"] = {"files": ("a.txt", b"some text", "text/plain")}
    elif case.method in {"POST", "PUT", "PATCH"}:
        request["json"] = {"name": "x", "input": {"query": "x"}, "step": 0}
        request["json"] |= {"action": "retry", "tags": ["x"], "text": "x"}
        request["json"] |= {"email": "nobody@example.org", "level": "view"}
        request["json"] |= {"is_public": True}
        # To start a run would be answered until its end; an answer to nothing is not.
        answer = {"interruptId": "x", "status": "cancelled"}
        request["json"] |= {"threadId": "x", "runId": "x", "messages": []}
        request["json"] |= {"resume": [answer], "runs": [{"input": {"query": "x"}}]}
        request["json"] |= {"type": "scripted", "is_enabled": False}
        request["json"] |= {"scope": "agent", "amount": 1}
        request["json"] |= {"provider_type": "scripted", "model": "x"}
        request["json"] |= {"middleware": "cache"}
        request["json"] = _allowed(case, request["json"])
    match case.place:
        case "query":
            request["params"] |= {case.name: str(wanted)}
        case "body":
            request["json"] |= {case.name: str(wanted)}
        case "list":
            request["json"] |= {case.name: [str(wanted)]}
        case "path":
            pass
    return request


async def ask(
    client: httpx.AsyncClient, case: Case, wanted: UUID, own: World
) -> tuple[int, str, str]:
    answer = await client.request(**_request(case, wanted, own))
    kind = answer.headers.get("content-type", "")
    return answer.status_code, kind, without_ids(answer.text)


def test_every_id_of_an_address_has_a_kind(app: FastAPI) -> None:
    names = {
        name
        for route in iter_route_contexts(app.routes)
        for name in _PARAMETER.findall(route.path or "")
    }
    asked = {case.name for case in cases_of()}

    assert names | asked <= KINDS.keys() | NO_IDS, "Say which kind of id this is."


async def test_foreign_and_absent_look_the_same_at_every_address(
    services: Services,
    signed_in: httpx.AsyncClient,
    actor: Actor,
    other_actor: Actor,
) -> None:
    foreign = await make_world(services, other_actor)
    own = await make_world(services, actor)
    before = await read_all(services)
    cases = list(cases_of())
    assert len(cases) > 30

    for case in cases:
        absent = await ask(signed_in, case, ids.new_id(), own)
        for wanted in foreign[KINDS[case.name]]:
            answer = await ask(signed_in, case, wanted, own)

            assert answer == absent, case
            assert SECRET not in answer[2], case
        if case.place != "query" and case.path not in EACH_BY_ITSELF:
            assert absent[0] == 404, (case, absent)
            assert set(json.loads(absent[2])) == {"error", "resource", "id"}
        assert await read_all(services) == before, case


async def test_own_things_are_found_at_every_address(
    services: Services, app: FastAPI, signed_in: httpx.AsyncClient, actor: Actor
) -> None:
    # A search must not need the runtime.
    app.state.services = replace(services, embedder=FakeEmbedder())
    for case in cases_of():
        own = await make_world(services, actor)
        absent = await ask(signed_in, case, ids.new_id(), own)
        found = [
            await ask(signed_in, case, wanted, own) for wanted in own[KINDS[case.name]]
        ]

        assert set(found) - {absent}, f"{case} asks for nothing, so it proves nothing."


async def test_foreign_and_absent_look_the_same_on_every_websocket(
    services: Services,
    app: FastAPI,
    served: str,
    client: httpx.AsyncClient,
    other_actor: Actor,
) -> None:
    foreign = await make_world(services, other_actor)
    before = await read_all(services)
    sent = {"Authorization": client.headers["Authorization"]}
    paths = {
        route.path
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIWebSocketRoute)
    }
    assert paths == {"/ws/agent/{agent_id}", "/ws/task/{task_id}"}

    for path in filter(None, paths):
        (name,) = _PARAMETER.findall(path)
        answers: list[str] = []
        for wanted in (*foreign[KINDS[name]], ids.new_id()):
            place = _PARAMETER.sub(str(wanted), path)
            url = f"{served.replace('http', 'ws')}{place}"
            async with connect(url, additional_headers=sent, proxy=None) as socket:
                answers.append(without_ids(str(await socket.recv())))
                with pytest.raises(ConnectionClosed):
                    await socket.recv()

        assert len(set(answers)) == 1, path
        assert f"There is no {KINDS[name]} 'ID'" in answers[0]
    assert await read_all(services) == before


async def test_foreign_and_absent_look_the_same_in_every_message_of_a_websocket(
    services: Services,
    served: str,
    client: httpx.AsyncClient,
    actor: Actor,
    make_agent: Any,
    other_actor: Actor,
) -> None:
    foreign = await make_world(services, other_actor)
    agent = await make_agent(actor)
    before = await read_all(services)
    named = [
        (schema["properties"]["action"]["const"], name)
        for schema in Action.json_schema()["$defs"].values()
        for name, field in schema["properties"].items()
        if "'uuid'" in str(field)
    ]
    assert named

    url = f"{served.replace('http', 'ws')}/ws/agent/{agent.id}"
    sent = {"Authorization": client.headers["Authorization"]}
    async with connect(url, additional_headers=sent, proxy=None) as socket:
        await socket.recv()
        for action, name in named:
            answers: set[str] = set()
            for wanted in (*foreign[KINDS[name]], ids.new_id()):
                message = {"action": action, name: str(wanted)}
                await socket.send(json.dumps(message))
                async with asyncio.timeout(10):
                    answers.add(without_ids(str(await socket.recv())))

            assert len(answers) == 1, action
            assert "or it is not yours" in answers.pop()

    assert await read_all(services) == before
