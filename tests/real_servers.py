"""Empty databases, empty tables and empty queues on the servers that `tests.run` started."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import NullPool, create_engine, make_url, text

from integration.models import Base


@contextmanager
def empty_database(server_url: str | None = None) -> Iterator[str]:
    """The address of a Postgres database of our own, dropped at the end.

    `server_url`: another server than that of the tests.
    """
    admin = make_url(server_url or os.environ["RELAY_TEST_POSTGRES_URL"])
    name = f"relay_{uuid.uuid4().hex[:12]}"
    engine = create_engine(admin, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        # Half the time of the default, which spares checkpoints that cost nothing without fsync.
        has_strategies = connection.dialect.server_version_info >= (15,)
        strategy = "STRATEGY = FILE_COPY" if has_strategies else ""
        connection.execute(text(f"CREATE DATABASE {name} {strategy}"))
        yield admin.set(database=name).render_as_string(hide_password=False)
        # FORCE: a worker process that outlives its test must not keep the database.
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def empty_tables(url: str) -> None:
    """Take every row out of our tables in this Postgres; ids begin at 1 again.

    Sessions that another test left are ended: a lock of theirs would be waited for. Deleting is a
    hundred times as fast as TRUNCATE, which makes new files for tables of a few rows.
    """
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    tables = [table.name for table in reversed(Base.metadata.sorted_tables)]
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        sequences = connection.scalars(
            text("SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL")
        )
        statements = [f"DELETE FROM {name}" for name in tables]
        statements += [f"ALTER SEQUENCE {name} RESTART" for name in sequences]
        connection.execute(text("; ".join(statements)))


def empty_broker(worker_name: str) -> str:
    """The address of RabbitMQ, our queues gone; under xdist the virtual host of that worker."""
    url = os.environ["RELAY_TEST_BROKER_URL"]
    if worker_name != "main":
        vhosts = os.environ.get("RELAY_TEST_BROKER_VHOSTS", "").split(",")
        assert worker_name in vhosts, f"virtual hosts exist for {vhosts}; use no more -n"
        url = f"{url.rstrip('/')}/{worker_name}"
    remove_queues(url)
    return url


def remove_queues(url: str) -> None:
    """Take our queues, with what is in them, out of this RabbitMQ."""
    from kombu import Connection

    from integration.topology import QUEUES

    with Connection(url) as connection, connection.channel() as channel:
        for queue in QUEUES:
            channel.queue_delete(str(queue))
