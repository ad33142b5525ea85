"""pairs of tags: runs with two tags or more are found by each two of them, in order with a line break between."""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

# Two tags are put in the order of their letters' numbers, whatever the language of the database.
_PAIRS = """
    INSERT INTO run_tag (run_id, tag, owner_id)
    SELECT one.run_id, one.tag || '{line_break}' || other.tag, one.owner_id
    FROM run_tag AS one JOIN run_tag AS other ON other.run_id = one.run_id
    WHERE one.tag{order} < other.tag{order}
"""


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    order = "" if is_sqlite else ' COLLATE "C"'
    op.execute(_PAIRS.format(line_break="\n", order=order))


def downgrade() -> None:
    op.execute("DELETE FROM run_tag WHERE tag LIKE '%\n%'")
