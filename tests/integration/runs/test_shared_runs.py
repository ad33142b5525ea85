"""Runs of agents that belong to somebody else: they are the runner's, and read the owner's documents for their answer."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import Forbidden, NotFound
from app.backend.core.run_events import RunStatus
from app.backend.identity import people
from app.backend.models.tables import ModelRow
from app.backend.providers.tables import ProviderRow
from app.backend.runs import executor, service
from app.backend.runs.claiming import claim_next, prepare_run
from app.backend.runs.schemas import RunView
from tests.factories.rows import MakeAgent, RowFactory
from tests.fakes.knowledge import FakeEmbedder
from tests.runs import Runs


@pytest.fixture
def theirs(services: Services, other_actor: Actor) -> Runs:
    """The runs of the other person."""
    return Runs(services, other_actor)


async def test_run_is_the_runners_and_says_whose_agent_it_uses(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    theirs: Runs,
) -> None:
    agent = await make_agent(actor)
    with pytest.raises(NotFound, match="agent"):
        await theirs.start(agent.id)
    await rows.share(agent, other_actor, "view")
    with pytest.raises(Forbidden, match="not run it"):
        await theirs.start(agent.id)
    shared = await make_agent(actor)
    await rows.share(shared, other_actor, "run")

    run = await theirs.start(shared.id)
    own = await runs.start(shared.id)

    assert run.created_by_user_id == other_actor.user_id
    assert (run.agent_owner_id, own.agent_owner_id) == (actor.user_id, None)
    with pytest.raises(NotFound):
        await runs.get(run.id)


async def test_started_run_goes_on_when_the_share_is_withdrawn_and_a_new_one_does_not(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    theirs: Runs,
) -> None:
    agent = await make_agent(actor)
    await rows.share(agent, other_actor, "run")
    run = await theirs.start(agent.id)
    await rows.unshare(agent)

    taken = await claim_next(services, worker="test")
    assert taken is not None
    row, _ = taken
    claim = await prepare_run(services, row)

    assert claim is not None
    assert (claim.actor.user_id, claim.row.id) == (other_actor.user_id, run.id)
    assert claim.agent_owner is not None
    assert claim.agent_owner.user_id == actor.user_id
    with pytest.raises(NotFound, match="agent"):
        await theirs.start(agent.id)
    assert [item.id for item in await _list(services, other_actor)] == [run.id]


async def _list(services: Services, actor: Actor) -> list[RunView]:
    async with services.db.read() as session:
        return (await service.list_runs(session, actor)).items


async def test_run_of_a_suspended_owners_agent_fails_and_says_why(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
) -> None:
    agent = await make_agent(other_actor)
    await rows.share(agent, actor, "run")
    run = await runs.start(agent.id)
    async with services.db.transaction() as session:
        await people.set_active(
            session, actor, user_id=other_actor.user_id, is_active=False
        )

    taken = await claim_next(services, worker="test")
    assert taken is not None
    row, _ = taken
    assert await prepare_run(services, row) is None

    failed = await runs.get(run.id)
    assert (failed.status, failed.error_code) == (RunStatus.FAILED, "AGENT_OWNER_AWAY")
    assert "suspended" in failed.error


async def test_shared_agent_asks_its_owner_s_model(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    theirs: Runs,
    rows: RowFactory,
    make_agent: MakeAgent,
) -> None:
    mine: dict[str, Any] = {"owner_id": actor.user_id, "settings": {}}
    provider = await rows.add(ProviderRow(name="mine", type="scripted", **mine))
    facts: dict[str, Any] = {"kind": "chat", "environment": "LAB"}
    owned: dict[str, Any] = {"owner_id": actor.user_id, "provider_id": provider.id}
    await rows.add(ModelRow(name="hello", **facts, **owned))
    agent = await make_agent(actor, model="mine/hello")
    await rows.share(agent, other_actor, "run")

    run = await theirs.start(agent.id)
    parts = replace(services, embedder=FakeEmbedder())
    await executor.execute_run(parts, run.id, worker="here", shutdown=asyncio.Event())

    ended = await theirs.get(run.id)
    assert ended.output is not None, ended.error
    assert "I am a script" in ended.output.answer
