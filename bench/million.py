"""An installation with a million runs, threads and events, of one year and two people."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.files.tables import FileRow
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.tables import DocumentRow
from app.backend.runs.sieve import make_sieve
from app.backend.runs.tables import RunEventRow, RunTagRow, RunTextRow
from app.backend.runs.words import kept_words, place_of
from bench.bulk_rows import Loader, open_loader
from tests.factories.rows import RowFactory

RUNS_WITH_EVENTS = 10
AGENTS = 40
TAGS = 3
RARE = "quetzalcoatlus"
COMMON = "wordaaa"
SELDOM = "worduna"  # about one run in five thousand
_SPAN = timedelta(days=365)
_VOCABULARY = 20_000
_STATUSES = ("completed", "failed", "stopped", "timed_out")
_STATUS_WEIGHTS = (90, 6, 2, 2)
_ACTIVE = ("queued", "running", "waiting")
_ACTIVE_RUNS = 60
_TRIGGERS = ("user", "api", "schedule", "channel")
_TRIGGER_WEIGHTS = (60, 25, 14.9, 0.1)
_ERROR = "The model did not answer in time. Try again."


@dataclass(frozen=True)
class Size:
    """How many there are; `events` are those of each run that has some."""

    runs: int = 1_000_000
    events: int = 100_000
    documents: int = 100_000


MILLION = Size()


@dataclass(frozen=True)
class World:
    """What the queries ask about."""

    actor: Actor
    agent_ids: Sequence[UUID]
    collection_id: UUID
    logged_id: UUID
    middle_id: UUID
    now: datetime
    size: Size


async def fill(services: Services, size: Size = MILLION) -> World:
    """Fill the database, and say what is in it."""
    rows = RowFactory(services.db)
    actor, other = await rows.user(), await rows.user()
    agent_ids = [(await rows.agent(actor, name=f"Agent {n}")).id for n in range(AGENTS)]
    collection = await rows.collection(actor)
    await _add_examples(rows, actor, collection.id)
    maker = _Maker(size, actor.user_id, other.user_id, agent_ids)
    with open_loader(services) as loader:
        maker.copy_all(loader)
    # As the worker does whose run ends.
    await make_sieve(services.db, maker.run_ids[1], events=size.events)
    return World(
        actor=actor,
        agent_ids=agent_ids,
        collection_id=collection.id,
        logged_id=maker.run_ids[1],
        middle_id=maker.run_ids[size.runs // 2],
        now=maker.now,
        size=size,
    )


async def _add_examples(rows: RowFactory, actor: Actor, collection_id: UUID) -> None:
    """Add the one row of each table that the others are copies of."""
    mine: dict[str, Any] = {"owner_id": actor.user_id}
    await rows.thread(actor, title="A question")
    run = await rows.run(actor, status=RunStatus.COMPLETED, model="scripted/hello")
    await rows.add(RunTextRow(place=1, run_id=run.id, words="x", **mine))
    await rows.add(RunTagRow(run_id=run.id, tag="x", **mine))
    event: dict[str, Any] = {"ts": clock.now(), "type": "log", "level": "info"}
    await rows.add(RunEventRow(run_id=run.id, seq=1, payload={}, **event, **mine))
    upload: dict[str, Any] = {"name": "a.md", "media_type": "text/markdown", "size": 5}
    file = await rows.add(FileRow(object_key="x", sha256="x", **upload, **mine))
    await rows.add(
        DocumentRow(
            collection_id=collection_id,
            file_id=file.id,
            sha256="x",
            status=DocumentStatus.READY,
            **upload,
            **mine,
        )
    )


class _Maker:
    """Makes what differs from row to row; a thread has the id of its run."""

    def __init__(
        self, size: Size, owner: UUID, other: UUID, agents: Sequence[UUID]
    ) -> None:
        self.size = size
        self.random = random.Random(13)
        self.owner, self.other, self.agents = owner, other, agents
        self.now = clock.now()
        self.words = [_word(n) for n in range(_VOCABULARY)]
        self.run_ids = [self._id(n) for n in range(size.runs)]
        self.texts: list[tuple[Any, ...]] = []

    def copy_all(self, loader: Loader) -> None:
        """Copy every table, threads before the runs in them."""
        owned = ("id", "owner_id", "agent_id", "created_at")
        loader.copy("thread", owned, self._threads())
        names = (
            "status",
            "trigger",
            "input",
            "error",
            "error_code",
            "tags",
            "last_seq",
        )
        loader.copy("run", (*owned, "thread_id", *names), self._runs())
        loader.copy("run_text", ("place", "run_id", "owner_id", "words"), self.texts)
        loader.copy("run_tag", ("run_id", "owner_id", "tag"), self._tags())
        event = ("run_id", "seq", "type", "level", "payload")
        loader.copy("run_event", event, self._events())
        loader.copy("document", ("id", "created_at", "sha256"), self._documents())

    def _time(self, n: int) -> datetime:
        return self.now - _SPAN * (1 - n / self.size.runs)

    def _id(self, n: int) -> UUID:
        chance = (2 << 62) | self.random.getrandbits(62)
        return UUID(int=(ids.first_id(self._time(n)).int >> 64 << 64) | chance)

    def _owner(self, n: int) -> UUID:
        return self.other if n % 10 == 0 else self.owner

    def _threads(self) -> Iterator[tuple[Any, ...]]:
        for n, run_id in enumerate(self.run_ids):
            yield run_id, self._owner(n), self.agents[n % AGENTS], self._time(n)

    def _runs(self) -> Iterator[tuple[Any, ...]]:
        pick = self.random.choices
        frequent = list(accumulate(1 / (n + 3) for n in range(_VOCABULARY)))
        busy = [1 / (n + 1) for n in range(AGENTS)]
        for n, run_id in enumerate(self.run_ids):
            asked = pick(self.words, cum_weights=frequent, k=8)
            if n % 100_000 == 7:
                asked.append(RARE)
            (status,) = pick(_STATUSES, _STATUS_WEIGHTS)
            if n >= self.size.runs - _ACTIVE_RUNS:
                status = _ACTIVE[n % 3]
            error = _ERROR if status == "failed" else ""
            code = "WORKER_LOST" if error and n % 50 == 0 else ""
            query, owner = " ".join(asked), self._owner(n)
            words = kept_words(owner, f"{query} {error}")
            self.texts.append((place_of(run_id), run_id, owner, words))
            (agent,), (trigger,) = (
                pick(self.agents, busy),
                pick(_TRIGGERS, _TRIGGER_WEIGHTS),
            )
            tags = [f"tag{n % 20}"] if n % 20 < TAGS else []
            is_logged = 0 < n <= RUNS_WITH_EVENTS
            last_seq = self.size.events if is_logged else 1
            shown = ({"query": query}, error, code, tags, last_seq)
            yield run_id, owner, agent, self._time(n), run_id, status, trigger, *shown

    def _tags(self) -> Iterator[tuple[Any, ...]]:
        for n, run_id in enumerate(self.run_ids):
            if n % 20 < TAGS:
                yield run_id, self._owner(n), f"tag{n % 20}"

    def _events(self) -> Iterator[tuple[Any, ...]]:
        for run_id in self.run_ids[1 : RUNS_WITH_EVENTS + 1]:
            for seq in range(1, self.size.events + 1):
                level = "error" if seq % 10_000 == 0 else "info"
                kind = "tool_called" if seq % 1000 == 0 else "log"
                said = {"level": level, "message": f"Line {seq} of a long log."}
                yield run_id, seq, kind, level, said

    def _documents(self) -> Iterator[tuple[Any, ...]]:
        step = self.size.runs // self.size.documents
        for n in range(self.size.documents):
            yield self._id(n * step), self._time(n), f"sha{n}"


def _word(n: int) -> str:
    letters = ""
    for _ in range(3):
        n, rest = divmod(n, 26)
        letters = chr(97 + rest) + letters
    return f"word{letters}"
