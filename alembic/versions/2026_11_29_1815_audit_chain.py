"""audit chain: a place for each row, an anchor, and a database that refuses to change what is chained."""

import sqlalchemy as sa

from alembic import op

revision = "0022"
down_revision = "0014"
branch_labels = None
depends_on = None

REFUSAL = "What is chained in the audit stays as it is."
CUT = "COALESCE((SELECT MAX(cut_number) FROM audit_anchor), 0)"
# A row that waits for its place counts as the last one.
NUMBER = "COALESCE(OLD.number, 9223372036854775807)"
SQLITE = (
    f"""
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit WHEN OLD.number IS NOT NULL
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
    f"""
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN {NUMBER} > {CUT}
    BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END
    """,
)
POSTGRES = (
    f"""
    CREATE FUNCTION audit_refuse() RETURNS trigger AS $$
    BEGIN
        IF TG_OP = 'UPDATE' AND OLD.number IS NULL THEN RETURN NEW; END IF;
        IF TG_OP = 'DELETE' AND {NUMBER} <= {CUT} THEN RETURN OLD; END IF;
        RAISE EXCEPTION '{REFUSAL}';
    END $$ LANGUAGE plpgsql
    """,
    """
    CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuse()
    """,
    """
    CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
    """,
)


def upgrade() -> None:
    op.add_column("audit", sa.Column("number", sa.BigInteger(), nullable=True))
    for name in ("previous_hash", "hash"):
        column = sa.Column(name, sa.String(), nullable=False, server_default="")
        op.add_column("audit", column)
    op.create_index("ix_audit_number", "audit", ["number"], unique=True)
    op.create_table(
        "audit_anchor",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cut_number", sa.BigInteger(), nullable=False),
        sa.Column("cut_hash", sa.String(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRES:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_no_delete")
        op.execute("DROP TRIGGER audit_no_update")
    else:
        op.execute("DROP TRIGGER audit_no_truncate ON audit")
        op.execute("DROP TRIGGER audit_append_only ON audit")
        op.execute("DROP FUNCTION audit_refuse()")
    op.drop_table("audit_anchor")
    op.drop_index("ix_audit_number", table_name="audit")
    for name in ("hash", "previous_hash", "number"):
        op.drop_column("audit", name)
