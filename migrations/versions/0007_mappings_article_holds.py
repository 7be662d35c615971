"""mappings, holds of articles by hand, an index of what is held"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_IS_HELD = sa.text("hold_reason IS NOT NULL")


def _channel(table: str) -> tuple[sa.Column, sa.ForeignKeyConstraint]:
    return (
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f(f"fk_{table}_channel_id"),
            ondelete="CASCADE",
        ),
    )


def upgrade() -> None:
    op.create_table(
        "channel_mapping",
        *_channel("channel_mapping"),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("erp_value", sa.String(length=80), nullable=False),
        sa.Column("shop_value", sa.String(length=80), nullable=False),
        sa.Column("set_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "kind", "erp_value", name=op.f("pk_channel_mapping")),
    )
    op.create_table(
        "article_hold",
        *_channel("article_hold"),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("article_id", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("held_by", sa.String(length=80), nullable=False),
        sa.Column("held_since", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "topic", "article_id", name=op.f("pk_article_hold")),
    )
    op.create_index(
        "ix_work_item_held_for",
        "work_item",
        ["hold_reason", "channel_id", "entity_id"],
        postgresql_where=_IS_HELD,
        sqlite_where=_IS_HELD,
    )


def downgrade() -> None:
    op.drop_index("ix_work_item_held_for", table_name="work_item")
    op.drop_table("article_hold")
    op.drop_table("channel_mapping")
