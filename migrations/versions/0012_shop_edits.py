"""fields that people changed in the shop, and what was sent of them"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TIME = integration.clock.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("listing", sa.Column("sent", sa.JSON(), nullable=True))
    op.create_table(
        "shop_edit",
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("article_id", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=120), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("noticed_at", _TIME, nullable=False),
        sa.Column("kept_by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id", "article_id"],
            ["listing.channel_id", "listing.article_id"],
            name=op.f("fk_shop_edit_listing"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("channel_id", "article_id", "field", name=op.f("pk_shop_edit")),
    )


def downgrade() -> None:
    op.drop_table("shop_edit")
    op.drop_column("listing", "sent")
