"""life of sales channels in the ERP, tenants offline, index of what is held"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

#: All may be NULL, so that processes of the version before can go on until they are restarted.
_TIMES_BY_TABLE = {
    "tenant": ("channels_due_at", "offline_since"),
    "sales_channel": ("delete_said_at", "deleted_at"),
}
_IS_HELD = sa.text("hold_reason IS NOT NULL")


def upgrade() -> None:
    for table, names in _TIMES_BY_TABLE.items():
        for name in names:
            kind = integration.clock.UtcDateTime(timezone=True)
            op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_index(
        "ix_work_item_held",
        "work_item",
        ["hold_reason", "topic"],
        unique=False,
        postgresql_where=_IS_HELD,
        sqlite_where=_IS_HELD,
    )


def downgrade() -> None:
    op.drop_index("ix_work_item_held", table_name="work_item")
    for table, names in reversed(_TIMES_BY_TABLE.items()):
        for name in reversed(names):
            op.drop_column(table, name)
