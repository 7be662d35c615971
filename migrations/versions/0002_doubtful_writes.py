"""writes whose outcome nobody recorded"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "work_item",
        sa.Column("doubt_until", integration.clock.UtcDateTime(timezone=True), nullable=True),
    )


def downgrade() -> None:
    op.drop_column("work_item", "doubt_until")
