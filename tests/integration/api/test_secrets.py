"""Secrets over HTTP: in, and never out."""

from uuid import uuid4

import httpx

VALUE = "canary-of-the-api"


async def test_secret_is_stored_listed_and_deleted_without_being_shown(
    client: httpx.AsyncClient,
) -> None:
    path = "/api/v1/secrets/far"
    stored = await client.put(path, json={"value": VALUE})
    listed = await client.get("/api/v1/secrets")
    deleted = await client.delete(path)
    gone = await client.delete(path)

    assert stored.json()["reference"] == "db:far"
    assert [item["name"] for item in listed.json()["items"]] == ["far"]
    assert VALUE not in stored.text + listed.text
    assert (deleted.status_code, gone.status_code) == (204, 404)


async def test_refused_value_is_not_repeated(client: httpx.AsyncClient) -> None:
    short = await client.put("/api/v1/secrets/far", json={"value": "canary"})
    nameless = await client.put("/api/v1/secrets/a%20b", json={"value": VALUE})

    assert (short.status_code, nameless.status_code) == (400, 400)
    assert "canary" not in short.text + nameless.text


async def test_used_secret_needs_force(client: httpx.AsyncClient) -> None:
    await client.put("/api/v1/secrets/far", json={"value": VALUE})
    agent = {
        "name": "Scout",
        "model": "scripted/hello",
        "execution": "remote",
        "remote_url": "http://127.0.0.1:1",
        "remote_agent_id": str(uuid4()),
        "remote_key": "db:far",
    }
    made = await client.post("/api/v1/agents", json=agent)

    refused = await client.delete("/api/v1/secrets/far")
    forced = await client.delete("/api/v1/secrets/far?force=true")

    assert made.json()["has_remote_key"] is True
    assert (refused.status_code, forced.status_code) == (409, 204)
    assert "Scout" in refused.json()["message"]
