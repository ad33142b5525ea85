"""steps of runs: links to checkpoints outlive their run and tell more of a step; a fork knows where it began."""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OLD = "run_id, epoch, checkpoint_id, owner_id, saver_thread, step"


def upgrade() -> None:
    # A new table, since SQLite cannot drop a foreign key.
    op.create_table(
        "checkpoint_link_new",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=True),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("saver_thread", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("node", sa.String(), nullable=False, server_default=""),
        sa.Column("next_node", sa.String(), nullable=False, server_default=""),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "epoch", "checkpoint_id"),
    )
    _replace(
        f"INSERT INTO checkpoint_link_new ({_OLD}, thread_id, agent_id) "
        f"SELECT {_columns('link')}, run.thread_id, run.agent_id "
        "FROM checkpoint_link AS link JOIN run ON run.id = link.run_id"
    )
    op.create_index("ix_checkpoint_link_thread_id", "checkpoint_link", ["thread_id"])
    op.add_column("run", sa.Column("origin_step", sa.Integer(), nullable=True))
    op.add_column("run", sa.Column("instructions", sa.String(), nullable=True))


def downgrade() -> None:
    # Not as a batch: that would drop the table, and with it the rows of all that refers to it.
    for name in ("instructions", "origin_step"):
        op.drop_column("run", name)
    op.drop_index("ix_checkpoint_link_thread_id", table_name="checkpoint_link")
    op.create_table(
        "checkpoint_link_new",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("saver_thread", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "epoch", "checkpoint_id"),
    )
    _replace(
        f"INSERT INTO checkpoint_link_new ({_OLD}) SELECT {_columns('link')} "
        "FROM checkpoint_link AS link JOIN run ON run.id = link.run_id"
    )
    op.create_index("ix_checkpoint_link_owner_id", "checkpoint_link", ["owner_id"])


def _columns(table: str) -> str:
    return ", ".join(f"{table}.{name}" for name in _OLD.split(", "))


def _replace(fill: str) -> None:
    op.execute(fill)
    op.drop_table("checkpoint_link")
    op.rename_table("checkpoint_link_new", "checkpoint_link")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "ALTER TABLE checkpoint_link RENAME CONSTRAINT pk_checkpoint_link_new TO pk_checkpoint_link"
        )
