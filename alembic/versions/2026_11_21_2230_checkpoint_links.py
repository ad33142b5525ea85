"""checkpoint links: which checkpoint of a run counts; why an attempt ended, and which run one goes on from."""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checkpoint_link",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("saver_thread", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["owner_id"], ["user.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "epoch", "checkpoint_id"),
    )
    op.create_index("ix_checkpoint_link_owner_id", "checkpoint_link", ["owner_id"])
    for name in ("error_code", "interruption"):
        op.add_column(
            "run", sa.Column(name, sa.String(), nullable=False, server_default="")
        )
    op.add_column("run", sa.Column("origin_id", sa.Uuid(), nullable=True))
    op.create_index("ix_run_error_code", "run", ["error_code"])
    op.create_index("ix_run_origin_id", "run", ["origin_id"])


def downgrade() -> None:
    op.drop_index("ix_run_origin_id", table_name="run")
    op.drop_index("ix_run_error_code", table_name="run")
    # Not as a batch: that would drop the table, and with it the rows of all that refers to it.
    for name in ("origin_id", "interruption", "error_code"):
        op.drop_column("run", name)
    op.drop_index("ix_checkpoint_link_owner_id", table_name="checkpoint_link")
    op.drop_table("checkpoint_link")
