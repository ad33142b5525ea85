"""turns and limits: whose run is next, what a new run does to the one before it, how far a run may go."""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

LIMITS = ("steps_max", "seconds_max", "tokens_max")


def upgrade() -> None:
    # Runs that are queued keep a place in line.
    op.add_column(
        "run", sa.Column("turn", sa.Integer(), nullable=True, server_default="0")
    )
    op.add_column(
        "run",
        sa.Column(
            "is_taken_back", sa.Boolean(), nullable=False, server_default=sa.false()
        ),
    )
    op.create_index("ix_run_status_turn_id", "run", ["status", "turn", "id"])
    op.add_column(
        "agent",
        sa.Column(
            "concurrency", sa.String(), nullable=False, server_default="enqueue"
        ),
    )
    for name in LIMITS:
        op.add_column("agent", sa.Column(name, sa.Integer(), nullable=True))


def downgrade() -> None:
    # Not as a batch: that would drop the table, and with it the rows of all that refers to it.
    for name in (*LIMITS, "concurrency"):
        op.drop_column("agent", name)
    op.drop_index("ix_run_status_turn_id", table_name="run")
    for name in ("is_taken_back", "turn"):
        op.drop_column("run", name)
