"""which article shows which document of the ERP's media shelf"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shelf_image",
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("document_id", sa.String(length=40), nullable=False),
        sa.Column("article_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_shelf_image_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "channel_id", "document_id", "article_id", name=op.f("pk_shelf_image")
        ),
    )
    op.create_index("ix_shelf_image_article", "shelf_image", ["channel_id", "article_id"])


def downgrade() -> None:
    op.drop_table("shelf_image")
