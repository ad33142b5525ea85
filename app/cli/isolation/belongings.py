"""Gives a probe something of every kind that there is, by the ways that people use, and takes it away again."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.errors import ServiceUnavailable
from app.backend.identity import probes
from app.backend.tools import notes
from app.cli.isolation.people import Owned, Person, client_of, list_owned

_WORK_SECONDS = 60
_LOOK_SECONDS = 0.2
_OVER = {"completed", "failed", "stopped", "timed_out", "ready"}


async def fill(
    services: Services, address: str, person: Person, friend: Person
) -> Owned:
    """Give the person something of every kind, shared with `friend` where that is possible; returns all of it by table.

    Raises:
        ServiceUnavailable: no worker reads the document or does the run in time.
    """
    word = person.word
    async with services.db.transaction() as session:
        await notes.put_note(session, person.actor, name=word, text=word)
        await probes.link_login(session, person.actor, email=word)
    async with client_of(address, person.headers(address)) as client:
        collection = await _add_collection(client, word)
        agent = await _add_agent(client, word, collection["id"])
        await _make(client, "/api/v1/keys", name=word)
        secret = await client.put(f"/api/v1/secrets/{word}", json={"value": word})
        _check(secret)
        await _make(client, "/api/v1/budgets", amount=1000)
        middleware, provider = await _add_model(client, word)
        for kind, thing, level in (
            ("agents", agent, "view"),
            ("collections", collection, "view"),
            ("providers", provider, "run"),
        ):
            shares = f"/api/v1/{kind}/{thing['id']}/shares"
            await _make(client, shares, email=friend.actor.email, level=level)
        await _is_over(client, f"/api/v1/collections/{collection['id']}/documents")
        runs = f"/api/v1/agents/{agent['id']}/runs"
        await _make(client, runs, input={"query": word}, tags=[word])
        await _is_over(client, "/api/v1/runs")
    owned = await list_owned(services, person.actor)
    # It belongs to its model.
    return {**owned, "middleware": [UUID(middleware["id"])]}


async def empty(address: str, person: Person) -> None:
    """Delete what lies outside of the rows too: documents, and the steps of runs."""
    async with client_of(address, person.headers(address)) as client:
        for path in ("/api/v1/runs", "/api/v1/agents", "/api/v1/collections"):
            for thing in (await client.get(path)).json().get("items", []):
                await client.delete(f"{path}/{thing['id']}")


async def _add_collection(client: httpx.AsyncClient, word: str) -> dict[str, Any]:
    made = await _make(client, "/api/v1/collections", name=word, description=word)
    text = f"{word} is the word of this document, and {word} is all that it says."
    file = (f"{word}.txt", text.encode(), "text/plain")
    place = f"/api/v1/collections/{made['id']}/documents"
    _check(await client.post(place, files={"files": file}))
    return made


async def _add_agent(
    client: httpx.AsyncClient, word: str, collection_id: str
) -> dict[str, Any]:
    return await _make(
        client,
        "/api/v1/agents",
        name=word,
        description=word,
        instructions=word,
        model=f"scripted/{json.dumps({'text': word})}",
        suggested_prompts=[word],
        collection_ids=[collection_id],
    )


async def _add_model(
    client: httpx.AsyncClient, word: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the middleware and the provider of a new model."""
    provider = await _make(
        client, "/api/v1/providers", type="scripted", name=word, label=word
    )
    facts = {"provider_id": provider["id"], "name": word, "environment": "LAB"}
    model = await _make(client, "/api/v1/models", **facts)
    before = f"/api/v1/models/{model['id']}/middleware"
    return await _make(client, before, type="cache"), provider


async def _make(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    _check(answer)
    return answer.json()


def _check(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    message = f"{answer.request.method} {answer.request.url.path} says {answer.status_code}: {answer.text[:300]}"
    raise ServiceUnavailable(message, service="web")


async def _is_over(client: httpx.AsyncClient, path: str) -> None:
    """Return when all that is listed there has come to an end."""
    end = clock.monotonic() + _WORK_SECONDS
    while True:
        items = (await client.get(path)).json()["items"]
        if items and all(item["status"] in _OVER for item in items):
            return
        if clock.monotonic() > end:
            message = f"{path} is not done after {_WORK_SECONDS} seconds. Check with `atelier doctor` that workers and runtime are well, and try again."
            raise ServiceUnavailable(message, service="workers")
        await asyncio.sleep(_LOOK_SECONDS)
