"""`vario-relay db`: the schema, without any key."""

import json

from sqlalchemy import text

from cli.shared import Here


def test_upgrade_needs_no_secret_key(run, environ):
    for name in list(environ):
        if name != "RELAY_DATABASE_URL":
            del environ[name]

    first = run("db", "upgrade")
    second = run("db", "upgrade")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stderr.startswith("the database is at ")
    assert second.stderr.endswith(" already\n")


def test_current_shows_what_is_there_and_what_is_needed(run):
    empty = json.loads(run("db", "current", "--json").stdout)
    run("db", "upgrade")
    current = json.loads(run("db", "current", "--json").stdout)

    assert empty == {"current": None, "needed": current["needed"], "is_current": False}
    assert current == {
        "current": current["needed"],
        "needed": current["needed"],
        "is_current": True,
    }
    assert run("db", "current").stdout.startswith(f"at {current['needed']}")


def test_a_schema_of_a_newer_version_is_left_alone(run, environ):
    run("db", "upgrade")
    with Here(environ).engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    result = run("db", "upgrade")

    assert result.exit_code == 2
    assert "the database schema is too new (at 9999" in result.stderr
    assert json.loads(run("db", "current", "--json").stdout)["current"] == "9999"


def test_a_copy_says_what_it_carried_over(run, tenant, runtime, environ, tmp_path):
    runtime.engine.dispose()
    old = tmp_path / "relay.db"
    environ["RELAY_DATABASE_URL"] = f"sqlite:///{tmp_path}/new.db"
    assert run("db", "upgrade").exit_code == 0

    result = run("db", "copy", "--from", str(old))
    again = run("db", "copy", "--from", str(old), "--json")

    assert result.exit_code == 0, result.stderr
    assert f"copied from {old}: 1 tenant; start the service on the new one" in result.stderr
    assert "acme" in run("tenant", "list").stdout
    assert again.exit_code == 2
    assert "is not empty (tenant)" in again.stderr
