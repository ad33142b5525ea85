"""The test stack itself: every test has an installation of its own."""

import httpx
from sqlmodel import select

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.core.settings import Settings
from app.backend.identity.tables import UserRow
from tests.factories.rows import MakeAgent


async def test_installation_is_empty_but_for_the_actors(
    services: Services, actor: Actor
) -> None:
    async with services.db.read() as session:
        users = (await session.exec(select(UserRow))).all()

    assert [user.email for user in users] == [actor.email]


async def test_databases_share_what_is_compiled(services: Services) -> None:
    async with services.db.read() as session:
        await session.exec(select(UserRow))

    another = Database(services.settings.sql_url)
    await another.close()

    known, shared = services.db.engine.sync_engine, another.engine.sync_engine
    assert shared.dialect is known.dialect
    assert shared.dialect.server_version_info is not None


async def test_redis_database_is_empty(services: Services) -> None:
    assert await services.redis.dbsize() == 0
    await services.redis.set("left", "behind")


async def test_redis_database_is_empty_again(services: Services) -> None:
    assert await services.redis.dbsize() == 0


async def test_agent_belongs_to_its_actor(
    actor: Actor, other_actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(other_actor)

    assert agent.owner_id == other_actor.user_id != actor.user_id


def test_runtime_answers_at_the_url_of_the_settings(
    settings: Settings, runtime_url: str
) -> None:
    answer = httpx.get(f"{settings.runtime_address}/health")

    assert runtime_url == settings.runtime_address
    assert answer.json()["status"] == "ok"
