"""Conversations over HTTP: their messages, a stretch at a time."""

import httpx

from app.backend.core.actor import Actor
from app.backend.threads.tables import MessageRow
from tests.factories.rows import RowFactory


async def test_first_stretch_is_the_last_also_when_earlier_messages_are_gone(
    client: httpx.AsyncClient, actor: Actor, rows: RowFactory
) -> None:
    thread = await rows.thread(actor)
    for sequence in (3, 4, 6):
        await rows.add(
            MessageRow(
                owner_id=actor.user_id,
                thread_id=thread.id,
                sequence=sequence,
                role="user",
                content=f"No. {sequence}",
            )
        )
    address = f"/api/v1/threads/{thread.id}/messages"

    whole = (await client.get(address, params={"limit": 3})).json()
    newest = (await client.get(address, params={"limit": 2})).json()
    above = {"limit": 2, "before": newest["next_cursor"]}
    oldest = (await client.get(address, params=above)).json()

    assert [item["sequence"] for item in whole["items"]] == [3, 4, 6]
    assert [item["sequence"] for item in newest["items"]] == [4, 6]
    assert [item["sequence"] for item in oldest["items"]] == [3]
    assert whole["next_cursor"] is oldest["next_cursor"] is None
