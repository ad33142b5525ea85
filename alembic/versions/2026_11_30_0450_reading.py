"""reading: whom an administrator reads with a login, and until when."""

import sqlalchemy as sa

from alembic import op

revision = "0033"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("session") as batch:
        batch.add_column(sa.Column("reads_user_id", sa.Uuid(), nullable=True))
        batch.add_column(sa.Column("reads_until", sa.DateTime(timezone=True), nullable=True))
        batch.create_foreign_key(
            batch.f("fk_session_reads_user_id_user"),
            "user",
            ["reads_user_id"],
            ["id"],
            ondelete="SET NULL",
        )


def downgrade() -> None:
    with op.batch_alter_table("session") as batch:
        batch.drop_constraint(batch.f("fk_session_reads_user_id_user"), type_="foreignkey")
        batch.drop_column("reads_until")
        batch.drop_column("reads_user_id")
