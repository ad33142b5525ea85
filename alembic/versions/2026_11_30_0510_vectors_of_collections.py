"""vectors of collections: with another embedding model they begin anew, under another name."""

import sqlalchemy as sa

from alembic import op

revision = "0030"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("collection", sa.Column("vectors_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("collection", "vectors_id")
