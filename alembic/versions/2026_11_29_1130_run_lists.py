"""lists of runs: an index for each filter, tags, and the words that runs are found by; what clients call a thread."""

import re

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Each list pages by id, so its index ends with it; what was indexed alone before is where such an index begins.
NEW = {
    "ix_run_owner_id_status_id": ("run", ["owner_id", "status", "id"]),
    "ix_run_owner_id_trigger_id": ("run", ["owner_id", "trigger", "id"]),
    "ix_run_agent_id_status_id": ("run", ["agent_id", "status", "id"]),
    "ix_run_thread_id_id": ("run", ["thread_id", "id"]),
    "ix_run_error_code_id": ("run", ["error_code", "id"]),
    "ix_thread_owner_id_id": ("thread", ["owner_id", "id"]),
    "ix_thread_agent_id_id": ("thread", ["agent_id", "id"]),
    "ix_agent_owner_id_id": ("agent", ["owner_id", "id"]),
    "ix_document_owner_id_id": ("document", ["owner_id", "id"]),
    "ix_document_collection_id_id": ("document", ["collection_id", "id"]),
}
OLD = {
    "ix_run_owner_id": ("run", ["owner_id"]),
    "ix_run_thread_id": ("run", ["thread_id"]),
    "ix_run_status": ("run", ["status"]),
    "ix_run_error_code": ("run", ["error_code"]),
    "ix_run_lease_until": ("run", ["lease_until"]),
    "ix_thread_owner_id": ("thread", ["owner_id"]),
    "ix_thread_agent_id": ("thread", ["agent_id"]),
    "ix_agent_owner_id": ("agent", ["owner_id"]),
    "ix_document_owner_id": ("document", ["owner_id"]),
}
# The row that is gone is named by what it held: the full-text table keeps no copy of the words.
TRIGGERS = {
    "run_text_added": "AFTER INSERT ON run_text BEGIN {add} END",
    "run_text_removed": "AFTER DELETE ON run_text BEGIN {remove} END",
    "run_text_changed": "AFTER UPDATE ON run_text BEGIN {remove} {add} END",
}
ADD = "INSERT INTO run_fts(rowid, words) VALUES (new.place, new.words);"
REMOVE = "INSERT INTO run_fts(run_fts, rowid, words) VALUES ('delete', old.place, old.words);"
BATCH = 1000
WORDS_MAX = 300
WORD = re.compile(r"[^\W_]+")


def upgrade() -> None:
    _swap_indexes(NEW, OLD)
    json = sa.JSON().with_variant(JSONB(), "postgresql")
    op.add_column("thread", sa.Column("external_id", sa.String(200), nullable=True))
    op.create_index(
        "ix_thread_owner_id_external_id",
        "thread",
        ["owner_id", "external_id"],
        unique=True,
    )
    op.add_column("run", sa.Column("tags", json, nullable=False, server_default="[]"))
    op.create_table(
        "run_tag",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "tag"),
    )
    op.create_index(
        "ix_run_tag_owner_id_tag_run_id", "run_tag", ["owner_id", "tag", "run_id"]
    )
    _make_texts()
    _fill_texts()


def downgrade() -> None:
    if _is_sqlite():
        op.execute("DROP TABLE run_fts")
    op.drop_table("run_text")
    op.drop_table("run_tag")
    op.drop_column("run", "tags")
    op.drop_index("ix_thread_owner_id_external_id", table_name="thread")
    op.drop_column("thread", "external_id")
    _swap_indexes(OLD, NEW)


def _swap_indexes(new, old) -> None:
    for name, (table, columns) in new.items():
        op.create_index(name, table, columns)
    for name, (table, _) in old.items():
        op.drop_index(name, table_name=table)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _make_texts() -> None:
    place = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "run_text",
        sa.Column("place", place, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column(
            "words", sa.Text().with_variant(TSVECTOR(), "postgresql"), nullable=False
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("place"),
        sa.UniqueConstraint("run_id"),
    )
    op.create_index("ix_run_text_owner_id_place", "run_text", ["owner_id", "place"])
    if not _is_sqlite():
        op.create_index(
            "ix_run_text_words", "run_text", ["words"], postgresql_using="gin"
        )
        return
    op.execute(
        # Beginnings of one to eight letters, after the six of the owner's mark, have entries of their own.
        "CREATE VIRTUAL TABLE run_fts USING fts5(words, content='run_text', content_rowid='place',"
        " tokenize='unicode61 remove_diacritics 0', prefix='7 8 9 10 11 12 13 14', detail=none)"
    )
    for name, body in TRIGGERS.items():
        op.execute(f"CREATE TRIGGER {name} {body.format(add=ADD, remove=REMOVE)}")


def _fill_texts() -> None:
    run = sa.table(
        "run",
        sa.column("id", sa.Uuid()),
        sa.column("owner_id", sa.Uuid()),
        sa.column("input", sa.JSON().with_variant(JSONB(), "postgresql")),
        sa.column("error", sa.String()),
    )
    text = sa.table(
        "run_text",
        sa.column("place", sa.BigInteger()),
        sa.column("run_id", sa.Uuid()),
        sa.column("owner_id", sa.Uuid()),
        sa.column("words", sa.Text().with_variant(TSVECTOR(), "postgresql")),
    )
    bind, after = op.get_bind(), None
    while True:
        query = sa.select(run).order_by(run.c.id).limit(BATCH)
        if after is not None:
            query = query.where(run.c.id > after)
        found = bind.execute(query).all()
        if not found:
            return
        after = found[-1].id
        rows = [
            {
                "place": _place_of(row.id),
                "run_id": row.id,
                "owner_id": row.owner_id,
                "words": _words_of(
                    row.owner_id, f"{(row.input or {}).get('query', '')} {row.error}"
                ),
            }
            for row in found
        ]
        bind.execute(sa.insert(text), rows)


def _place_of(run_id) -> int:
    return (((run_id.int >> 80) << 21) | (run_id.int & 0x1FFFFF)) & 0x7FFFFFFFFFFFFFFF


def _words_of(owner_id, text: str) -> str:
    found = dict.fromkeys(word[:64] for word in WORD.findall(text[:20_000].casefold()))
    return " ".join(f"{owner_id.hex[-6:]}{word}" for word in list(found)[:WORDS_MAX])
