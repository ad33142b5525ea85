"""reading: whom an administrator reads with a login, and until when."""

import sqlalchemy as sa

from alembic import op

revision = "0033"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In its own line: a table of SQLite that is made anew takes the rows that refer to it along.
    op.add_column(
        "session",
        sa.Column(
            "reads_user_id",
            sa.Uuid(),
            sa.ForeignKey("user.id", ondelete="SET NULL", name="fk_session_reads_user_id_user"),
            nullable=True,
        ),
        inline_references=True,
    )
    op.add_column("session", sa.Column("reads_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("session", "reads_until")
    op.drop_column("session", "reads_user_id")
