"""what was sent about deliveries of the ERP"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = integration.clock.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "fulfilment",
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("document_id", sa.String(length=40), nullable=False),
        sa.Column("first_seen_at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME, nullable=True),
        sa.Column("external_id", sa.String(length=120), nullable=True),
        sa.Column("tracking_numbers", sa.JSON(), nullable=False),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_fulfilment_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("channel_id", "document_id", name=op.f("pk_fulfilment")),
    )


def downgrade() -> None:
    op.drop_table("fulfilment")
