"""A platform that cannot be loaded stops its own channels and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from integration import served, stages
from integration.errors import ChannelError
from integration.models import Priority, SalesChannel, WorkItem
from integration.runtime import Runtime
from integration.settings import from_env
from integration.toggles import SERVED_TOPICS
from integration.topology import QUEUES, Topic
from integration.vault import new_key
from tasks import dispatch
from tasks.app import app
from tests.claims import claim_due
from tests.integration.support import Database, open_database
from tests.packages import install

SENTENCE = (
    "platform bad of the package bad-relay cannot be loaded from bad_relay:PLATFORM "
    "(ModuleNotFoundError: No module named 'nowhere'); install a version of the package that "
    "fits, and restart the service"
)


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    """Nothing here depends on the kind of database."""
    database = open_database(sqlite_url)
    yield database
    database.engine.dispose()


@pytest.fixture
def runtime(database: Database, sqlite_url: str) -> Runtime:
    environ = {"RELAY_SECRET_KEY": new_key(), "RELAY_DATABASE_URL": sqlite_url}
    return Runtime(from_env(environ), database.engine)


@pytest.fixture
def bad_channel(database: Database, site: Path) -> int:
    """A channel of a package whose import fails; stock is due for it and for another channel."""
    install(site, "bad-relay", {"bad": "bad_relay:PLATFORM"}, {"bad_relay": "import nowhere"})
    channel_id = database.add_channel("43")
    with database.scope() as session:
        session.get_one(SalesChannel, channel_id).platform = "bad"
    database.hint(Topic.STOCK, "1", channel=channel_id)
    database.hint(Topic.STOCK, "1")
    return channel_id


@pytest.fixture
def _broker_in_memory() -> Iterator[None]:
    """What is sent stays in this process, and is taken away again."""
    assert app.conf.broker_url == "memory://"
    yield
    with app.connection_for_write() as connection:
        for queue in QUEUES:
            app.amqp.queues[queue.value].bind(connection.default_channel).purge()


def seen(database: Database, channel_id: int) -> tuple[str | None, str, int]:
    """Why the channel is held, and state and attempts of its stock."""
    with database.scope() as session:
        held = session.get_one(SalesChannel, channel_id).held_reason
        row = session.scalars(select(WorkItem).where(WorkItem.channel_id == channel_id)).one()
        return held, row.state, row.attempts


@pytest.mark.usefixtures("_broker_in_memory")
def test_dispatch_holds_its_channel_and_sends_what_others_have(database, runtime, bad_channel):
    assert dispatch.dispatch(runtime) == 1

    assert seen(database, bad_channel) == (SENTENCE, "QUEUED", 0)
    assert seen(database, database.channel) == (None, "PROCESSING", 0)


def test_a_worker_that_lacks_it_holds_the_channel_and_costs_no_attempt(
    database, runtime, bad_channel
):
    with database.scope() as session:
        claim_id = claim_due(
            session, bad_channel, Topic.STOCK, priority=Priority.LIVE, limit=100, lease_s=60
        )

    with pytest.raises(ChannelError, match="cannot be loaded"):
        stages.transform(runtime, {"claim": claim_id, "rows": {"1": None}})

    assert seen(database, bad_channel) == (SENTENCE, "QUEUED", 0)


def test_the_sweep_passes_over_it(database, runtime, bad_channel):
    with runtime.scope() as session:
        served.follow(session, SERVED_TOPICS)

    assert seen(database, bad_channel) == (None, "QUEUED", 0)
