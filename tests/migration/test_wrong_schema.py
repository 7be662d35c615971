"""Nothing starts on another version's schema: real processes of two versions, one database.

On SQLite alone: that both databases are asked the same is in test_migrations.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.server_processes import free_port
from cli.shared import Here
from integration import schema
from integration.vault import new_key
from tests.architecture.source import PACKAGES, ROOT

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
PYTHON = sys.executable
SERVICES = {
    "web": [PYTHON, "-m", "gunicorn", "--workers=1", "webhooks.app:create_app()"],
    "worker": [PYTHON, "-m", "celery", "-A", "tasks.app", "worker", "-Q", "live", "--pool=solo"],
    "up": [PYTHON, "-m", "cli.main", "up"],
}
#: A start takes seconds; on a busy machine many.
PATIENCE_S = 120


pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Version:
    """One version of the product, as processes run it on one database."""

    root: Path
    settings: dict[str, str]
    clean_environ: dict[str, str]

    @property
    def environ(self) -> dict[str, str]:
        return self.clean_environ | self.settings | {"PYTHONPATH": str(self.root)}

    def relay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`vario-relay ARGUMENTS`, to its end."""
        return subprocess.run(
            [PYTHON, "-m", "cli.main", *arguments],
            cwd=self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def refusals(self) -> dict[str, str]:
        """What each service says on stderr while it refuses to start, by name."""
        started = {
            name: subprocess.Popen(
                command, cwd=self.root, env=self.environ, stderr=subprocess.PIPE, text=True
            )
            for name, command in SERVICES.items()
        }
        try:
            said = {
                name: process.communicate(timeout=PATIENCE_S)[1]
                for name, process in started.items()
            }
        finally:
            for process in started.values():
                process.kill()
                process.wait()
        assert all(process.returncode > 0 for process in started.values()), said
        return said


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
