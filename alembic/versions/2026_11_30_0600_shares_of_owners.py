"""shares of owners: a share counts if the owner of the thing made it, and middlewares are changed by their model's owner."""

from alembic import op

revision = "0034"
down_revision = "0032"
branch_labels = None
depends_on = None

# Asked once for a statement, not once for a row, since each stands in a query of its own.
ACTOR = "(SELECT NULLIF(current_setting('atelier.actor', true), '')::uuid)"
WORK = "(SELECT current_setting('atelier.work', true))"
GROUPS = f"ARRAY(SELECT group_id FROM group_member WHERE user_id = {ACTOR})"
# Each table, who else sees its rows, and the shares that show them by one of its columns.
SHARED = (
    ("agent", "is_public OR ", "agent_share", "id"),
    ("collection", "", "collection_share", "id"),
    ("document", "", "collection_share", "collection_id"),
    ("chunk", "", "collection_share", "collection_id"),
    ("provider", "is_shared OR ", "provider_share", "id"),
)
SEES_MIDDLEWARE = f"{ACTOR} IS NOT NULL AND (model_id IS NULL OR EXISTS (SELECT 1 FROM model m WHERE m.id = model_id))"
OWNS_MIDDLEWARE = f"EXISTS (SELECT 1 FROM model m WHERE m.id = model_id AND m.owner_id = {ACTOR})"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, others, shares, column in SHARED:
        owners = f" AND s.owner_id = {table}.owner_id"
        _show(table, others, f"{shares} s WHERE s.object_id = {table}.{column}{owners}")
    op.execute(
        f"ALTER POLICY whose ON model_middleware USING ({OWNS_MIDDLEWARE} OR {WORK} = 'system')"
    )
    op.execute(
        f"CREATE POLICY shared ON model_middleware FOR SELECT USING ({SEES_MIDDLEWARE})"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute("DROP POLICY shared ON model_middleware")
    op.execute(
        f"ALTER POLICY whose ON model_middleware USING (({SEES_MIDDLEWARE}) OR {WORK} = 'system')"
    )
    for table, others, shares, column in SHARED:
        _show(table, others, f"{shares} s WHERE s.object_id = {table}.{column}")


def _show(table: str, others: str, shares: str) -> None:
    # Two questions, so that each has an index that answers it.
    found = f"EXISTS (SELECT 1 FROM {shares}"
    op.execute(
        f"ALTER POLICY shared ON {table} USING ({others}{found} AND s.user_id = {ACTOR}) OR {found} AND s.group_id = ANY ({GROUPS})))"
    )
