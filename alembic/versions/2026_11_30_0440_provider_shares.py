"""provider shares: single people and groups may use a provider of somebody else; its models go with it."""

import sqlalchemy as sa

from alembic import op

revision = "0031"
down_revision = "0033"
branch_labels = None
depends_on = None

# Asked once for a statement, not once for a row, since each stands in a query of its own.
ACTOR = "(SELECT NULLIF(current_setting('atelier.actor', true), '')::uuid)"
WORK = "(SELECT current_setting('atelier.work', true))"
GROUPS = f"ARRAY(SELECT group_id FROM group_member WHERE user_id = {ACTOR})"
OF_PROVIDER = "EXISTS (SELECT 1 FROM provider_share s WHERE s.object_id = provider.id"
SHARED = f"is_shared OR {OF_PROVIDER} AND s.user_id = {ACTOR}) OR {OF_PROVIDER} AND s.group_id = ANY ({GROUPS}))"
# Whoever sees a provider sees its models: its own policies answer the question.
OF_MODEL = "EXISTS (SELECT 1 FROM provider p WHERE p.id = model.provider_id{only})"


def upgrade() -> None:
    op.create_table(
        "provider_share",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("level", sa.String(), nullable=False),
        _belongs_to("owner_id", "user"),
        _belongs_to("object_id", "provider"),
        _belongs_to("user_id", "user"),
        _belongs_to("group_id", "group"),
        sa.PrimaryKeyConstraint("id", name="pk_provider_share"),
        sa.UniqueConstraint(
            "user_id", "object_id", name="uq_provider_share_user_id_object_id"
        ),
        sa.UniqueConstraint(
            "group_id", "object_id", name="uq_provider_share_group_id_object_id"
        ),
    )
    for name in ("owner_id", "object_id"):
        op.create_index(f"ix_provider_share_{name}", "provider_share", [name])
    if op.get_bind().dialect.name == "sqlite":
        return
    whose = f"owner_id = {ACTOR} OR {WORK} IN ('system')"
    with_me = f"user_id = {ACTOR} OR group_id = ANY ({GROUPS})"
    op.execute(f"CREATE POLICY whose ON provider_share USING ({whose})")
    op.execute(
        f"CREATE POLICY shared ON provider_share FOR SELECT USING ({with_me})"
    )
    op.execute("ALTER TABLE provider_share ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE provider_share FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER POLICY shared ON provider USING ({SHARED})")
    op.execute(f"ALTER POLICY shared ON model USING ({OF_MODEL.format(only='')})")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        only = OF_MODEL.format(only=" AND p.is_shared")
        op.execute(f"ALTER POLICY shared ON model USING ({only})")
        op.execute("ALTER POLICY shared ON provider USING (is_shared)")
    op.drop_table("provider_share")


def _belongs_to(name: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [name],
        [f"{other}.id"],
        name=f"fk_provider_share_{name}",
        ondelete="CASCADE",
    )
