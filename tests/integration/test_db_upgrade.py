"""Two starts at once must not migrate one database twice."""

import subprocess
import sys

from sqlalchemy import event

from cli.database import upgrade_schema
from integration.db import build_engine


def test_upgrades_at_once_all_succeed(bare_database_url, clean_environ, tmp_path):
    environ = clean_environ | {"RELAY_DATABASE_URL": bare_database_url}
    command = [sys.executable, "-m", "cli.main", "db", "upgrade"]

    started = [
        subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    ended = [(process.communicate()[1], process.returncode) for process in started]

    assert [code for _, code in ended] == [0, 0, 0, 0], ended


def test_all_migrations_are_one_transaction(bare_database_url):
    """Or whoever waits for the lock goes on between two of them, from what it saw before."""
    engine = build_engine(bare_database_url)
    commits = []
    event.listen(engine, "commit", commits.append)

    upgrade_schema(engine)

    assert len(commits) == 1
    engine.dispose()
