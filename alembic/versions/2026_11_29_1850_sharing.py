"""sharing: groups, with whom agents and collections are shared, whose agent a run uses; what single people and keys may."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op

revision = "0013"
down_revision = "0021b"
branch_labels = None
depends_on = None

SHARED = ("agent", "collection")


def upgrade() -> None:
    op.create_table(
        "group",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group")),
        sa.UniqueConstraint("name", name=op.f("uq_group_name")),
    )
    op.create_table(
        "group_member",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        _belongs_to("group_member", "group_id", "group"),
        _belongs_to("group_member", "user_id", "user"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_group_member")),
    )
    op.create_index("ix_group_member_user_id", "group_member", ["user_id"])
    for kind in SHARED:
        _add_shares(kind)
    is_public = sa.Column(
        "is_public", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("agent", is_public)
    op.create_index("ix_agent_is_public_id", "agent", ["is_public", "id"])
    op.create_index("ix_collection_owner_id_id", "collection", ["owner_id", "id"])
    op.drop_index("ix_collection_owner_id", table_name="collection")
    op.add_column("run", sa.Column("agent_owner_id", sa.Uuid(), nullable=True))
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    for name in ("given", "taken"):
        column = sa.Column(name, json, nullable=False, server_default="[]")
        op.add_column("user", column)
    for name in ("scopes", "agent_ids"):
        op.add_column("api_key", sa.Column(name, json, nullable=True))


def downgrade() -> None:
    # Without them a key would be allowed more than it was made for. None is stored as the null of JSON.
    op.execute(
        "UPDATE api_key SET revoked_at = CURRENT_TIMESTAMP WHERE revoked_at IS NULL"
        " AND (CAST(scopes AS TEXT) <> 'null' OR CAST(agent_ids AS TEXT) <> 'null')"
    )
    for table, name in (
        ("api_key", "agent_ids"),
        ("api_key", "scopes"),
        ("user", "taken"),
        ("user", "given"),
        ("run", "agent_owner_id"),
    ):
        op.drop_column(table, name)
    op.create_index("ix_collection_owner_id", "collection", ["owner_id"])
    op.drop_index("ix_collection_owner_id_id", table_name="collection")
    op.drop_index("ix_agent_is_public_id", table_name="agent")
    op.drop_column("agent", "is_public")
    for kind in reversed(SHARED):
        op.drop_table(f"{kind}_share")
    op.drop_table("group_member")
    op.drop_table("group")


def _add_shares(kind: str) -> None:
    table = f"{kind}_share"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("object_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("level", sa.String(), nullable=False),
        _belongs_to(table, "owner_id", "user"),
        _belongs_to(table, "object_id", kind),
        _belongs_to(table, "user_id", "user"),
        _belongs_to(table, "group_id", "group"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "user_id", "object_id", name=op.f(f"uq_{table}_user_id_object_id")
        ),
        sa.UniqueConstraint(
            "group_id", "object_id", name=op.f(f"uq_{table}_group_id_object_id")
        ),
    )
    for name in ("owner_id", "object_id"):
        op.create_index(f"ix_{table}_{name}", table, [name])


def _belongs_to(table: str, name: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [name],
        [f"{other}.id"],
        name=op.f(f"fk_{table}_{name}"),
        ondelete="CASCADE",
    )
