"""Budgets over the API."""

import httpx
from sqlmodel import select

from app.backend.bootstrap import Services
from app.backend.identity.tables import AuditRow

PATH = "/api/v1/budgets"


async def test_api_sets_shows_changes_and_deletes(
    services: Services, signed_in: httpx.AsyncClient
) -> None:
    made = await signed_in.post(PATH, json={"amount": 5, "period": "month"})
    assert made.status_code == 201, made.text
    place = f"{PATH}/{made.json()['id']}"

    changed = await signed_in.patch(place, json={"amount": 7})
    wrong = await signed_in.patch(
        place, json={"policy": "cheaper", "cheaper_model": "no/such"}
    )
    listed = await signed_in.get(PATH)
    gone = await signed_in.delete(place)

    assert (changed.json()["amount"], changed.json()["period"]) == (7, "month")
    assert wrong.status_code == 400
    assert "cheaper_model" in wrong.json()["details"]
    assert [one["amount"] for one in listed.json()["items"]] == [7]
    assert (gone.status_code, (await signed_in.get(place)).status_code) == (204, 404)
    async with services.db.read() as session:
        actions = [row.action for row in await session.exec(select(AuditRow))]
    wanted = ["budget_set", "budget_changed", "budget_deleted"]
    assert [one for one in actions if one.startswith("budget_")] == wanted
