"""Conversations and their messages."""

import asyncio
from uuid import uuid4

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import NotFound
from app.backend.threads import service
from app.backend.threads.schemas import MessageRole, ThreadView
from tests.factories.rows import MakeThread


async def _create(services: Services, actor: Actor, title: str) -> ThreadView:
    async with services.db.transaction() as session:
        return await service.create_thread(session, actor, agent_id=None, title=title)


async def _say(services: Services, actor: Actor, thread: ThreadView, text: str) -> None:
    async with services.db.transaction() as session:
        await service.add_message(
            session,
            actor,
            thread_id=thread.id,
            run_id=None,
            role=MessageRole.USER,
            content=text,
        )


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("What\n is\tthis?", "What is this?"),
        (
            "word " * 40,
            "word word word word word word word word word word word word word word word…",
        ),
        ("a" * 100, "a" * 79 + "…"),
    ],
)
async def test_title_is_the_beginning_of_the_question(
    services: Services, actor: Actor, asked: str, title: str
) -> None:
    assert (await _create(services, actor, asked)).title == title


async def test_messages_at_once_are_numbered_without_holes(
    services: Services, actor: Actor
) -> None:
    thread = await _create(services, actor, "Hello")

    await asyncio.gather(*(_say(services, actor, thread, str(n)) for n in range(8)))

    async with services.db.read() as session:
        messages = await service.list_messages(session, actor, thread_id=thread.id)
        last = await service.list_messages(
            session, actor, thread_id=thread.id, before=7, limit=2
        )
        updated = await service.get_thread(session, actor, thread_id=thread.id)
    assert [message.sequence for message in messages] == list(range(1, 9))
    assert {message.content for message in messages} == set("01234567")
    assert [message.sequence for message in last] == [5, 6]
    assert updated.updated_at > thread.updated_at


async def test_threads_are_listed_and_deleted(services: Services, actor: Actor) -> None:
    first, second = [await _create(services, actor, title) for title in ("a", "b")]
    await _say(services, actor, first, "Hello")

    async with services.db.transaction() as session:
        await service.delete_thread(session, actor, thread_id=first.id)

    async with services.db.read() as session:
        page = await service.list_threads(session, actor)
    assert [thread.id for thread in page.items] == [second.id]


async def test_what_belongs_to_others_is_not_found(
    services: Services, actor: Actor, other_actor: Actor, make_thread: MakeThread
) -> None:
    foreign = ThreadView.model_validate(await make_thread(other_actor))

    for thread in (foreign, foreign.model_copy(update={"id": uuid4()})):
        with pytest.raises(NotFound):
            await _say(services, actor, thread, "Hello")
        async with services.db.transaction() as session:
            for ask in (
                service.get_thread(session, actor, thread_id=thread.id),
                service.list_messages(session, actor, thread_id=thread.id),
                service.delete_thread(session, actor, thread_id=thread.id),
            ):
                with pytest.raises(NotFound):
                    await ask
