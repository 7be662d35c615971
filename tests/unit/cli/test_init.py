"""`vario-relay init`: the first command of a new installation."""

import os
import stat

import pytest
from dotenv import dotenv_values

from integration.settings import SETTING_NAMES, from_env
from integration.settings_help import SENTENCE_BY_SETTING, default_text
from integration.vault import Vault


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_a_key_that_works_and_leaves_the_rest_at_its_default(run, folder):
    result = run("init")

    assert result.exit_code == 0
    values = dotenv_values(folder / ".env")
    assert list(values) == ["RELAY_SECRET_KEY"]
    settings = from_env(values)
    assert Vault(settings.secret_keys).open(Vault(settings.secret_keys).seal("x")) == "x"


def test_every_key_is_fresh(run, folder):
    run("init")
    first = (folder / ".env").rename(folder / "first").read_text()
    run("init")

    assert (folder / ".env").read_text() != first


def test_only_the_owner_can_read_it_whatever_the_umask(run, folder):
    before = os.umask(0)
    try:
        run("init")
    finally:
        os.umask(before)

    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600


def test_every_setting_stands_there_with_its_default_switched_off(run, folder):
    run("init")

    text = (folder / ".env").read_text()
    for name in SETTING_NAMES:
        if name != "RELAY_SECRET_KEY":
            assert f"\n# {name}={default_text(name)}\n" in text


def test_the_defaults_that_it_shows_are_the_real_ones(run, folder):
    run("init")

    lines = (folder / ".env").read_text().splitlines()
    shown = dict(line[2:].split("=", 1) for line in lines if line.startswith("# RELAY_"))
    assert from_env(shown) == from_env({})


def test_an_existing_file_is_left_as_it_is(run, folder):
    (folder / ".env").write_text("RELAY_SECRET_KEY=precious\n")

    result = run("init")

    assert result.exit_code == 1
    assert result.stderr.startswith("vario-relay: .env exists and is left as it is")
    assert (folder / ".env").read_text() == "RELAY_SECRET_KEY=precious\n"


def test_every_setting_has_its_sentence():
    assert list(SENTENCE_BY_SETTING) == list(SETTING_NAMES)
    assert all(sentence.endswith(".") for sentence in SENTENCE_BY_SETTING.values())
