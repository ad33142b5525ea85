"""Rows of runs."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field, UniqueConstraint

from app.backend.core import clock
from app.backend.core.rows import JsonColumn, OwnedRow, Table, UtcColumn
from app.backend.core.run_events import RunStatus

_HAS_PARENT = text("parent_id IS NOT NULL")


def _own_id(context: Any) -> UUID:
    return context.get_current_parameters()["id"]


PlaceColumn: Any = BigInteger().with_variant(Integer(), "sqlite")
# A query finds such an index by exactly one of the two terms, with its values written out.
IS_NO_MASS_TYPE = "type NOT IN ('message_delta', 'reasoning_delta', 'log')"
IS_NO_MASS_LEVEL = "level IN ('warning', 'error')"
_NOT_MASS = text(f"{IS_NO_MASS_TYPE} OR {IS_NO_MASS_LEVEL}")
WordsColumn: Any = Text().with_variant(TSVECTOR(), "postgresql")


class RunRow(OwnedRow, table=True):
    """A run: the truth about it, whatever the queue says.

    `epoch` rises with each claim and fences off a worker that lost its lease; `dispatch` rises with each
    time the run is queued; `turn` is its place in line, None while it waits for the run before it in its conversation;
    `is_taken_back` marks a run whose question was taken out of the conversation; `attempt` counts claims that were not
    handed back; `interruption` says why the one before ended; `question` is what
    it waits for; `origin_id` is the run that this one repeats, resumes or
    is a fork of, from `origin_step` on, with `instructions` of its own if they are not the agent's; `last_seq` is the
    newest event's seq. `request_id` is
    made by the client, so that a double click is one run. `agent_owner_id` is who owns the agent, if not the run's owner.

    A run that another one started has that one as `parent_id`, one more as `depth`, the first of all as `root_id`, and
    as `effect_key` the call that started it; a run that nobody started is its own root. A run that waits for the end of
    one that it started has that one as `waits_for_id`; one that waits for a person has None.

    Each index serves a list that pages by `id`, a sweep, or a tree. None holds `lease_until`: a row whose indexed columns stay
    as they are is renewed in place.
    """

    __table_args__ = (
        Index("ix_run_owner_id_id", "owner_id", "id"),
        Index("ix_run_owner_id_status_id", "owner_id", "status", "id"),
        Index("ix_run_owner_id_trigger_id", "owner_id", "trigger", "id"),
        Index("ix_run_agent_id_id", "agent_id", "id"),
        Index("ix_run_status_turn_id", "status", "turn", "id"),
        Index("ix_run_agent_id_status_id", "agent_id", "status", "id"),
        Index("ix_run_thread_id_id", "thread_id", "id"),
        Index("ix_run_error_code_id", "error_code", "id"),
        Index(
            "ix_run_root_id_id",
            "root_id",
            "id",
            postgresql_where=_HAS_PARENT,
            sqlite_where=_HAS_PARENT,
        ),
        Index(
            "ix_run_effect_key_parent_id",
            "effect_key",
            "parent_id",
            unique=True,
            postgresql_where=_HAS_PARENT,
            sqlite_where=_HAS_PARENT,
        ),
        UniqueConstraint("owner_id", "request_id"),
    )

    # The indexes that begin with it serve the lists too.
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")
    agent_id: UUID | None = Field(
        default=None, foreign_key="agent.id", ondelete="SET NULL"
    )
    agent_name: str
    agent_owner_id: UUID | None = None
    thread_id: UUID | None = Field(
        default=None, foreign_key="thread.id", ondelete="SET NULL"
    )
    status: str
    trigger: str
    correlation_id: UUID
    request_id: UUID | None = None
    tags: list[str] = Field(default_factory=list[str], sa_type=JsonColumn)
    input: dict[str, Any] = Field(sa_type=JsonColumn)
    output: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    error: str = ""
    error_code: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    epoch: int = 0
    attempt: int = 0
    dispatch: int = 1
    turn: int | None = None
    is_taken_back: bool = False
    worker: str = ""
    interruption: str = ""
    question: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    origin_id: UUID | None = Field(default=None, index=True)
    origin_step: int | None = None
    instructions: str | None = None
    parent_id: UUID | None = None
    root_id: UUID = Field(
        default=None, nullable=True, sa_column_kwargs={"default": _own_id}
    )
    depth: int = 0
    effect_key: str | None = None
    waits_for_id: UUID | None = None
    last_seq: int = 0
    lease_until: datetime | None = Field(default=None, sa_type=UtcColumn)
    stop_requested_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    started_at: datetime | None = Field(default=None, sa_type=UtcColumn)
    completed_at: datetime | None = Field(default=None, sa_type=UtcColumn)

    @property
    def created_by_user_id(self) -> UUID:
        """Whose run it is."""
        return self.owner_id

    @property
    def is_held(self) -> bool:
        """Whether it waits for the run before it in its conversation."""
        return self.status == RunStatus.QUEUED and self.turn is None


class RunTagRow(Table, table=True):
    """A tag of a run, or two of its tags in order with a line break between, where runs are found by them.

    `RunRow.tags` is what is shown.
    """

    __table_args__ = (
        Index("ix_run_tag_owner_id_tag_run_id", "owner_id", "tag", "run_id"),
    )

    run_id: UUID = Field(foreign_key="run.id", primary_key=True, ondelete="CASCADE")
    tag: str = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")


class RunTextRow(Table, table=True):
    """The words of a run's question and error, where runs are found by them.

    On PostgreSQL `words` is a text search vector with an index; on SQLite triggers copy it into the full-text table
    `run_fts`, whose row numbers must be whole numbers: `place` is the time of the run's id and a part of its chance.
    """

    __table_args__ = (
        Index("ix_run_text_owner_id_place", "owner_id", "place"),
        Index("ix_run_text_words", "words", postgresql_using="gin").ddl_if(
            dialect="postgresql"
        ),
    )

    place: int = Field(primary_key=True, sa_type=PlaceColumn)
    run_id: UUID = Field(foreign_key="run.id", unique=True, ondelete="CASCADE")
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")
    words: str = Field(sa_type=WordsColumn)


class RunEventRow(Table, table=True):
    """One event of a run; `seq` starts at 1 and has no holes. Append-only.

    What a log can have masses of has no place in its index, and costs nothing there: pieces of texts, and lines that
    warn of nothing.
    """

    __table_args__ = (
        Index(
            "ix_run_event_not_mass",
            "run_id",
            "seq",
            "type",
            "level",
            sqlite_where=_NOT_MASS,
            postgresql_where=_NOT_MASS,
        ),
    )

    run_id: UUID = Field(foreign_key="run.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(primary_key=True)
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")
    ts: datetime = Field(sa_type=UtcColumn)
    type: str
    level: str
    payload: dict[str, Any] = Field(sa_type=JsonColumn)


class RunSieveRow(Table, table=True):
    """Which stretches of a long log cannot have a text: `bits` has `width` bytes for each group of letters.

    It is made of the log of this database, and can be made again; so it is in no backup.
    """

    run_id: UUID = Field(foreign_key="run.id", primary_key=True, ondelete="CASCADE")
    events: int
    width: int
    bits: bytes


class CheckpointLinkRow(Table, table=True):
    """A checkpoint that counts: written with the events around it, under the same fence.

    The newest one of a run has the highest epoch, and in it the highest id, which are sorted by time. Epoch 0 is where
    a run began that goes on from another one. A row outlives its run and its conversation, without keys to them: it
    says what is still to be deleted from the saver.
    """

    __table_args__ = (
        Index(
            "ix_checkpoint_link_beginning",
            "saver_thread",
            sqlite_where=text("epoch = 0"),
            postgresql_where=text("epoch = 0"),
        ),
    )

    run_id: UUID = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    checkpoint_id: str = Field(primary_key=True)
    owner_id: UUID
    thread_id: UUID | None = Field(default=None, index=True)
    agent_id: UUID | None = None
    saver_thread: str
    step: int
    node: str = ""
    next_node: str = ""
    created_at: datetime | None = Field(
        default_factory=clock.now, nullable=True, sa_type=UtcColumn
    )


class RunDayRow(Table, table=True):
    """How many runs somebody has begun on a day, in UTC; deleting runs makes it no less."""

    owner_id: UUID = Field(foreign_key="user.id", primary_key=True, ondelete="CASCADE")
    day: date = Field(primary_key=True, index=True)
    runs: int


class RunAnswerRow(OwnedRow, table=True):
    """What a person answered a run; each question is answered once."""

    __table_args__ = (UniqueConstraint("run_id", "question_id"),)

    run_id: UUID = Field(foreign_key="run.id", ondelete="CASCADE")
    question_id: str
    answer: dict[str, Any] = Field(sa_type=JsonColumn)


class ToolEffectRow(OwnedRow, table=True):
    """What a tool call did, or was about to do; `place` is its place in the run, `key` what the other side knows it by.

    A run that goes on from another one has copies of its rows, with the same `key` and epoch 0.
    """

    __table_args__ = (UniqueConstraint("run_id", "place"),)

    run_id: UUID = Field(foreign_key="run.id", ondelete="CASCADE")
    place: str
    key: str
    tool: str
    args: dict[str, Any] = Field(sa_type=JsonColumn)
    state: str
    tries: int = 1
    epoch: int
    attempt: int
    result: dict[str, Any] | None = Field(default=None, sa_type=JsonColumn)
    begun_at: datetime = Field(sa_type=UtcColumn)
    done_at: datetime | None = Field(default=None, sa_type=UtcColumn)
