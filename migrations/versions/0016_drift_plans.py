"""plans of reconciliation"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = integration.clock.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "drift_plan",
        sa.Column("id", _ID, nullable=False),
        sa.Column("channel_id", _ID, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("topics", sa.String(length=80), nullable=False),
        sa.Column("off_topics", sa.String(length=80), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("made_at", _TIME, nullable=True),
        sa.Column("applied_at", _TIME, nullable=True),
        sa.Column("articles", sa.Integer(), nullable=False),
        sa.Column("products", sa.Integer(), nullable=False),
        sa.Column("on_its_way", sa.JSON(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_drift_plan_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift_plan")),
    )
    op.create_index("ix_drift_plan_channel", "drift_plan", ["channel_id", "id"])
    op.create_table(
        "drift",
        sa.Column("id", _ID, nullable=False),
        sa.Column("plan_id", _ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("article_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("field", sa.String(length=40), nullable=True),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.Column("is_edited", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["drift_plan.id"], name=op.f("fk_drift_plan_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drift")),
    )
    op.create_index("ix_drift_plan", "drift", ["plan_id", "state", "id"])


def downgrade() -> None:
    op.drop_table("drift")
    op.drop_table("drift_plan")
