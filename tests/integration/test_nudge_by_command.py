"""A command that lets changes go tells the workers, before its process ends."""

import os
from pathlib import Path

from kombu import Connection

from integration import hints
from integration.topology import TASK_DISPATCH, Queue, Topic
from integration.vault import new_key
from tests.acceptance import template
from tests.integration.support import open_database

ROOT = Path(__file__).resolve().parents[2]


def test_what_waited_for_a_mapping_is_dispatched_at_once(sqlite_url, broker_url, tmp_path):
    database = open_database(sqlite_url)
    with database.scope() as session:
        hints.hint(session, database.channel, Topic.ARTICLE, ["1"])
    database.change(hold_reason="mapping:unit:lb")
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "RELAY_DATABASE_URL": sqlite_url,
        "RELAY_BROKER_URL": broker_url,
        "RELAY_SECRET_KEY": new_key(),
    }
    words = ["mapping", "set", "42", "unit", "lb", "0.45359237", "--unchecked"]

    done = template.run("cli.main", words, tmp_path, environ)

    assert done.returncode == 0, done.stderr
    with Connection(broker_url) as connection, connection.channel() as channel:
        message = channel.basic_get(Queue.CONTROL.value, no_ack=True)
    assert message.headers["task"] == TASK_DISPATCH
    assert database.row(Topic.ARTICLE, "1").hold_reason is None
    database.engine.dispose()
