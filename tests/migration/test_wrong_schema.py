"""Nothing starts on another version's schema: real processes of two versions, one database.

On SQLite alone: that both databases are asked the same is in test_migrations.
"""

from __future__ import annotations

import json
import shutil
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.server_processes import free_port
from cli.shared import Here
from integration import schema
from integration.vault import new_key
from tests.acceptance import template
from tests.architecture.source import PACKAGES, ROOT
from tests.integration.support import together

NEWER = "9001"
REVISION = f'''"""What the next version needs."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEWER}", "{schema.head()}"


def upgrade() -> None:
    op.add_column("tenant", sa.Column("note", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("tenant", "note")
'''
SERVICES = {
    "web": ("gunicorn", "--workers=1", "webhooks.app:create_app()"),
    "worker": ("celery", "-A", "tasks.app", "worker", "-Q", "live", "--pool=solo"),
    "up": ("cli.main", "up"),
}


pytestmark = pytest.mark.slow(10)


@dataclass(frozen=True)
class Version:
    """One version of the product, as processes run it on one database."""

    root: Path
    settings: dict[str, str]
    clean_environ: dict[str, str]

    @property
    def environ(self) -> dict[str, str]:
        return self.clean_environ | self.settings | {"PYTHONPATH": str(self.root)}

    def relay(self, *arguments: str) -> CompletedProcess[str]:
        """`vario-relay ARGUMENTS`, to its end."""
        with self.started():
            return self._run("cli.main", *arguments)

    def refusals(self) -> dict[str, str]:
        """What each service says on stderr while it refuses to start, by name."""
        with self.started():
            ended = together([partial(self._run, *words) for words in SERVICES.values()])
        assert all(one.returncode > 0 for one in ended), ended
        return {name: one.stderr for name, one in zip(SERVICES, ended, strict=True)}

    def started(self) -> AbstractContextManager[None]:
        """How processes start: the template has the modules of this version."""
        return nullcontext() if self.root == ROOT else template.used(None)

    def _run(self, module: str, *arguments: str) -> CompletedProcess[str]:
        return template.run(module, arguments, self.root, self.environ)


@pytest.fixture(scope="module")
def newer_root(tmp_path_factory) -> Path:
    """A checkout of the next version: this one, and one more revision."""
    root = tmp_path_factory.mktemp("newer")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, root / name)
    for name in ("celeryconfig.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, root)
    (root / "migrations" / "versions" / f"{NEWER}_note.py").write_text(REVISION)
    return root


@pytest.fixture
def versions(bare_sqlite_url, clean_environ, newer_root) -> tuple[Version, Version]:
    """(this version, the next one)"""
    settings = {
        "RELAY_DATABASE_URL": bare_sqlite_url,
        "RELAY_SECRET_KEY": new_key(),
        "RELAY_PORT": str(free_port()),
    }

    return tuple(Version(root, settings, clean_environ) for root in (ROOT, newer_root))


def here(this: Version, *arguments: str) -> Result:
    """A command of this version in this process: starting one costs a second of imports."""
    return CliRunner().invoke(main, arguments, obj=Here(this.settings))


def test_the_next_version_refuses_the_old_schema_until_it_is_upgraded(versions):
    this, newer = versions
    assert here(this, "db", "upgrade").exit_code == 0

    said = newer.refusals()

    for name, words in said.items():
        assert (
            f"the database schema is too old (at {schema.head()}, needed {NEWER}); "
            "run `vario-relay db upgrade`"
        ) in words, (name, words)
    assert newer.relay("db", "upgrade").returncode == 0
    assert newer.relay("channel", "list").returncode == 0


def test_this_version_refuses_the_schema_of_the_next_one(versions):
    this, newer = versions
    assert newer.relay("db", "upgrade").returncode == 0

    said = this.refusals()

    for name, words in said.items():
        assert (
            f"the database schema is too new (at {NEWER}, this version needs {schema.head()}); "
            "install the newer vario-relay that wrote it, `vario-relay db current` shows both"
        ) in words, (name, words)
    shown = json.loads(here(this, "db", "current", "--json").stdout)
    assert shown == {"current": NEWER, "needed": schema.head(), "is_current": False}
    assert here(this, "db", "upgrade").exit_code == 2
