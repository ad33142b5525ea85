"""Agents over HTTP, in the full form and in the short one."""

import httpx

from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from tests.factories.rows import MakeAgent, MakeRun


async def test_agent_is_made_changed_and_deleted(client: httpx.AsyncClient) -> None:
    draft = {"name": "Librarian", "model": "scripted/hello", "temperature": 0.5}
    made = await client.post("/api/v1/agents", json=draft)
    path = f"/api/v1/agents/{made.json()['id']}"
    changed = await client.put(path, json={**draft, "name": "Reader"})
    shown = await client.get(path)
    deleted = await client.delete(path)
    gone = await client.get(path)

    assert made.status_code == 201
    assert changed.json()["name"] == "Reader"
    assert shown.json() == changed.json()
    assert (deleted.status_code, gone.status_code) == (204, 404)


async def test_agents_are_listed_in_pages(
    client: httpx.AsyncClient, actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    made = [await make_agent(actor, name=f"Agent {n}") for n in range(3)]
    await make_agent(other_actor)

    first = (await client.get("/api/v1/agents?limit=2")).json()
    second = (
        await client.get(f"/api/v1/agents?limit=2&cursor={first['next_cursor']}")
    ).json()

    found = [agent["id"] for agent in [*first["items"], *second["items"]]]
    assert found == [str(agent.id) for agent in reversed(made)]
    assert second["next_cursor"] is None


async def test_agent_is_copied_archived_and_restored(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    path = f"/api/v1/agents/{(await make_agent(actor)).id}"
    copy = await client.post(f"{path}/duplicate")
    archived = await client.post(f"{path}/archive")
    listed = await client.get("/api/v1/agents?archived=true")
    restored = await client.post(f"{path}/restore")

    assert copy.json()["name"] == "Librarian (copy)"
    assert archived.json()["archived_at"] is not None
    assert [item["id"] for item in listed.json()["items"]] == [archived.json()["id"]]
    assert restored.json()["archived_at"] is None


async def test_wrong_fields_are_named(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/v1/agents", json={"name": " ", "temperature": 9, "passages": "many"}
    )

    assert answer.status_code == 400
    assert set(answer.json()["details"]) == {"name", "temperature", "passages"}


async def test_nul_in_a_text_is_refused_everywhere(client: httpx.AsyncClient) -> None:
    name = await client.post("/api/v1/agents", json={"name": "a\x00b"})
    search = await client.get("/api/v1/agents", params={"q": "a\x00b"})

    assert (name.status_code, set(name.json()["details"])) == (400, {"name"})
    assert (search.status_code, set(search.json()["details"])) == (400, {"q"})


async def test_short_form_has_its_words(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent, make_run: MakeRun
) -> None:
    agent = await make_agent(actor, description="Answers.")
    idle = (await client.get(f"/agent/{agent.id}/")).json()
    await make_run(actor, agent=agent, status=RunStatus.TIMED_OUT)
    failed = (await client.get(f"/agent/{agent.id}")).json()
    await make_run(actor, agent=agent, status=RunStatus.WAITING)
    listed = (await client.get("/agent/")).json()

    assert set(idle) == {
        "uuid",
        "name",
        "description",
        "status",
        "created_at",
        "updated_at",
    }
    assert (idle["uuid"], idle["status"]) == (str(agent.id), "idle")
    assert failed["status"] == "error"
    assert [item["status"] for item in listed["items"]] == ["running"]


async def test_short_form_makes_agents(client: httpx.AsyncClient) -> None:
    answer = await client.post("/agent/", json={"name": "Short"})

    assert answer.status_code == 201
    assert (await client.get("/agent")).json()["items"] == [answer.json()]


async def test_knowledge_of_an_agent(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, name="Cook")
    path = f"/api/agents/{agent.id}/knowledge/upload/"
    files = [
        ("files", ("salt.txt", b"Salt is white.", "text/plain")),
        ("files", ("tool.exe", b"MZ\x90", "application/octet-stream")),
    ]
    answer = await client.post(path, files=files)
    again = await client.post(path, files=files[:1])
    only_bad = await client.post(path, files=files[1:])

    assert answer.status_code == 202
    (document,) = answer.json()["items"]
    assert {key: document[key] for key in ("name", "status", "error")} == {
        "name": "salt.txt",
        "status": "uploaded",
        "error": "",
    }
    assert [item["name"] for item in answer.json()["refused"]] == ["tool.exe"]
    assert again.json()["items"][0]["id"] == document["id"]
    assert (only_bad.status_code, only_bad.json()["code"]) == (400, "FILE_REFUSED")
    followed = await client.get(f"/api/v1/documents/{document['id']}")
    assert followed.json() == document
    collections = (await client.get("/api/v1/collections")).json()["items"]
    assert [item["name"] for item in collections] == ["Cook"]
