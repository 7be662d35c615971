"""tenants whose app was uninstalled"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # May be NULL, so that processes of the version before can go on until they are restarted.
    op.add_column(
        "tenant",
        sa.Column("uninstalled_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
    )


def downgrade() -> None:
    with op.batch_alter_table("tenant") as tenant:
        tenant.drop_column("uninstalled_at")
