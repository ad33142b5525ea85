"""budgets: how much may be spent, and the tree of runs that each call of a model belongs to."""

import sqlalchemy as sa

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

NAME, USAGE = "budget", "usage_record"
INDEXES = {
    f"ix_{USAGE}_root_agent_id_day": ["root_agent_id", "day"],
    f"ix_{USAGE}_root_id": ["root_id"],
}


def upgrade() -> None:
    op.create_table(
        NAME,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("cheaper_model", sa.String(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_imposed", sa.Boolean(), nullable=False),
        sa.Column("noticed", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["agent_id"], ["agent.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(f"ix_{NAME}_owner_id", NAME, ["owner_id"])
    op.create_index(f"ix_{NAME}_agent_id", NAME, ["agent_id"])
    op.add_column(USAGE, sa.Column("root_id", sa.Uuid(), nullable=True))
    op.add_column(USAGE, sa.Column("root_agent_id", sa.Uuid(), nullable=True))
    for name, columns in INDEXES.items():
        op.create_index(name, USAGE, columns)


def downgrade() -> None:
    for name in reversed(INDEXES):
        op.drop_index(name, table_name=USAGE)
    op.drop_column(USAGE, "root_agent_id")
    op.drop_column(USAGE, "root_id")
    op.drop_index(f"ix_{NAME}_agent_id", table_name=NAME)
    op.drop_index(f"ix_{NAME}_owner_id", table_name=NAME)
    op.drop_table(NAME)
