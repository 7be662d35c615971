"""runs that a person has wait, and what runs waited for"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NUMBERS = {
    "paused_s": sa.Float,
    "erp_requests": sa.Integer,
    "erp_s": sa.Float,
    "shop_rows": sa.Integer,
    "shop_s": sa.Float,
}


def upgrade() -> None:
    paused_at = sa.Column("paused_at", integration.clock.UtcDateTime(timezone=True), nullable=True)
    op.add_column("sync_run", paused_at)
    op.add_column("sync_run", sa.Column("shop_row_s", sa.Float(), nullable=True))
    for name, kind in _NUMBERS.items():
        op.add_column("sync_run", sa.Column(name, kind(), nullable=False, server_default="0"))


def downgrade() -> None:
    for name in ("paused_at", "shop_row_s", *_NUMBERS):
        op.drop_column("sync_run", name)
