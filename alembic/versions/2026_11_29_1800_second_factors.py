"""second factors: secrets of authenticator apps, recovery codes, and which logins came from elsewhere."""

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def _owned(name: str, *columns: sa.Column) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(f"ix_{name}_owner_id", name, ["owner_id"])


def upgrade() -> None:
    op.add_column("user", sa.Column("second_factor_at", MOMENT, nullable=True))
    op.add_column(
        "session",
        sa.Column(
            "is_outside", sa.Boolean(), nullable=False, server_default=sa.false()
        ),
    )
    _owned(
        "second_factor",
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("confirmed_at", MOMENT, nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
    )
    _owned(
        "recovery_code",
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
    )
    op.create_index("ix_recovery_code_code_hash", "recovery_code", ["code_hash"])


def downgrade() -> None:
    op.drop_index("ix_recovery_code_code_hash", table_name="recovery_code")
    for name in ("recovery_code", "second_factor"):
        op.drop_index(f"ix_{name}_owner_id", table_name=name)
        op.drop_table(name)
    op.drop_column("session", "is_outside")
    op.drop_column("user", "second_factor_at")
