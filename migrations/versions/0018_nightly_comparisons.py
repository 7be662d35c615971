"""comparisons of the nights"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = integration.clock.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "nightly_comparison",
        sa.Column("channel_id", _ID, nullable=False),
        sa.Column("night", sa.String(length=10), nullable=False),
        sa.Column("plan_id", _ID, nullable=True),
        sa.Column("began_at", _TIME, nullable=False),
        sa.Column("alive_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_nightly_comparison_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["drift_plan.id"],
            name=op.f("fk_nightly_comparison_plan_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("channel_id", "night", name=op.f("pk_nightly_comparison")),
    )


def downgrade() -> None:
    op.drop_table("nightly_comparison")
