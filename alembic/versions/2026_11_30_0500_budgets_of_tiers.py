"""budgets of tiers: each person of a tier may spend so much."""

import sqlalchemy as sa

from alembic import op

revision = "0029"
down_revision = "0023"
branch_labels = None
depends_on = None

ACTOR = "(SELECT NULLIF(current_setting('atelier.actor', true), '')::uuid)"
OF_ALL = f"owner_id IS NULL AND {ACTOR} IS NOT NULL"
OWN_TIER = f"""(SELECT t.id FROM tier t JOIN "user" u
    ON u.tier_id = t.id OR u.tier_id IS NULL AND t.is_default WHERE u.id = {ACTOR})"""


def upgrade() -> None:
    belongs_to = sa.ForeignKey("tier.id", ondelete="CASCADE")
    tier_id = sa.Column("tier_id", sa.Uuid(), belongs_to, nullable=True)
    op.add_column("budget", tier_id, inline_references=True)
    op.create_index("ix_budget_tier_id", "budget", ["tier_id"])
    _show(f"{OF_ALL} AND (tier_id IS NULL OR tier_id = {OWN_TIER})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # Else the policies would keep them.
        op.execute("SET LOCAL atelier.work = 'system'")
    op.execute("DELETE FROM budget WHERE tier_id IS NOT NULL")
    _show(OF_ALL)
    op.drop_index("ix_budget_tier_id", table_name="budget")
    op.drop_column("budget", "tier_id")


def _show(whom: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute("DROP POLICY shared ON budget")
    op.execute(f"CREATE POLICY shared ON budget FOR SELECT USING ({whom})")
