"""Permissions that an administrator gives to one person, or takes from them, beside their role."""

from typing import Any

import httpx
import pytest

from app.backend.core.actor import Actor
from tests.factories.rows import MakeAgent
from tests.integration.api.conftest import ClientOf


def _here(person: Actor) -> str:
    return f"/api/v1/users/{person.user_id}/permissions"


async def test_permission_is_taken_and_given_back(
    signed_in: httpx.AsyncClient,
    other_actor: Actor,
    client_of: ClientOf,
    make_agent: MakeAgent,
) -> None:
    program = await client_of(other_actor)
    agent = await make_agent(other_actor)
    run = f"/api/v1/agents/{agent.id}/runs"
    body = {"input": {"query": "What?"}}

    taken = await signed_in.put(_here(other_actor), json={"taken": ["add_run"]})

    assert taken.json()["taken"] == ["add_run"]
    assert (await program.post(run, json=body)).status_code == 403
    await signed_in.put(_here(other_actor), json={})
    assert (await program.post(run, json=body)).is_success


async def test_given_permission_counts_beside_the_role_and_is_in_the_audit(
    signed_in: httpx.AsyncClient, other_actor: Actor, client_of: ClientOf
) -> None:
    program = await client_of(other_actor)
    assert (await program.get("/api/v1/system")).status_code == 403

    given = await signed_in.put(
        _here(other_actor), json={"given": ["view_installation", "view_agent"]}
    )

    # What the role has is not given.
    assert given.json()["given"] == ["view_installation"]
    assert (await program.get("/api/v1/system")).status_code == 200
    found = (await signed_in.get("/api/v1/audit")).json()["items"]
    (row,) = [item for item in found if item["action"] == "permissions_changed"]
    assert row["detail"]["given"] == "view_installation"


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"given": ["change_user"]}, "given"),
        ({"taken": ["view_user"]}, "taken"),
        ({"given": ["view_run"], "taken": ["view_run"]}, "taken"),
    ],
)
async def test_what_would_lead_to_everything_is_neither_given_nor_taken(
    signed_in: httpx.AsyncClient,
    other_actor: Actor,
    draft: dict[str, Any],
    field: str,
) -> None:
    answer = await signed_in.put(_here(other_actor), json=draft)

    assert answer.status_code == 400
    assert field in answer.json()["details"]


async def test_only_administrators_who_are_signed_in_change_permissions(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, other_actor: Actor
) -> None:
    for program in (client, other_client):
        answer = await program.put(_here(other_actor), json={"given": ["add_run"]})

        assert answer.status_code == 403
