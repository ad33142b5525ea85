"""The lists and searches that P13 measures, as pages and API ask for them."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from app.backend.agents import service as agents
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.run_events import Level, RunStatus
from app.backend.knowledge import service as knowledge
from app.backend.runs import (
    engine_repository,
    line,
    list_repository,
    repository,
    retention_repository,
    tree_repository,
    trees,
)
from app.backend.runs import service as runs
from app.backend.runs.schemas import EventFilter, RunFilter
from app.backend.threads import service as threads
from bench.million import COMMON, RARE, SELDOM, World

_DAY = timedelta(days=1)
_ENDED = [status for status in RunStatus if status.is_terminal]
_ACTIVE = [status for status in RunStatus if not status.is_terminal]
_COUNTED = [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.TIMED_OUT]


@dataclass(frozen=True)
class Query:
    """One question to the database."""

    name: str
    ask: Callable[[Session, Actor], Awaitable[Any]]


def queries_of(world: World) -> list[Query]:
    """Return all questions about `world`."""
    return [*_lists(world), *_others(world)]


def filters_of(world: World) -> dict[str, RunFilter]:
    """Return what lists of runs are filtered by."""
    busy, quiet = world.agent_ids[0], world.agent_ids[-1]
    return {
        "all": RunFilter(),
        "one status, seldom": RunFilter(statuses=[RunStatus.TIMED_OUT]),
        "one status, most": RunFilter(statuses=[RunStatus.COMPLETED]),
        "active": RunFilter(statuses=_ACTIVE),
        "ended": RunFilter(statuses=_ENDED),
        "a busy agent": RunFilter(agent_id=busy),
        "a quiet agent, failed": RunFilter(agent_id=quiet, statuses=[RunStatus.FAILED]),
        "a trigger, seldom": RunFilter(trigger="channel"),
        "a trigger, never": RunFilter(trigger="run"),
        "trigger, status, agent": RunFilter(
            agent_id=busy, trigger="api", statuses=[RunStatus.STOPPED]
        ),
        "a week long ago": RunFilter(
            since=world.now - 200 * _DAY, until=world.now - 193 * _DAY
        ),
        "a day, failed": RunFilter(
            since=world.now - 2 * _DAY,
            until=world.now - _DAY,
            statuses=[RunStatus.FAILED],
        ),
        "tag": RunFilter(tags=["tag1"]),
        "tag, failed": RunFilter(tags=["tag1"], statuses=[RunStatus.FAILED]),
        "two tags, never together": RunFilter(tags=["tag1", "tag2"]),
        "dead letters": RunFilter(is_dead=True),
        **_texts_of(world),
    }


def _texts_of(world: World) -> dict[str, RunFilter]:
    quiet = world.agent_ids[-1]
    return {
        "text: rare word": RunFilter(text=RARE),
        "text: seldom word": RunFilter(text=SELDOM),
        "text: common word": RunFilter(text=COMMON),
        "text: common beginning": RunFilter(text="word"),
        "text: no such word": RunFilter(text="nowhere"),
        "text: common and rare": RunFilter(text=f"{COMMON} {RARE}"),
        "text: of errors": RunFilter(text="model answer time"),
        "text, failed": RunFilter(text=COMMON, statuses=[RunStatus.FAILED]),
        "text, waiting": RunFilter(text=COMMON, statuses=[RunStatus.WAITING]),
        "text, a quiet agent": RunFilter(text=SELDOM, agent_id=quiet),
        "text, a day": RunFilter(text="word", since=world.now - _DAY),
        "text, a day long ago": RunFilter(
            text="word", since=world.now - 200 * _DAY, until=world.now - 199 * _DAY
        ),
    }


def _lists(world: World) -> Iterator[Query]:
    for name, wanted in filters_of(world).items():
        yield Query(f"runs: {name}", partial(_list, wanted=wanted, cursor=None))
    middle = str(world.middle_id)
    for name in ("all", "one status, most", "ended", "tag", "text: common word"):
        wanted = filters_of(world)[name]
        ask = partial(_list, wanted=wanted, cursor=middle)
        yield Query(f"runs, half-way: {name}", ask)


async def _list(
    session: Session, actor: Actor, *, wanted: RunFilter, cursor: str | None
) -> None:
    await runs.list_runs(session, actor, wanted=wanted, cursor=cursor)


def _others(world: World) -> list[Query]:
    return [
        Query("dashboard: counts", partial(runs.count_today, statuses=_COUNTED)),
        Query(
            "agents with their last runs",
            lambda session, actor: list_repository.last_runs(
                session, actor, world.agent_ids
            ),
        ),
        Query("agents", agents.list_agents),
        Query("agents: text", partial(agents.list_agents, text="agent 7")),
        Query("threads", threads.list_threads),
        Query(
            "threads of an agent, half-way",
            partial(
                threads.list_threads,
                agent_id=world.agent_ids[1],
                cursor=str(world.middle_id),
            ),
        ),
        Query(
            "documents of a collection",
            partial(knowledge.list_documents, collection_id=world.collection_id),
        ),
        Query("runs of a conversation", partial(_thread_runs, world)),
        Query("tree of a run", partial(trees.read_tree, run_id=world.logged_id)),
        Query(
            "ends of what a run started",
            lambda session, _: tree_repository.list_ends(session, world.logged_id),
        ),
        *_logs(world),
        *_sweeps(),
    ]


def _logs(world: World) -> Iterator[Query]:
    wishes = {
        "the end of a log": EventFilter(limit=200),
        "the middle of a log": EventFilter(after=world.size.events // 2, limit=200),
        "errors in a log": EventFilter(level=Level.ERROR, limit=200),
        "one type in a log": EventFilter(types=["tool_called"], limit=200),
        "text in a log": EventFilter(text="Line 77777", limit=200),
    }
    for name, wanted in wishes.items():
        yield Query(f"events: {name}", partial(_events, world, wanted))


def _sweeps() -> list[Query]:
    return [
        Query("engine: how many wait", lambda s, a: line.read_load(s, a.user_id)),
        Query(
            "engine: runs whose child ended unnoticed",
            lambda s, _: tree_repository.find_forgotten(s, limit=200),
        ),
        Query("engine: leases", lambda s, _: engine_repository.list_leases(s)),
        Query(
            "engine: runs without a job",
            lambda s, _: engine_repository.find_unclaimed(
                s, clock.now(), more_than=0, limit=200
            ),
        ),
        Query(
            "retention: deleted runs",
            lambda s, _: retention_repository.find_gone(s, limit=200),
        ),
        Query(
            "retention: stale checkpoints",
            lambda s, _: retention_repository.find_stale(s, clock.now()),
        ),
    ]


async def _events(
    world: World, wanted: EventFilter, session: Session, actor: Actor
) -> None:
    await runs.list_events(session, actor, run_id=world.logged_id, filter=wanted)


async def _thread_runs(world: World, session: Session, actor: Actor) -> None:
    await repository.list_thread_runs(session, actor, world.middle_id, limit=50)
