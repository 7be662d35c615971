"""`vario_relay` is what a connector needs, whoever wrote it: ours get along with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from configparser import ConfigParser
from importlib import import_module

import pytest

import vario_relay
from integration.connectors import registry
from integration.connectors.base import Platform
from tests.architecture.source import ROOT, Module, is_module, is_within, modules
from tests.architecture.test_imports import CONNECTOR_INTERFACE, connector_folders

# All that they define is the interface; of the other modules of it, what a connector needs.
WHOLE = (
    "integration.connectors.base",
    "integration.connectors.besides",
    "integration.documents",
)


def taken(module: Module, own: str) -> Iterator[tuple[str, str]]:
    """(module, name) of all that a file takes from the product outside its folder.

    `http.send` of an imported module counts as its name `send`.
    """
    imported: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ImportFrom) or not is_within(node.module, "integration"):
            continue
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            if is_module(whole):
                imported[alias.asname or alias.name] = whole
            elif not is_within(node.module, own):
                yield node.module, alias.name
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            whole = imported.get(node.value.id)
            if whole is not None and not is_within(whole, own):
                yield whole, node.attr


def public_names(module: str) -> list[str]:
    """What a module defines itself, without what it imports."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
    found = []
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [one.id for one in node.targets if isinstance(one, ast.Name)]
    return [name for name in found if not name.startswith("_")]


@pytest.mark.parametrize("platform", connector_folders())
def test_what_a_connector_of_ours_takes_is_there_for_every_package(platform):
    own = f"integration.connectors.{platform}"
    pairs = {pair for module in modules(own.replace(".", "/")) for pair in taken(module, own)}

    assert len(pairs) > 10
    assert {module for module, _name in pairs} <= set(CONNECTOR_INTERFACE)
    assert sorted(name for _module, name in pairs if name not in vario_relay.__all__) == []
    for module, name in pairs:
        assert getattr(vario_relay, name) is getattr(import_module(module), name), name


@pytest.mark.parametrize("module", WHOLE)
def test_the_whole_interface_is_there(module):
    names = public_names(module)

    assert len(names) > 4
    assert [name for name in names if name not in vario_relay.__all__] == []


def test_it_names_what_it_gives_out_and_defines_nothing_but_the_version():
    (module,) = modules("vario_relay/__init__.py")
    imported = [
        alias.asname or alias.name
        for node in module.tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]

    assert sorted(vario_relay.__all__) == sorted([*imported, "__version__"])
    assert public_names("vario_relay.__init__") == []
    assert module.imports - {"integration"} <= {*CONNECTOR_INTERFACE, "integration.connectors"}


def test_the_folders_of_connectors_are_the_platforms_that_are_declared():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    declared = dict(
        line.split(" = ") for line in setup["options.entry_points"][registry.GROUP].split("\n")[1:]
    )

    assert sorted(declared) == connector_folders()
    for name, value in declared.items():
        module, _colon, attribute = value.partition(":")
        found = getattr(import_module(module), attribute)
        assert isinstance(found, Platform)
        assert found.name == name
