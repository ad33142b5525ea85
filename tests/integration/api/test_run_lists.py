"""Lists of runs over HTTP: found, tagged, changed many at once, deleted."""

import httpx

from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from tests.factories.rows import MakeAgent, MakeRun

RUNS = "/api/v1/runs"


async def test_list_takes_every_filter_and_pages(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    address = f"/api/v1/agents/{agent.id}/runs"
    for n in range(3):
        body = {"input": {"query": f"What is salt {n}?"}, "tags": ["Sea", f"n{n}"]}
        assert (await client.post(address, json=body)).status_code == 202
    (newest, *_) = (await client.get(RUNS)).json()["items"]
    wanted = {
        "agent_id": str(agent.id),
        "status": ["queued", "failed"],
        "trigger": "api",
        "q": "sal",
        "tag": ["sea"],
        "since": "2020-01-01T00:00:00Z",
        "until": "2100-01-01T00:00:00Z",
        "limit": 2,
    }

    first = (await client.get(RUNS, params=wanted)).json()
    rest = (
        await client.get(RUNS, params={**wanted, "cursor": first["next_cursor"]})
    ).json()
    none = (await client.get(RUNS, params={**wanted, "tag": ["sea", "land"]})).json()
    written = (await client.get(RUNS, params={**wanted, "tag": ["Sea", "N2"]})).json()
    ends = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    whole = (await client.get(RUNS, params=ends)).json()
    bad = await client.get(RUNS, params={"since": "yesterday"})

    assert [len(first["items"]), len(rest["items"]), none["items"]] == [2, 1, []]
    assert [len(written["items"]), len(whole["items"])] == [1, 3]
    assert first["items"][0] == newest
    assert newest["tags"] == ["sea", "n2"]
    assert (bad.status_code, list(bad.json()["details"])) == (400, ["since"])


async def test_tags_are_changed_and_checked(
    client: httpx.AsyncClient, actor: Actor, make_run: MakeRun
) -> None:
    run = await make_run(actor)
    address = f"{RUNS}/{run.id}"

    changed = await client.patch(address, json={"tags": ["A  b", "a b", "c"]})
    refused = await client.patch(address, json={"tags": ["a,b", "", *"123456789"]})
    cleared = await client.patch(address, json={"tags": []})

    assert changed.json()["tags"] == ["a b", "c"]
    assert refused.status_code == 400
    assert cleared.json()["tags"] == []


async def test_many_are_changed_each_with_its_result(
    client: httpx.AsyncClient, actor: Actor, make_run: MakeRun
) -> None:
    queued = await make_run(actor)
    failed = await make_run(actor, status=RunStatus.FAILED)
    absent = ids.new_id()
    run_ids = [str(run_id) for run_id in (queued.id, failed.id, absent)]

    answer = await client.post(
        f"{RUNS}/bulk", json={"action": "delete", "run_ids": run_ids}
    )
    empty = await client.post(f"{RUNS}/bulk", json={"action": "stop", "run_ids": []})
    unknown = await client.post(
        f"{RUNS}/bulk", json={"action": "burn", "run_ids": run_ids}
    )

    results = answer.json()["results"]
    assert answer.status_code == 200
    assert [result["run_id"] for result in results] == run_ids
    assert [result["is_done"] for result in results] == [False, True, False]
    assert results[0]["message"] == "This run has not ended. Stop it, then delete it."
    assert (empty.status_code, unknown.status_code) == (400, 400)
    assert (await client.get(f"{RUNS}/{failed.id}")).status_code == 404


async def test_one_is_deleted_when_it_has_ended(
    client: httpx.AsyncClient, actor: Actor, make_run: MakeRun
) -> None:
    queued = await make_run(actor)
    failed = await make_run(actor, status=RunStatus.FAILED)

    refused = await client.delete(f"{RUNS}/{queued.id}")
    done = await client.delete(f"{RUNS}/{failed.id}")
    again = await client.delete(f"{RUNS}/{failed.id}")

    assert (refused.status_code, done.status_code, again.status_code) == (409, 204, 404)
    listed = (await client.get(RUNS)).json()["items"]
    assert [item["id"] for item in listed] == [str(queued.id)]
