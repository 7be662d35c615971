"""Runs migrations on the engine it is given; integration.schema builds the configuration."""

from alembic import context

from integration.models import Base

engine = context.config.attributes["engine"]

# One transaction for all of them, begun before the revision is looked at: left to Alembic, SQLite
# gets one for each, and another process comes in between with what it saw before.
with engine.connect() as connection, connection.begin():
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
        # SQLite cannot alter a table in place; Alembic then copies it.
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()
