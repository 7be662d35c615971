"""Two starts at once must not migrate one database twice."""

from sqlalchemy import event

from cli.database import upgrade_schema
from integration.db import build_engine
from tests.acceptance import template
from tests.acceptance.template import ROOT
from tests.integration.support import together


def test_upgrades_at_once_all_succeed(bare_database_url, clean_environ):
    environ = clean_environ | {"RELAY_DATABASE_URL": bare_database_url}

    ended = together([lambda: template.run("cli.main", ["db", "upgrade"], ROOT, environ)] * 4)

    assert [one.returncode for one in ended] == [0, 0, 0, 0], ended


def test_all_migrations_are_one_transaction(bare_database_url):
    """Or whoever waits for the lock goes on between two of them, from what it saw before."""
    engine = build_engine(bare_database_url)
    commits = []
    event.listen(engine, "commit", commits.append)

    upgrade_schema(engine)

    assert len(commits) == 1
    engine.dispose()
