"""indexes of few rows of large tables: telling events, and the checkpoints that runs began with."""

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

EVENTS = "type NOT IN ('message_delta', 'reasoning_delta', 'log') OR level IN ('warning', 'error')"
INDEXES = (
    (
        "ix_run_event_not_mass",
        "run_event",
        ["run_id", "seq", "type", "level"],
        EVENTS,
    ),
    (
        "ix_checkpoint_link_beginning",
        "checkpoint_link",
        ["saver_thread"],
        "epoch = 0",
    ),
)


def upgrade() -> None:
    for name, table, columns, which in INDEXES:
        op.create_index(
            name,
            table,
            columns,
            sqlite_where=sa.text(which),
            postgresql_where=sa.text(which),
        )


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table)
