"""linked logins: logins elsewhere that lead to accounts here."""

import sqlalchemy as sa

from alembic import op

revision = "0015"
down_revision = "0016"
branch_labels = None
depends_on = None

NAME = "linked_login"


def upgrade() -> None:
    op.create_table(
        NAME,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=30), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("issuer", "subject"),
    )
    op.create_index(f"ix_{NAME}_owner_id", NAME, ["owner_id"])


def downgrade() -> None:
    op.drop_index(f"ix_{NAME}_owner_id", table_name=NAME)
    op.drop_table(NAME)
