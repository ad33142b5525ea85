"""What a worker does before its first job: libraries and statements cost most at their first use, and children inherit it."""

import importlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy.exc import DBAPIError

from app.backend import bootstrap
from app.backend.agents import service as agents
from app.backend.agents.context import Task
from app.backend.agents.repository import collections_of
from app.backend.agents.schemas import AgentKind
from app.backend.agents.spec import AgentSpec
from app.backend.bootstrap import Services
from app.backend.core import acting, clock, ids
from app.backend.core.actor import Actor, Role
from app.backend.core.db import Session
from app.backend.core.errors import AppError, Invalid, NotFound
from app.backend.core.run_context import RunContext, SavedStep
from app.backend.core.run_events import Event, Log, RunCompleted, RunOutput, RunStatus
from app.backend.core.settings import Settings
from app.backend.core.stored_events import RunEvent
from app.backend.identity import service as identity
from app.backend.providers import repository as providers
from app.backend.providers.errors import ModelMissing
from app.backend.providers.registry import TYPES
from app.backend.runs import engine_repository
from app.backend.runs.claiming import claim_next
from app.backend.runs.conversation import release_next
from app.backend.runs.errors import LeaseLost
from app.backend.runs.event_log import EventLog
from app.backend.runs.runner import run_agent, run_to_end
from app.backend.runs.status import add_events, end_run
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from app.backend.threads.repository import lock_thread, touch_thread

# A place in line that no run has.
NEVER = 2**31 - 1


async def rehearse(settings: Settings) -> None:
    """Play a run without rows, and ask the database what a run asks, about rows that are not there."""
    memory = settings.model_copy(update={"checkpointer": "memory"})
    nobody = Actor(
        user_id=ids.new_id(), email="", role=Role.VIEWER, permissions=frozenset()
    )
    with acting.as_user(nobody.user_id):
        async with bootstrap.build(memory, shared=True) as services:
            await _rehearse(services, nobody)


async def _rehearse(services: Services, nobody: Actor) -> None:
    # A default model that is not set up is said by the run that asks for it.
    with suppress(Invalid, ModelMissing):
        services.models.get(services.settings.default_model)
    await _preload(services)
    await _play(services, nobody)
    with suppress(DBAPIError):
        await claim_next(services, worker="", first_turn=NEVER)
    with suppress(DBAPIError, LeaseLost):
        await _keep_and_write(services, nobody)
    for ask in _questions(services, nobody):
        with suppress(AppError, DBAPIError):
            async with services.db.transaction() as session:
                await ask(session)


async def _preload(services: Services) -> None:
    # A library of a vendor takes seconds to import, and each child would do it again.
    if services.settings.vault_url:
        importlib.import_module("app.backend.secrets.vault")
    with suppress(DBAPIError):
        async with services.db.read() as session:
            types = await providers.list_types(session)
        for key in types:
            TYPES[key].preload()


async def _play(services: Services, nobody: Actor) -> None:
    spec = AgentSpec(
        id=ids.new_id(),
        name="Rehearsal",
        kind=AgentKind.ANSWER,
        instructions="",
        model="scripted/hello",
        temperature=0,
        max_tokens=50,
        passages=1,
    )
    context = RunContext(
        actor=nobody,
        run_id=ids.new_id(),
        agent_id=spec.id,
        thread_id=None,
        emit=_ignore,
        is_cancelled=lambda: False,
        saver_thread=str(ids.new_id()),
    )
    task = Task(spec=spec, query="Ready?")
    await run_to_end(partial(run_agent, services, task, context), seconds=30)


async def _keep_and_write(services: Services, nobody: Actor) -> None:
    absent = RunRow(
        owner_id=nobody.user_id,
        agent_name="",
        status=RunStatus.RUNNING,
        trigger="",
        correlation_id=ids.new_id(),
        input={},
    )

    def tell(stored: Sequence[Sequence[RunEvent]]) -> None:
        del stored

    db, run_id = services.db, absent.id
    db.read_now(partial(engine_repository.list_stop_requests, run_ids=[run_id]))
    at_once = {"run_id": run_id, "epoch": 0, "lease_until": clock.now()}
    db.write_now(partial(engine_repository.renew_lease, **at_once))
    log = EventLog(db, absent, tell)
    log.append(Log(message="Ready?"))
    await log.flush()


def _questions(
    services: Services, nobody: Actor
) -> Sequence[Callable[[Session], Awaitable[object]]]:
    absent = ids.new_id()

    # Refused, since there is no such run; by then the statement is compiled.
    async def write(session: Session) -> list[RunEvent]:
        return await add_events(session, absent, absent, 0, [Log(message="Ready?")])

    async def vouch(session: Session) -> None:
        step = SavedStep("", "", 0)
        await engine_repository.add_steps(
            session, [step], run_id=absent, owner_id=absent, epoch=0
        )
        # Nothing refuses it, and nothing of it may stay.
        raise NotFound("run", absent)

    end = RunCompleted(output=RunOutput(answer=""), milliseconds=0)
    used: Any = {"model": "", "tokens_in": 0, "tokens_out": 0}
    return (
        write,
        vouch,
        lambda session: identity.get_person(session, absent),
        lambda session: agents.get_spec(
            session, nobody, agent_id=absent, keyring=services.keyring
        ),
        lambda session: engine_repository.find_newest_step(session, absent),
        lambda session: collections_of(session, nobody, [absent]),
        lambda session: threads.list_messages_before(
            session, nobody, thread_id=absent, run_id=absent, limit=1
        ),
        lambda session: touch_thread(session, nobody, absent, clock.now()),
        lambda session: lock_thread(session, absent),
        lambda session: engine_repository.lock_run(session, absent),
        lambda session: end_run(session, absent, end, epoch=0, **used),
        lambda session: release_next(session, absent, services.outbox),
    )


def _ignore(event: Event) -> None:
    del event
