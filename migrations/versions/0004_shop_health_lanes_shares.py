"""shop health, lanes passed over, shares of rate buckets"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: All may be NULL, so that processes of the version before can go on until they are restarted.
_BUCKET_COLUMNS = (
    ("backfill_tokens", sa.Float()),
    ("write_back_tokens", sa.Float()),
    ("per_second", sa.Float()),
    ("slowed_at", integration.clock.UtcDateTime(timezone=True)),
)
_LANE_COLUMNS = ("passed_live", "passed_backfill")


def upgrade() -> None:
    op.create_table(
        "shop_health",
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("trips", sa.Integer(), nullable=False),
        sa.Column("retry_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("opened_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("latency_s", sa.Float(), nullable=True),
        sa.Column("call_began_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_shop_health_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_shop_health")),
    )
    for name, kind in _BUCKET_COLUMNS:
        op.add_column("rate_bucket", sa.Column(name, kind, nullable=True))
    for name in _LANE_COLUMNS:
        op.add_column("lane", sa.Column(name, sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("lane") as lane:
        for name in reversed(_LANE_COLUMNS):
            lane.drop_column(name)
    with op.batch_alter_table("rate_bucket") as rate_bucket:
        for name, _kind in reversed(_BUCKET_COLUMNS):
            rate_bucket.drop_column(name)
    op.drop_table("shop_health")
