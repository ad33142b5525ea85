"""What all tables share: ids, times, owners, and the one door to owned rows."""

import re
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, DateTime, Dialect, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import declared_attr
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar
from typing_extensions import override

from app.backend.core import clock, ids
from app.backend.core.actor import Actor


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC times on every database; SQLite would give them back naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return (
            value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        )


# SQLModel types `sa_type` as a class; SQLAlchemy takes a TypeDecorator or an instance just as well.
UtcColumn: Any = UtcDateTime
JsonColumn: Any = JSON().with_variant(JSONB(), "postgresql")


SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(SQLModel):
    """A table named after its class: `RunEventRow` is `run_event`."""

    @declared_attr.directive
    @classmethod
    def __tablename__(  # pyright: ignore[reportIncompatibleVariableOverride] - the directive is what SQLAlchemy asks for
        cls,
    ) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__.removesuffix("Row")).lower()


class Row(Table):
    """A row with a sortable id and the time of its creation."""

    id: UUID = Field(default_factory=ids.new_id, primary_key=True)
    created_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)


class OwnedRow(Row):
    """A row that belongs to one user."""

    owner_id: UUID = Field(foreign_key="user.id", index=True, ondelete="CASCADE")

    @classmethod
    def shared_with(cls, actor: Actor) -> ColumnElement[bool] | None:  # noqa: ARG003
        """Return what lets `actor` see a row of somebody else; None where nothing does."""
        return None


R = TypeVar("R", bound=OwnedRow)


def visible_to(actor: Actor, table: type[R]) -> SelectOfScalar[R]:
    """Return the query for the rows of `table` that `actor` may see; every other query starts here.

    Narrow it down by id, or by what the rows are part of: it cannot use an index of owners.
    """
    return select(table).where(is_visible(actor, table))


def owned_by(actor: Actor, table: type[R]) -> SelectOfScalar[R]:
    """Return the query for the rows of `table` that belong to `actor`: for lists, and for what only an owner may do."""
    return select(table).where(table.owner_id == actor.user_id)


def is_visible(actor: Actor, table: type[R]) -> ColumnElement[bool]:
    """Return the condition under which `actor` may see a row of `table`."""
    is_own = col(table.owner_id) == actor.user_id
    is_shared = table.shared_with(actor)
    return is_own if is_shared is None else or_(is_own, is_shared)
