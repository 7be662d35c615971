"""rows that a sync run's pages brought"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "read_ahead",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column(
            "sync_run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("read_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sync_run_id"],
            ["sync_run.id"],
            name=op.f("fk_read_ahead_sync_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_read_ahead")),
    )
    op.create_index("ix_read_ahead_run", "read_ahead", ["sync_run_id", "read_at"])
    op.add_column("work_item", sa.Column("read_ahead_id", sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.drop_column("work_item", "read_ahead_id")
    op.drop_table("read_ahead")
