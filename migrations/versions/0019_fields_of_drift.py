"""fields of drift are as wide as those of edits: texts in other languages"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_NARROW, _WIDE = sa.String(length=40), sa.String(length=120)


def upgrade() -> None:
    with op.batch_alter_table("drift") as table:
        table.alter_column("field", existing_type=_NARROW, type_=_WIDE, existing_nullable=True)


def downgrade() -> None:
    # What does not fit any more belongs to comparisons that the version before cannot apply.
    op.execute("DELETE FROM drift WHERE length(field) > 40")
    with op.batch_alter_table("drift") as table:
        table.alter_column("field", existing_type=_WIDE, type_=_NARROW, existing_nullable=True)
