"""the main article that a product of a channel is a variant of"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_THERE = sa.text("main_article IS NOT NULL")


def upgrade() -> None:
    op.add_column("listing", sa.Column("main_article", sa.String(length=40), nullable=True))
    op.create_index(
        "ix_listing_main_article",
        "listing",
        ["channel_id", "main_article"],
        sqlite_where=_THERE,
        postgresql_where=_THERE,
    )


def downgrade() -> None:
    op.drop_index("ix_listing_main_article", table_name="listing")
    op.drop_column("listing", "main_article")
