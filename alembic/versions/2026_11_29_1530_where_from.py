"""where from: the address of a login and of what the audit tells of, and whom a one-time link is for."""

import sqlalchemy as sa

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TEXTS = (("session", "address", ""), ("audit", "address", ""), ("audit", "result", "done"))


def upgrade() -> None:
    for table, name, default in TEXTS:
        column = sa.Column(name, sa.String(), nullable=False, server_default=default)
        op.add_column(table, column)
    op.add_column("audit", sa.Column("correlation_id", sa.Uuid(), nullable=True))
    op.add_column("one_time_link", sa.Column("user_id", sa.Uuid(), nullable=True))
    op.create_index("ix_one_time_link_user_id", "one_time_link", ["user_id"])


def downgrade() -> None:
    op.drop_index("ix_one_time_link_user_id", table_name="one_time_link")
    # Without its user a link would not say whose password it sets.
    op.execute("DELETE FROM one_time_link WHERE user_id IS NOT NULL")
    op.drop_column("one_time_link", "user_id")
    op.drop_column("audit", "correlation_id")
    for table, name, _ in reversed(TEXTS):
        op.drop_column(table, name)
