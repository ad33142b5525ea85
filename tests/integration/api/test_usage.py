"""Usage over the API: one's own for everybody, all users' for administrators."""

import csv
import io
from datetime import timedelta

import httpx

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from tests.factories.usage import add_usage

PATH = "/api/v1/usage"


async def test_usage_is_added_up_and_downloaded(
    client: httpx.AsyncClient,
    signed_in: httpx.AsyncClient,
    services: Services,
    actor: Actor,
    other_actor: Actor,
) -> None:
    today = clock.now().date()
    await add_usage(services.db, actor, day=today, cost_micros=40)
    await add_usage(services.db, actor, day=today - timedelta(days=40))
    await add_usage(services.db, other_actor, day=today, cost_micros=2)

    own = (await client.get(PATH, params={"group_by": "model"})).json()
    everyone = {"is_everyone": True, "group_by": "user"}
    all_users = (await signed_in.get(PATH, params=everyone)).json()
    file = await client.get(f"{PATH}/export")

    assert own["total"]["cost_micros"] == 40
    assert [item["calls"] for item in own["items"]] == [1]
    assert [item["name"] for item in all_users["items"]] == [
        actor.email,
        other_actor.email,
    ]
    (line,) = csv.DictReader(io.StringIO(file.text))
    assert line["cost_usd"] == "0.000040"
    assert "usage.csv" in file.headers["Content-Disposition"]


async def test_others_usage_is_refused(
    other_client: httpx.AsyncClient, actor: Actor
) -> None:
    answers = [
        await other_client.get(f"{PATH}{rest}", params=asked)
        for rest in ("", "/export")
        for asked in ({"is_everyone": "true"}, {"user_id": str(actor.user_id)})
    ]

    assert [answer.status_code for answer in answers] == [403] * 4


async def test_days_the_wrong_way_round_are_explained(
    client: httpx.AsyncClient,
) -> None:
    asked = {"from": "2026-11-02", "to": "2026-11-01"}

    answer = await client.get(PATH, params=asked)

    assert answer.status_code == 400
    assert "The last day is before the first" in answer.text
