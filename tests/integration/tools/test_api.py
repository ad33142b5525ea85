"""Waiting runs over HTTP, and what there is to choose from."""

import httpx
from fastapi import FastAPI

from app.backend.identity import keys
from tests.api import make_api
from tests.integration.tools.conftest import Desk

ASK = ("ask_person", {"question": "Which colour?", "choices": ["Red", "Blue"]})


async def _client(desk: Desk) -> httpx.AsyncClient:
    api: FastAPI = make_api(desk.services.settings)
    api.state.services = desk.services
    async with desk.services.db.transaction() as session:
        new = await keys.create_key(session, desk.actor, name="tests")
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(api),
        base_url="http://127.0.0.1:8000",
        headers={"Authorization": f"Bearer {new.key}"},
    )


async def test_question_is_shown_and_answered_once(desk: Desk) -> None:
    waiting = await desk.run(ASK, "{told}")
    path = f"/api/v1/runs/{waiting.id}"
    async with await _client(desk) as client:
        shown = (await client.get(path)).json()
        wrong = await client.post(f"{path}/answer", json={"choice": "Green"})
        right = {"choice": "Blue", "question_id": shown["question"]["id"]}
        first = await client.post(f"{path}/answer", json=right)
        second = await client.post(f"{path}/answer", json=right)

    assert shown["status"] == "waiting"
    assert shown["question"]["text"] == "Which colour?"
    assert (wrong.status_code, wrong.json()["details"]) == (
        400,
        {
            "choice": [
                "Answer with the `choice` 'Red' or 'Blue', or write an answer of your own in `text`."
            ]
        },
    )
    assert (first.status_code, first.json()["status"]) == (202, "queued")
    assert second.status_code == 409
    assert "waits for no answer" in second.text


async def test_tools_and_notes_are_listed(desk: Desk) -> None:
    await desk.run(("notes_put", {"name": "list", "text": "Milk"}), "Done.")
    async with await _client(desk) as client:
        tools = (await client.get("/api/v1/tools")).json()
        notes = (await client.get("/api/v1/notes")).json()
        unknown = await client.post(
            "/api/v1/agents", json={"name": "x", "tools": ["rm"]}
        )
        small = await client.post("/api/v1/agents", json={"name": "x", "kind": "tools"})

    effects = {tool["name"]: tool["effect"] for tool in tools}
    assert effects["notes_append"] == "unsafe"
    assert tools[0]["schema"]["type"] == "object"
    assert [note["name"] for note in notes["items"]] == ["list"]
    assert "tools" in unknown.json()["details"]
    assert "cannot choose tools" in small.json()["details"]["model"][0]
