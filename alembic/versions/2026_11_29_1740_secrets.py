"""secrets: keys of users, what they keep secret, and a reference in the place of an agent's key."""

import sqlalchemy as sa

from alembic import op

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None


def _owned(name: str, *columns: sa.Column | sa.Constraint) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(f"ix_{name}_owner_id", name, ["owner_id"])


def upgrade() -> None:
    _owned(
        "data_key",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.String(), nullable=False),
        sa.UniqueConstraint("owner_id", "number"),
    )
    _owned(
        "secret",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("owner_id", "name"),
    )
    op.add_column(
        "agent",
        sa.Column("remote_secret", sa.String(), nullable=False, server_default=""),
    )
    op.create_index("ix_audit_object_id", "audit", ["object_id"])


def downgrade() -> None:
    op.drop_index("ix_audit_object_id", table_name="audit")
    op.drop_column("agent", "remote_secret")
    # The version before has no keys of users, and could not read what they sealed.
    op.execute("UPDATE agent SET remote_key = '' WHERE remote_key LIKE 'k1.%'")
    for name in ("secret", "data_key"):
        op.drop_index(f"ix_{name}_owner_id", table_name=name)
        op.drop_table(name)
