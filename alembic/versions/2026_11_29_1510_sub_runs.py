"""sub-runs: who started a run, the first of its tree, by which call, and what a run waits for."""

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

HAS_PARENT = sa.text("parent_id IS NOT NULL")
INDEXES = {
    "ix_run_root_id_id": (["root_id", "id"], False),
    "ix_run_effect_key_parent_id": (["effect_key", "parent_id"], True),
}
COLUMNS = ("parent_id", "root_id", "depth", "effect_key", "waits_for_id")


def upgrade() -> None:
    op.add_column("run", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.add_column("run", sa.Column("root_id", sa.Uuid(), nullable=True))
    op.add_column(
        "run", sa.Column("depth", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("run", sa.Column("effect_key", sa.String(), nullable=True))
    op.add_column("run", sa.Column("waits_for_id", sa.Uuid(), nullable=True))
    # What nobody started is its own root.
    op.execute("UPDATE run SET root_id = id")
    for name, (columns, is_unique) in INDEXES.items():
        op.create_index(
            name,
            "run",
            columns,
            unique=is_unique,
            postgresql_where=HAS_PARENT,
            sqlite_where=HAS_PARENT,
        )


def downgrade() -> None:
    # Without these columns nothing would wake a run that waits for another one: it goes on as if it had lost its worker.
    op.execute(
        "UPDATE run SET status = 'queued', dispatch = dispatch + 1 WHERE status = 'waiting' AND waits_for_id IS NOT NULL"
    )
    for name in INDEXES:
        op.drop_index(name, table_name="run")
    for name in reversed(COLUMNS):
        op.drop_column("run", name)
