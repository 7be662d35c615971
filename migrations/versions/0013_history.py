"""the history of entities"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TIME = integration.clock.UtcDateTime(timezone=True)
_ENDS = sa.text("began_at IS NOT NULL")


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_channel(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["channel_id"],
        ["sales_channel.id"],
        name=op.f(f"fk_{table}_channel_id"),
        ondelete="CASCADE",
    )


def upgrade() -> None:
    # Neither rewrites the table: the default is a constant.
    op.add_column(
        "work_item", sa.Column("events", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column("work_item", sa.Column("hinted_by", sa.String(length=80), nullable=True))
    op.create_table(
        "history_entry",
        sa.Column("id", _id(), nullable=False),
        sa.Column("channel_id", _id(), nullable=False),
        sa.Column("entity_id", sa.String(length=40), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("last_event_at", _TIME, nullable=True),
        sa.Column("hinted_by", sa.String(length=80), nullable=True),
        sa.Column("began_at", _TIME, nullable=True),
        sa.Column("content_hash", sa.String(length=64), nullable=True),
        sa.Column("is_in_doubt", sa.Boolean(), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=True),
        sa.Column("person", sa.String(length=80), nullable=True),
        sa.Column("batch_id", _id(), nullable=True),
        _of_channel("history_entry"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_entry")),
    )
    op.create_index("ix_history_entry_of", "history_entry", ["channel_id", "entity_id", "at"])
    op.create_index(
        "ix_history_entry_ended",
        "history_entry",
        ["channel_id", "began_at"],
        postgresql_where=_ENDS,
        sqlite_where=_ENDS,
    )
    op.create_table(
        "history_batch",
        sa.Column("id", _id(), nullable=False),
        sa.Column("channel_id", _id(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("fetched_at", _TIME, nullable=True),
        sa.Column("fetched", sa.String(length=300), nullable=True),
        _of_channel("history_batch"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_batch")),
    )
    op.create_index("ix_history_batch_channel", "history_batch", ["channel_id"])
    op.create_table(
        "history_content",
        sa.Column("batch_id", _id(), autoincrement=False, nullable=False),
        sa.Column("channel_id", _id(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        _of_channel("history_content"),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_history_content")),
    )
    op.create_index("ix_history_content_channel", "history_content", ["channel_id"])


def downgrade() -> None:
    op.drop_table("history_content")
    op.drop_table("history_batch")
    op.drop_table("history_entry")
    op.drop_column("work_item", "hinted_by")
    op.drop_column("work_item", "events")
