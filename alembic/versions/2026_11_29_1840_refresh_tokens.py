"""refresh tokens: what programs that have signed in get fresh tokens with."""

import sqlalchemy as sa

from alembic import op

revision = "0021b"
down_revision = "0021"
branch_labels = None
depends_on = None

NAME = "refresh_token"
INDEXES = ("owner_id", "session_id")


def upgrade() -> None:
    op.create_table(
        NAME,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    for column in INDEXES:
        op.create_index(f"ix_{NAME}_{column}", NAME, [column])


def downgrade() -> None:
    for column in reversed(INDEXES):
        op.drop_index(f"ix_{NAME}_{column}", table_name=NAME)
    op.drop_table(NAME)
