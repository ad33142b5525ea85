"""Each query of one's own things, asked by a stranger: it finds and changes nothing, whoever has looked before.

Services look at a conversation before they read its messages; here each query stands alone, as if its caller forgot to.
All are asked in the name of the system, so that on PostgreSQL no policy stands behind them either.
"""

import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlmodel import SQLModel, select

from app.backend.agents import repository as agents
from app.backend.agents.tables import AgentShareRow
from app.backend.bootstrap import Services
from app.backend.budgets import model_use
from app.backend.budgets import repository as budgets
from app.backend.budgets.caps import Cap, Payer
from app.backend.budgets.schemas import (
    BudgetPeriod,
    BudgetPolicy,
    BudgetScope,
    BudgetUnit,
)
from app.backend.budgets.tables import BudgetRow
from app.backend.core import acting, clock, ids, sealing
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.run_events import RunStatus
from app.backend.files import repository as files
from app.backend.files.tables import FileRow
from app.backend.identity import factor_repository as factors
from app.backend.identity import people_repository as people
from app.backend.identity import refusals
from app.backend.identity import repository as identity
from app.backend.identity import sharing_repository as sharing
from app.backend.identity.audit import Action
from app.backend.identity.outside import repository as outside
from app.backend.identity.sharing_schemas import Shown
from app.backend.identity.tables import (
    ApiKeyRow,
    AuditRow,
    GroupMemberRow,
    OneTimeLinkRow,
    RecoveryCodeRow,
    SecondFactorRow,
    SessionRow,
)
from app.backend.knowledge import repository as knowledge
from app.backend.knowledge.tables import CollectionShareRow, DocumentRow
from app.backend.middleware import repository as middleware
from app.backend.models import repository as models
from app.backend.models.schemas import DefaultKind, Environment
from app.backend.models.tables import ModelRow
from app.backend.providers import repository as providers
from app.backend.providers.tables import ProviderRow
from app.backend.runs import (
    conversation,
    days,
    line,
    list_repository,
    sieve,
    tree_repository,
)
from app.backend.runs import repository as runs
from app.backend.runs.schemas import EventFilter, RunFilter
from app.backend.runs.tables import RunDayRow, RunRow, RunSieveRow
from app.backend.secrets import repository as secrets
from app.backend.secrets.tables import SecretRow
from app.backend.threads import repository as threads
from app.backend.threads.schemas import MessageRole
from app.backend.threads.tables import MessageRow, ThreadRow
from app.backend.tools import repository as tools
from app.backend.tools.tables import NoteRow
from app.backend.usage import repository as usage
from app.backend.usage.schemas import UsageWish
from tests.factories.rows import MakeUser, RowFactory
from tests.isolation import SECRET, Kind, World, make_world

R = TypeVar("R", bound=SQLModel)
Things = Mapping[str, Any]
WORD, TAG, LATE = "hush", "filed", "late"
TODAY = UsageWish(since=clock.now().date(), until=clock.now().date())


class Own(StrEnum):
    """What else a question may name of whoever's things."""

    USER = "user"
    FILE = "file"
    PAYER = "payer"
    CAP = "cap"


@dataclass(frozen=True)
class Query:
    """A function of a repository, and what it is asked; of what `changes`, everybody's rows are looked at afterwards."""

    asked: Callable[..., Awaitable[Any]]
    given: tuple[Any, ...]
    more: dict[str, Any]
    changes: type[SQLModel] | None = None
    is_of_share: bool = False

    @property
    def part(self) -> str:
        """The part of the product that asks it."""
        return self.asked.__module__.split(".")[2]

    @property
    def label(self) -> str:
        """Its name, with what sets it apart from others of that name."""
        module = self.asked.__module__.removeprefix("app.backend.")
        wishes = [repr(one) for one in self.given if isinstance(one, RunFilter)]
        return f"{module}.{self.asked.__name__} {' '.join([*wishes, *map(str, self.more.values())])}"


def query(asked: Callable[..., Awaitable[Any]], *given: Any, **more: Any) -> Query:
    return Query(asked, given, more)


def change(
    table: type[SQLModel],
    asked: Callable[..., Awaitable[Any]],
    *given: Any,
    **more: Any,
) -> Query:
    return Query(asked, given, more, table)


def of_share(asked: Callable[..., Awaitable[Any]], *given: Any, **more: Any) -> Query:
    """Return a query of what somebody else has shared."""
    return Query(asked, given, more, is_of_share=True)


async def next_number(session: Session, actor: Actor, thread_id: UUID) -> int:
    """Return the number that the next message of a conversation gets."""
    return (await session.exec(select(threads.next_sequence(actor, thread_id)))).one()


async def count_own(session: Session, owner_id: UUID) -> int:
    """Return what the line has of one person, without what it has of all."""
    return (await line.read_load(session, owner_id)).own


def list_runs(**wish: Any) -> Query:
    wanted = RunFilter.model_validate(wish)
    return query(list_repository.list_runs, wanted, after=None, limit=9)


PAGE: dict[str, Any] = {"after": None, "limit": 9}
QUEUED, FAILED = RunStatus.QUEUED, RunStatus.FAILED
QUERIES = [
    query(agents.find_agent, Kind.AGENT),
    query(agents.existing_collections, [Kind.COLLECTION]),
    query(agents.list_agents, shown=Shown.MINE, is_archived=False, text="", **PAGE),
    query(agents.list_named, SECRET),
    query(model_use.list_named_models),
    query(budgets.find_budget, Kind.BUDGET, is_everyone=True),
    query(budgets.find_budget, Kind.BUDGET, is_everyone=False),
    query(budgets.list_budgets, is_everyone=True, agent_id=None, **PAGE),
    query(budgets.list_budgets, is_everyone=False, agent_id=None, **PAGE),
    query(budgets.list_caps, Own.PAYER),
    query(budgets.count_spent, Own.CAP, "all"),
    query(sealing._newest, Own.USER),  # pyright: ignore[reportPrivateUsage]
    query(files.find_file, Own.FILE),
    query(files.count_bytes),
    query(factors.find_factor, Own.USER),
    query(factors.count_codes, Own.USER),
    change(RecoveryCodeRow, factors.use_code, Own.USER, SECRET, clock.now()),
    change(RecoveryCodeRow, factors.forget_codes, Own.USER),
    change(SecondFactorRow, factors.forget_factors, Own.USER),
    query(outside.list_linked),
    query(outside.list_linked_of, Own.USER),
    change(ApiKeyRow, people.end_keys, Own.USER, clock.now()),
    change(OneTimeLinkRow, people.forget_links_of, Own.USER),
    query(refusals._is_noted, Action.ACCESS_REFUSED, SECRET),  # pyright: ignore[reportPrivateUsage]
    query(identity.list_sessions, clock.now()),
    query(identity.find_session, Kind.LOGIN),
    change(SessionRow, identity.end_sessions, Own.USER, clock.now(), but=None),
    query(identity.list_keys, text="", **PAGE),
    query(identity.find_key, Kind.KEY),
    query(knowledge.find_collection, Kind.COLLECTION),
    query(knowledge.list_collections, shown=Shown.MINE, **PAGE),
    query(knowledge.find_collections, [Kind.COLLECTION]),
    query(knowledge.count_contents, [Kind.COLLECTION]),
    query(knowledge.find_document, Kind.DOCUMENT),
    query(knowledge.find_copy, collection_id=Kind.COLLECTION, sha256=SECRET),
    query(knowledge.list_documents, collection_id=None, limit=9),
    query(knowledge.list_documents, collection_id=Kind.COLLECTION, limit=9),
    query(knowledge.hold_without_manual, Kind.COLLECTION),
    query(knowledge.list_files, Kind.COLLECTION),
    query(knowledge.find_chunk, Kind.PASSAGE),
    query(knowledge.list_chunks, document_id=Kind.DOCUMENT, limit=9),
    query(knowledge.find_passages, [Kind.PASSAGE]),
    query(knowledge.list_texts, Kind.COLLECTION),
    query(knowledge.count_documents, [Kind.COLLECTION]),
    query(middleware.list_middlewares),
    query(middleware.find_middleware, Kind.MIDDLEWARE),
    query(models.list_models),
    query(models.find_model, Kind.MODEL),
    query(models.find_default, kind=DefaultKind.CHAT, environment=Environment.LAB),
    query(providers.list_providers),
    query(providers.find_provider, Kind.PROVIDER),
    query(providers.find_named, SECRET),
    query(providers.find_own, SECRET),
    query(conversation.list_active, Kind.THREAD),
    query(days.count_today, Own.USER),
    query(count_own, Own.USER),
    list_runs(),
    list_runs(tags=[TAG]),
    list_runs(tags=[TAG, LATE]),
    list_runs(statuses=[QUEUED, FAILED]),
    list_runs(statuses=[QUEUED, FAILED], tags=[TAG]),
    list_runs(text=WORD),
    list_runs(text=WORD, tags=[TAG]),
    list_runs(text=f"{WORD} hus"),
    list_runs(text=WORD, statuses=[QUEUED]),
    query(list_repository.last_runs, [Kind.AGENT]),
    query(list_repository.count_by_status, [QUEUED, FAILED], since=clock.now()),
    query(runs.find_run, Kind.RUN),
    query(runs.find_request, Kind.RUN),
    query(runs.find_requests, [Kind.RUN]),
    query(runs.list_thread_runs, Kind.THREAD, limit=9),
    query(runs.list_events, Kind.RUN, EventFilter(), limit=9),
    query(runs.list_payloads, Kind.RUN, EventFilter(), limit=9),
    query(runs.list_events_at, Kind.RUN, [1]),
    query(runs.list_links, Kind.RUN),
    query(runs.list_newest_links, Kind.THREAD, limit=9),
    query(runs.count_events, Kind.RUN, stretch=9),
    query(sieve.find_windows, Kind.RUN, SECRET),
    query(tree_repository.list_tree, Kind.RUN),
    query(secrets.find_secret, SECRET),
    query(secrets.list_secrets, **PAGE),
    query(secrets.list_uses, [f"db:{SECRET}"]),
    query(
        secrets.was_noted,
        action=Action.ACCESS_REFUSED,
        reference=SECRET,
        object_id=None,
        since=None,
    ),
    of_share(agents.find_agent, Kind.AGENT),
    of_share(
        agents.list_agents, shown=Shown.SHARED, is_archived=False, text="", **PAGE
    ),
    of_share(knowledge.find_document, Kind.DOCUMENT),
    of_share(knowledge.list_collections, shown=Shown.SHARED, **PAGE),
    of_share(sharing.list_levels, AgentShareRow, [Kind.AGENT]),
    of_share(sharing.list_levels, CollectionShareRow, [Kind.COLLECTION]),
    query(threads.find_thread, Kind.THREAD),
    query(threads.find_external, SECRET),
    change(ThreadRow, threads.touch_thread, Kind.THREAD, clock.now()),
    query(threads.list_threads, agent_id=None, **PAGE),
    query(threads.list_messages, Kind.THREAD, before=None, limit=9),
    query(threads.list_messages_before, Kind.THREAD, run_id=Kind.RUN, limit=9),
    query(threads.find_first_message, Kind.THREAD),
    query(next_number, Kind.THREAD),
    change(MessageRow, threads.delete_messages, Kind.RUN),
    query(tools.find_note, SECRET),
    query(tools.get_note, Kind.NOTE),
    query(tools.list_notes, **PAGE),
    query(usage.summarize, TODAY, owner_id=Own.USER),
    query(usage.list_records, TODAY, owner_id=Own.USER, after=None, limit=9),
]


class _Undone(Exception):
    """Nothing that a question changes stays."""


@pytest.mark.parametrize("part", sorted({one.part for one in QUERIES}))
async def test_stranger_finds_and_changes_nothing(
    services: Services, rows: RowFactory, make_user: MakeUser, part: str
) -> None:
    owner, friend, stranger = [await make_user() for _ in range(3)]
    asked = [one for one in QUERIES if one.part == part]
    nothing = defaultdict[str, Any](lambda: [ids.new_id()])
    empty = [await _ask(services, one, stranger, nothing) for one in asked]
    things = await _make_things(services, rows, owner, friend)

    for one, absent in zip(asked, empty, strict=True):
        before = await _read(services, one.changes) if one.changes else absent
        assert await _ask(services, one, stranger, things) == before, one.label
        whose = friend if one.is_of_share else owner
        found = await _ask(services, one, whose, things)
        assert found != before, f"{one.label} asks for nothing, so it proves nothing."


async def _ask(services: Services, one: Query, who: Actor, things: Things) -> str:
    """Return the answer, or for a change the rows of everybody after it; whatever it was, it is undone."""
    known = {**_of(who), Own.FILE: things["file"]}

    def fill(value: Any) -> Any:
        if isinstance(value, Kind):
            return things[value][0]
        if isinstance(value, list):
            return [fill(part) for part in value]
        return known[value][0] if isinstance(value, Own) else value

    given = [fill(value) for value in one.given]
    if "actor" in inspect.signature(one.asked).parameters:
        given.insert(0, who)
    more = {name: fill(value) for name, value in one.more.items()}
    answer = ""
    with suppress(_Undone), acting.as_system():
        async with services.db.transaction() as session:
            answer = repr(await one.asked(session, *given, **more))
            if one.changes:
                answer = await _rows_of(session, one.changes)
            raise _Undone
    return answer


def _of(who: Actor) -> dict[Own, list[Any]]:
    nothing = ids.new_id()
    cap = Cap(
        id=nothing,
        owner_id=who.user_id,
        agent_id=None,
        scope=BudgetScope.USER,
        period=BudgetPeriod.TOTAL,
        unit=BudgetUnit.USD,
        amount=1,
        policy=BudgetPolicy.STOP,
        cheaper_model="",
        is_imposed=False,
    )
    payer = Payer(who.user_id, None, nothing, nothing, None, who.user_id)
    return {Own.USER: [who.user_id], Own.CAP: [cap], Own.PAYER: [payer]}


async def _read(services: Services, table: type[SQLModel]) -> str:
    async with services.db.read() as session:
        return await _rows_of(session, table)


async def _rows_of(session: Session, table: type[SQLModel]) -> str:
    session.expire_all()
    return repr(sorted(map(repr, (await session.exec(select(table))).all())))


async def _make_things(
    services: Services, rows: RowFactory, owner: Actor, friend: Actor
) -> Things:
    """Give the owner something that each question finds, and share it with the friend's group."""
    world = await make_world(services, owner)
    mine: dict[str, Any] = {"owner_id": owner.user_id}
    await rows.add(SecondFactorRow(secret=SECRET, **mine))
    await rows.add(RecoveryCodeRow(code_hash=SECRET, **mine))
    await rows.add(NoteRow(name=SECRET, text=SECRET, **mine))
    await rows.add(SecretRow(name=SECRET, value=SECRET, **mine))
    await rows.add(sealing.DataKeyRow(number=1, wrapped=SECRET, **mine))
    link: dict[str, Any] = {"token_hash": SECRET, "expires_at": clock.now()}
    await rows.add(OneTimeLinkRow(purpose=SECRET, user_id=owner.user_id, **link))
    await rows.add(RunDayRow(day=clock.now().date(), runs=1, **mine))
    detail = {"what": SECRET, "reference": SECRET}
    await rows.add(AuditRow(action=Action.ACCESS_REFUSED, detail=detail, **mine))
    limit: dict[str, Any] = {"period": "day", "unit": "usd", "policy": "stop"}
    await rows.add(BudgetRow(scope=BudgetScope.USER, amount=1, **limit, **mine))
    said: dict[str, Any] = {"role": MessageRole.USER, "content": SECRET, "sequence": 2}
    (run_id, *_), (thread_id, *_) = world[Kind.RUN], world[Kind.THREAD]
    await rows.add(MessageRow(thread_id=thread_id, run_id=run_id, **said, **mine))
    await rows.add(RunSieveRow(run_id=run_id, events=9, width=1, bits=bytes(1 << 15)))
    async with services.db.transaction() as session:
        await _mark(session, world, friend)
        (file, *_) = (await session.exec(select(FileRow))).all()
    return {**world, "file": [file.id]}


async def _mark(session: Session, world: World, friend: Actor) -> None:
    async def get(table: type[R], kind: Kind) -> R:
        return await session.get_one(table, world[kind][0])

    (await get(ThreadRow, Kind.THREAD)).external_id = SECRET
    provider = await get(ProviderRow, Kind.PROVIDER)
    provider.name, provider.secret_ref = SECRET, f"db:{SECRET}"
    (await get(ModelRow, Kind.MODEL)).is_default = True
    (await get(DocumentRow, Kind.DOCUMENT)).sha256 = SECRET
    run = await get(RunRow, Kind.RUN)
    run.tags, run.request_id = [TAG, LATE], run.id
    list_repository.add_marks(session, run)
    share = await get(AgentShareRow, Kind.SHARE)
    assert share.group_id is not None
    for row in await session.exec(select(CollectionShareRow)):
        row.group_id = share.group_id
    session.add(GroupMemberRow(group_id=share.group_id, user_id=friend.user_id))
