"""usage: what each call of a model took, and what it cost."""

import sqlalchemy as sa

from alembic import op

revision = "0018"
down_revision = "0015"
branch_labels = None
depends_on = None

NAME = "usage_record"
INDEXES = {
    f"ix_{NAME}_owner_id_day": ["owner_id", "day"],
    f"ix_{NAME}_owner_id_ts": ["owner_id", "ts", "run_id", "seq"],
    f"ix_{NAME}_day": ["day"],
    f"ix_{NAME}_agent_id_day": ["agent_id", "day"],
}


def upgrade() -> None:
    op.create_table(
        NAME,
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("agent_name", sa.String(), nullable=False),
        sa.Column("ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=False),
        sa.Column("tokens_out", sa.Integer(), nullable=False),
        sa.Column("tokens_cached", sa.Integer(), nullable=False),
        sa.Column("tokens_reasoning", sa.Integer(), nullable=False),
        sa.Column("window", sa.Integer(), nullable=True),
        sa.Column("first_token_milliseconds", sa.Float(), nullable=False),
        sa.Column("milliseconds", sa.Float(), nullable=False),
        sa.Column("price", sa.String(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("is_estimated", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "seq"),
    )
    for name, columns in INDEXES.items():
        op.create_index(name, NAME, columns)


def downgrade() -> None:
    for name in reversed(INDEXES):
        op.drop_index(name, table_name=NAME)
    op.drop_table(NAME)
