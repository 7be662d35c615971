"""brakes: what was sent last, and what is stopped"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TIME = integration.clock.UtcDateTime(timezone=True)
_COLUMNS = (
    ("pushed_value", sa.String(length=60)),
    ("braked_value", sa.String(length=60)),
    ("braked_in", sa.Integer()),
)


def upgrade() -> None:
    for name, kind in _COLUMNS:
        op.add_column("work_item", sa.Column(name, kind, nullable=True))
    op.create_table(
        "brake",
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("window_number", sa.Integer(), nullable=False),
        sa.Column("window_began_at", _TIME, nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", _TIME, nullable=False),
        sa.Column("reference", sa.Integer(), nullable=True),
        sa.Column("waiting_since", _TIME, nullable=True),
        sa.Column("waits_for", sa.SmallInteger(), nullable=False),
        sa.Column("tripped_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_brake_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("channel_id", "topic", name=op.f("pk_brake")),
    )


def downgrade() -> None:
    op.drop_table("brake")
    for name, _kind in reversed(_COLUMNS):
        op.drop_column("work_item", name)
