"""due manuals: which collections lack the manual that is uploaded to them; none that is there already does."""

import sqlalchemy as sa

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("manual_due_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("collection", column)
    op.create_index("ix_collection_manual_due_at", "collection", ["manual_due_at"])


def downgrade() -> None:
    op.drop_index("ix_collection_manual_due_at", "collection")
    op.drop_column("collection", "manual_due_at")
