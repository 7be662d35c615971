"""The command in this process, on a SQLite database of the test alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import jwt
import pytest
import responses
from click.testing import CliRunner, Result

from cli.main import main
from cli.shared import Here
from integration.runtime import Runtime
from integration.vault import new_key
from tests.quick_schema import migrate

Run = Callable[..., Result]


@pytest.fixture
def environ(bare_sqlite_url) -> dict[str, str]:
    """A complete set of settings; a test may change it before it runs anything."""
    return {
        "RELAY_DATABASE_URL": bare_sqlite_url,
        "RELAY_SECRET_KEY": new_key(),
        "RELAY_APP_IDENTIFIER": "6f0c1f2d-5a53-4d5f-8a31-9b0f6c1f2d10",
        "RELAY_CLIENT_ID": "app-1",
        "RELAY_CLIENT_SECRET": "the-client-secret",
    }


@pytest.fixture
def internet() -> Iterator[responses.RequestsMock]:
    """ERP and shop as the test queues their answers; whatever else is asked is away."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def run(environ, internet) -> Run:
    """`vario-relay` with these arguments; `stdin` is what it reads from standard input."""

    def run_command(*arguments: str, stdin: str | None = None) -> Result:
        here = Here(environ)
        result = CliRunner().invoke(
            main, list(arguments), input=stdin, obj=here, prog_name="vario-relay"
        )
        if "engine" in vars(here):
            here.engine.dispose()  # as the end of a command's process closes its connections
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run_command


@pytest.fixture
def runtime(environ) -> Runtime:
    """What the command works with, on a migrated database."""
    here = Here(environ)
    migrate(here.engine)
    return here.runtime


@pytest.fixture
def offline_token() -> Callable[..., str]:
    def make(**claims: str) -> str:
        standard = {"iss": "https://sso.vario.cloud/realms/acme", "azp": "app-1", "typ": "Offline"}
        key = "a key that nobody here knows, 32 bytes"
        return jwt.encode({**standard, **claims}, key, "HS256")

    return make


@pytest.fixture
def tenant(run, runtime, offline_token) -> str:
    """A tenant that was added by command."""
    result = run("tenant", "add", "acme", "--offline-token", "-", stdin=offline_token())
    assert result.exit_code == 0, result.stderr
    return "acme"


@pytest.fixture
def shopware_channel(run, tenant) -> str:
    result = run("channel", "add", "42", "--tenant", tenant, "--platform", "shopware6")
    assert result.exit_code == 0, result.stderr
    return "42"


@pytest.fixture
def channel(run, tenant) -> str:
    """A channel of a platform without parameters."""
    result = run("channel", "add", "7", "--tenant", tenant, "--platform", "memory")
    assert result.exit_code == 0, result.stderr
    return "7"
