"""user welcomed at: ready-made agents are given once, and again only when that failed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("welcomed_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("user", column)
    # Who has signed in before, or has agents, has got theirs.
    op.execute(
        """
        UPDATE "user" SET welcomed_at = created_at
        WHERE id IN (SELECT owner_id FROM session) OR id IN (SELECT owner_id FROM agent)
        """
    )


def downgrade() -> None:
    # Not as a batch: that would drop the table, and with it the rows of all that refers to it.
    op.drop_column("user", "welcomed_at")
