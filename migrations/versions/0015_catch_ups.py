"""why and since when a run catches up, and when the service was last at work"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TIME = integration.clock.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("sync_run", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("sync_run", sa.Column("changed_since", _TIME, nullable=True))
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("beaten_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeat")),
    )


def downgrade() -> None:
    op.drop_table("heartbeat")
    op.drop_column("sync_run", "changed_since")
    op.drop_column("sync_run", "reason")
