"""mail: letters that wait, and one-time links for addresses without an account."""

import sqlalchemy as sa

from alembic import op

revision = "0021"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "one_time_link",
        sa.Column("email", sa.String(), nullable=False, server_default=""),
    )
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_mail_due_at", "mail", ["due_at"])


def downgrade() -> None:
    op.drop_index("ix_mail_due_at", table_name="mail")
    op.drop_table("mail")
    # Without its address such a link would make no account.
    op.execute("DELETE FROM one_time_link WHERE email <> ''")
    op.drop_column("one_time_link", "email")
