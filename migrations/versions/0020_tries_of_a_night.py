"""how many workers began the comparison of a night: one that ends each of them is given up"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    tries = sa.Column("tries", sa.Integer(), server_default="0", nullable=False)
    op.add_column("nightly_comparison", tries)


def downgrade() -> None:
    with op.batch_alter_table("nightly_comparison") as table:
        table.drop_column("tries")
