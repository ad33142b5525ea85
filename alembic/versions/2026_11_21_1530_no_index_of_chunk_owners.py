"""no index of chunk owners: SQLite preferred it to the ids it was asked for, and read all that somebody owns."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_chunk_owner_id", table_name="chunk")


def downgrade() -> None:
    op.create_index("ix_chunk_owner_id", "chunk", ["owner_id"])
