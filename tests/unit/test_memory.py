"""Programs look for garbage seldom."""

import gc

import pytest
from click.testing import CliRunner

from cli.main import main
from integration.memory import NEW_OBJECTS


@pytest.fixture
def pythons_own():
    before = gc.get_threshold()
    gc.set_threshold(700)
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("pythons_own")
def test_a_command_begins_with_it():
    CliRunner().invoke(main, ["--version"])

    assert gc.get_threshold()[0] == NEW_OBJECTS
