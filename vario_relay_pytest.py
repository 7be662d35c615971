"""Lets pytest know the options of the conformance kit, when it is the kit that it is to run.

pytest reads no conftest.py of what ``--pyargs`` names before it reads its options, so that they
have to come from an installed plugin. Every pytest of the environment loads this file: it imports
nothing, and does nothing unless ``vario_relay.testing`` is among the arguments.
"""

KIT = "vario_relay.testing"


def pytest_load_initial_conftests(early_config, args):
    """Register the kit's own plugin, whose options pytest then adds to those that it parses."""
    if any(KIT in arg.replace("/", ".") for arg in args):
        early_config.pluginmanager.import_plugin(f"{KIT}.options")
