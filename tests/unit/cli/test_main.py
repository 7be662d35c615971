"""What holds for every command: one sentence, the right exit code, a quick start."""

import subprocess
import sys

import pytest

HEAVY = ("sqlalchemy", "celery", "flask", "requests", "cryptography", "rich", "sandbox")


def test_help_names_every_command(run):
    result = run("--help")

    assert result.exit_code == 0
    for name in ("init", "up", "doctor", "db", "secrets", "sandbox", "demo", "tenant", "channel"):
        assert f"\n  {name} " in result.stdout
    for name in ("toggle", "sync", "queue"):
        assert f"\n  {name} " in result.stdout


def test_nothing_heavy_is_loaded_for_help():
    code = f"import sys, cli.main; print([m for m in {HEAVY} if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["channel", "add"], "Missing argument 'ID'"),
        (["sync"], "Missing argument 'CHANNEL'"),
        (["toggle", "on", "42", "colour"], "there is no topic 'colour'"),
        (["queue", "status", "--max-age", "old"], "not a valid float"),
        (["sandbox", "shop", "--platform", "magento"], "no sandbox for platform 'magento'"),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_2(run, arguments, words):
    result = run(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("vario-relay: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


def test_a_group_without_a_command_shows_its_help_and_is_wrong_usage(run):
    result = run("channel")

    assert result.exit_code == 2
    assert "Usage: vario-relay channel" in result.stderr


def test_wrong_settings_are_named_together(run, environ):
    environ |= {"RELAY_PORT": "many", "RELAY_COLOUR": "red"}

    result = run("channel", "list")

    assert result.exit_code == 2
    assert "RELAY_PORT" in result.stderr
    assert "RELAY_COLOUR" in result.stderr


@pytest.mark.parametrize(
    "command",
    ["tenant list", "channel list", "queue status", "sync 1", "toggle list 1", "secrets rotate"],
)
def test_a_database_without_schema_says_what_to_run(run, command):
    result = run(*command.split())

    assert result.exit_code == 2
    assert "`vario-relay db upgrade`" in result.stderr


def test_a_database_that_is_away_is_a_failure_without_password(run, environ):
    environ["RELAY_DATABASE_URL"] = "postgresql://relay:hunter2@127.0.0.1:1/relay"

    result = run("queue", "status")

    assert result.exit_code == 1
    assert result.stderr.startswith("vario-relay: the database cannot be used: ")
    assert "hunter2" not in result.stderr


def test_an_unknown_channel_is_wrong_usage(run, runtime):
    result = run("channel", "show", "99")

    assert result.exit_code == 2
    assert "there is no sales channel 99; `vario-relay channel list` shows all" in result.stderr
