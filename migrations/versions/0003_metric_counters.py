"""metric counters"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "metric_counter",
        sa.Column("counter", sa.String(length=20), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("tenant_id", _BIG_ID, autoincrement=False, nullable=False),
        sa.Column("channel_id", _BIG_ID, autoincrement=False, nullable=False),
        sa.Column("topic", sa.String(length=20), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "counter",
            "label",
            "tenant_id",
            "channel_id",
            "topic",
            name=op.f("pk_metric_counter"),
        ),
    )


def downgrade() -> None:
    op.drop_table("metric_counter")
