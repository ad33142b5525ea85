"""row level security: PostgreSQL shows and changes rows only in the name that the transaction has given."""

from alembic import op

revision = "0023"
down_revision = "0025"
branch_labels = None
depends_on = None

# Asked once for a statement, not once for a row, since each stands in a query of its own.
ACTOR = "(SELECT NULLIF(current_setting('atelier.actor', true), '')::uuid)"
WORK = "(SELECT current_setting('atelier.work', true))"
# What is needed to find out who asks.
GATE = (
    "api_key",
    "audit",
    "linked_login",
    "recovery_code",
    "refresh_token",
    "second_factor",
    "session",
)
OTHERS = (
    "agent",
    "agent_collection",
    "agent_share",
    "budget",
    "checkpoint_link",
    "chunk",
    "collection",
    "collection_share",
    "data_key",
    "document",
    "file",
    "message",
    "model",
    "note",
    "provider",
    "run",
    "run_answer",
    "run_day",
    "run_event",
    "run_tag",
    "secret",
    "thread",
    "tool_effect",
    "usage_record",
)
GROUPS = f"ARRAY(SELECT group_id FROM group_member WHERE user_id = {ACTOR})"
WITH_ME = f"user_id = {ACTOR} OR group_id = ANY ({GROUPS})"
TABLES = (*GATE, *OTHERS, "model_middleware")


def is_shared(shares: str, object_id: str) -> str:
    # Two questions, so that each has an index that answers it.
    found = f"EXISTS (SELECT 1 FROM {shares} s WHERE s.object_id = {object_id}"
    return f"{found} AND s.user_id = {ACTOR}) OR {found} AND s.group_id = ANY ({GROUPS}))"


SHARED = {
    "agent": f"is_public OR {is_shared('agent_share', 'agent.id')}",
    "agent_share": WITH_ME,
    # One without an owner is for the whole installation.
    "budget": f"owner_id IS NULL AND {ACTOR} IS NOT NULL",
    "collection": is_shared("collection_share", "collection.id"),
    "collection_share": WITH_ME,
    "document": is_shared("collection_share", "document.collection_id"),
    "chunk": is_shared("collection_share", "chunk.collection_id"),
    "provider": "is_shared",
    "model": "EXISTS (SELECT 1 FROM provider p WHERE p.id = model.provider_id AND p.is_shared)",
}

# It has no owner of its own: who sees the model sees it too, and those of the settings' models everybody.
MIDDLEWARE = f"{ACTOR} IS NOT NULL AND (model_id IS NULL OR EXISTS (SELECT 1 FROM model m WHERE m.id = model_id))"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table in (*GATE, *OTHERS):
        works = "('gate', 'system')" if table in GATE else "('system')"
        # PostgreSQL asks this before the policy of shares, which costs more: it takes them by name, from the last on.
        op.execute(
            f'CREATE POLICY whose ON "{table}" USING (owner_id = {ACTOR} OR {WORK} IN {works})'
        )
        if table in SHARED:
            op.execute(
                f'CREATE POLICY shared ON "{table}" FOR SELECT USING ({SHARED[table]})'
            )
    op.execute(
        f"CREATE POLICY whose ON model_middleware USING (({MIDDLEWARE}) OR {WORK} = 'system')"
    )
    for table in TABLES:
        op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        # Also for the role that owns the table.
        op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table in TABLES:
        op.execute(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')
        if table in SHARED:
            op.execute(f'DROP POLICY shared ON "{table}"')
        op.execute(f'DROP POLICY whose ON "{table}"')
