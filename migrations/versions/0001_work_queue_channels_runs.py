"""work queue, channels, runs"""

import sqlalchemy as sa
from alembic import op

import integration.clock

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _access_token()
    _rate_bucket()
    _tenant()
    _sales_channel()
    _tenant_fact()
    _channel_fact()
    _channel_parameter()
    _lane()
    _listing()
    _sync_run()
    _transfer_toggle()
    _sync_cursor()
    _work_item()
    _work_item_indexes()


def _access_token() -> None:
    op.create_table(
        "access_token",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("renew_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("expires_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("renewing_until", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_access_token")),
    )


def _rate_bucket() -> None:
    op.create_table(
        "rate_bucket",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("filled_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.Column("paused_until", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_bucket")),
    )


def _tenant() -> None:
    op.create_table(
        "tenant",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subdomain", sa.String(length=63), nullable=False),
        sa.Column("offline_token", sa.Text(), nullable=True),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.Column("created_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("subdomain", name=op.f("uq_tenant_subdomain")),
    )


def _sales_channel() -> None:
    op.create_table(
        "sales_channel",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("erp_id", sa.String(length=40), nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("paused_until", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.Column("created_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenant.id"],
            name=op.f("fk_sales_channel_tenant_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_channel")),
        sa.UniqueConstraint("tenant_id", "erp_id", name=op.f("uq_sales_channel_tenant_id_erp_id")),
    )


def _tenant_fact() -> None:
    op.create_table(
        "tenant_fact",
        sa.Column(
            "tenant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("learnt_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_tenant_fact_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "name", name=op.f("pk_tenant_fact")),
    )


def _channel_fact() -> None:
    op.create_table(
        "channel_fact",
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("learnt_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_channel_fact_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("channel_id", "name", name=op.f("pk_channel_fact")),
    )


def _channel_parameter() -> None:
    op.create_table(
        "channel_parameter",
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_channel_parameter_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("channel_id", "key", name=op.f("pk_channel_parameter")),
    )


def _lane() -> None:
    op.create_table(
        "lane",
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("round_started_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("served_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_lane_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("channel_id", "topic", name=op.f("pk_lane")),
    )


def _listing() -> None:
    op.create_table(
        "listing",
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("article_id", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=120), nullable=False),
        sa.Column("number", sa.String(length=255), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("was_adopted", sa.Boolean(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_listing_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("channel_id", "article_id", name=op.f("pk_listing")),
    )

    with op.batch_alter_table("listing", schema=None) as batch_op:
        batch_op.create_index("ix_listing_number", ["channel_id", "number"], unique=False)


def _sync_run() -> None:
    op.create_table(
        "sync_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("unique_key", sa.String(length=120), nullable=True),
        sa.Column("topics", sa.String(length=80), nullable=False),
        sa.Column("is_forced", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("due_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.Column("started_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("driver", sa.String(length=32), nullable=True),
        sa.Column("driver_until", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("pushed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_sync_run_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_run")),
        sa.UniqueConstraint("unique_key", name=op.f("uq_sync_run_unique_key")),
    )

    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.create_index("ix_sync_run_state", ["state"], unique=False)


def _transfer_toggle() -> None:
    op.create_table(
        "transfer_toggle",
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_transfer_toggle_channel_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("channel_id", "topic", name=op.f("pk_transfer_toggle")),
    )


def _sync_cursor() -> None:
    op.create_table(
        "sync_cursor",
        sa.Column(
            "sync_run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("position", sa.String(length=80), nullable=False),
        sa.Column("moved_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["sync_run_id"],
            ["sync_run.id"],
            name=op.f("fk_sync_cursor_sync_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sync_run_id", name=op.f("pk_sync_cursor")),
    )


def _work_item() -> None:
    op.create_table(
        "work_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "channel_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("claimed_generation", sa.Integer(), nullable=True),
        sa.Column("claim_id", sa.String(length=32), nullable=True),
        sa.Column("holder", sa.String(length=32), nullable=True),
        sa.Column("lease_until", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("due_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("error_class", sa.String(length=60), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.String(length=12), nullable=True),
        sa.Column("hold_reason", sa.String(length=120), nullable=True),
        sa.Column("first_unsent_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("next_unsent_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("last_event_at", integration.clock.UtcDateTime(timezone=True), nullable=False),
        sa.Column("pushed_hash", sa.String(length=64), nullable=True),
        sa.Column("pushed_at", integration.clock.UtcDateTime(timezone=True), nullable=True),
        sa.Column("skip_reason", sa.String(length=60), nullable=True),
        sa.Column(
            "sync_run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["sales_channel.id"],
            name=op.f("fk_work_item_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["sync_run_id"],
            ["sync_run.id"],
            name=op.f("fk_work_item_sync_run_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_item")),
        sa.UniqueConstraint(
            "channel_id", "topic", "entity_id", name=op.f("uq_work_item_channel_id_topic_entity_id")
        ),
    )


def _work_item_indexes() -> None:
    with op.batch_alter_table("work_item", schema=None) as batch_op:
        batch_op.create_index(
            "ix_work_item_claimable",
            ["channel_id", "topic", "priority", "due_at", "id"],
            unique=False,
            postgresql_where=sa.text("state = 'QUEUED' AND hold_reason IS NULL"),
            sqlite_where=sa.text("state = 'QUEUED' AND hold_reason IS NULL"),
        )
        batch_op.create_index(
            "ix_work_item_claimed",
            ["claim_id"],
            unique=False,
            postgresql_where=sa.text("state = 'PROCESSING'"),
            sqlite_where=sa.text("state = 'PROCESSING'"),
        )
        batch_op.create_index(
            "ix_work_item_open",
            ["channel_id", "topic", "state"],
            unique=False,
            postgresql_where=sa.text("state <> 'COMPLETED'"),
            sqlite_where=sa.text("state <> 'COMPLETED'"),
        )
        batch_op.create_index("ix_work_item_run", ["sync_run_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("work_item", schema=None) as batch_op:
        batch_op.drop_index("ix_work_item_run")
        batch_op.drop_index(
            "ix_work_item_open",
            postgresql_where=sa.text("state <> 'COMPLETED'"),
            sqlite_where=sa.text("state <> 'COMPLETED'"),
        )
        batch_op.drop_index(
            "ix_work_item_claimed",
            postgresql_where=sa.text("state = 'PROCESSING'"),
            sqlite_where=sa.text("state = 'PROCESSING'"),
        )
        batch_op.drop_index(
            "ix_work_item_claimable",
            postgresql_where=sa.text("state = 'QUEUED' AND hold_reason IS NULL"),
            sqlite_where=sa.text("state = 'QUEUED' AND hold_reason IS NULL"),
        )

    op.drop_table("work_item")
    op.drop_table("sync_cursor")
    op.drop_table("transfer_toggle")
    with op.batch_alter_table("sync_run", schema=None) as batch_op:
        batch_op.drop_index("ix_sync_run_state")

    op.drop_table("sync_run")
    with op.batch_alter_table("listing", schema=None) as batch_op:
        batch_op.drop_index("ix_listing_number")

    op.drop_table("listing")
    op.drop_table("lane")
    op.drop_table("channel_parameter")
    op.drop_table("channel_fact")
    op.drop_table("tenant_fact")
    op.drop_table("sales_channel")
    op.drop_table("tenant")
    op.drop_table("rate_bucket")
    op.drop_table("access_token")
