"""The audit over the API: for administrators who are signed in."""

import json

import httpx

from app.backend.bootstrap import Services
from app.backend.identity import audit_chain

PATH = "/api/v1/audit"


async def test_what_was_done_is_listed_and_downloaded(
    signed_in: httpx.AsyncClient,
) -> None:
    made = await signed_in.post("/api/v1/users", json={"email": "ada@example.org"})
    wanted = {"action": "user_invited", "email": "owner@"}
    listed = await signed_in.get(PATH, params=wanted)
    file = await signed_in.get(f"{PATH}/export", params=wanted)
    none = await signed_in.get(f"{PATH}/export", params={"action": "logged_in"})
    wrong = await signed_in.get(PATH, params={"action": "nonsense"})

    (item,) = listed.json()["items"]
    assert item["detail"]["email"] == "ada@example.org"
    assert item["object_id"] == made.json()["user"]["id"]
    assert item["correlation_id"] == made.headers["X-Correlation-Id"]
    assert [json.loads(line) for line in file.text.splitlines()] == [item]
    assert "audit.jsonl" in file.headers["Content-Disposition"]
    assert none.text == ""
    assert wrong.status_code == 400


async def test_api_key_reads_no_audit(client: httpx.AsyncClient) -> None:
    answers = [await client.get(PATH), await client.get(f"{PATH}/export")]

    assert [answer.status_code for answer in answers] == [403, 403]


async def test_chain_is_verified(
    signed_in: httpx.AsyncClient, services: Services
) -> None:
    await signed_in.post("/api/v1/users", json={"email": "ada@example.org"})
    await audit_chain.chain_rows(services.db, services.keyring)

    check = (await signed_in.get(f"{PATH}/verify")).json()

    assert (check["is_whole"], check["rows"], check["reason"]) == (True, 1, "")


async def test_refusal_is_listed_once(
    signed_in: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    for _ in range(3):
        await client.get(PATH)

    listed = await signed_in.get(PATH, params={"result": "refused"})

    (item,) = listed.json()["items"]
    assert item["action"] == "access_refused"
    assert item["detail"] == {"what": f"GET {PATH}"}
