"""tiers: what people may use, their tier and what they have in its place, how many runs they have begun on a day; under which name a directory knows them."""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op

revision = "0024"
down_revision = "0027"
branch_labels = None
depends_on = None

LIMITS = ("requests_per_minute", "runs_per_day", "runs_active", "storage_mb")
# Nobody is limited by an update: who has no tier is in the first one.
READY_MADE = (
    ("01900000-0000-7000-8000-000000000001", "Standard", True, (None,) * 4),
    ("01900000-0000-7000-8000-000000000002", "Limited", False, (300, 500, 10, 2_000)),
    ("01900000-0000-7000-8000-000000000003", "Trial", False, (60, 50, 2, 100)),
)


def upgrade() -> None:
    tier = op.create_table(
        "tier",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        *[sa.Column(name, sa.Integer(), nullable=True) for name in LIMITS],
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tier")),
        sa.UniqueConstraint("name", name=op.f("uq_tier_name")),
    )
    op.create_index(
        "ix_tier_is_default",
        "tier",
        ["is_default"],
        unique=True,
        postgresql_where=sa.text("is_default"),
        sqlite_where=sa.text("is_default"),
    )
    now = datetime.now(UTC)
    op.bulk_insert(
        tier,
        [
            {
                "id": UUID(tier_id),
                "created_at": now,
                "name": name,
                "is_default": is_default,
                **dict(zip(LIMITS, limits, strict=True)),
            }
            for tier_id, name, is_default, limits in READY_MADE
        ],
    )
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    limits = sa.Column("limits", json, nullable=False, server_default="{}")
    op.add_column("user", limits)
    # Not as a batch: that would drop the table, and with it the rows of all that refers to it.
    belongs_to = sa.ForeignKey("tier.id", ondelete="SET NULL")
    tier_id = sa.Column("tier_id", sa.Uuid(), belongs_to, nullable=True)
    op.add_column("user", tier_id, inline_references=True)
    op.create_index("ix_user_tier_id", "user", ["tier_id"])
    login = sa.Column("login", sa.String(), nullable=False, server_default="")
    op.add_column("linked_login", login)
    op.create_table(
        "run_day",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("owner_id", "day", name=op.f("pk_run_day")),
    )
    op.create_index("ix_run_day_day", "run_day", ["day"])


def downgrade() -> None:
    op.drop_table("run_day")
    op.drop_column("linked_login", "login")
    op.drop_index("ix_user_tier_id", table_name="user")
    op.drop_column("user", "tier_id")
    op.drop_column("user", "limits")
    op.drop_table("tier")
