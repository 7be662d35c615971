"""Who may import whom, held on every file of the project, imports inside functions included."""

import sys

import pytest

from tests.architecture.source import PACKAGES, ROOT, Module, is_within, modules, product

# What a package must not import, of our own packages and of the frameworks.
FORBIDDEN = {
    "integration": (
        "celery",
        "kombu",
        "flask",
        "tasks",
        "webhooks",
        "cli",
        "sandbox",
        "migrations",
        "vario_relay",
    ),
    "tasks": ("flask", "webhooks", "cli", "sandbox", "migrations", "vario_relay"),
    "webhooks": ("celery", "kombu", "cli", "sandbox", "migrations", "vario_relay"),
    "migrations": ("celery", "kombu", "flask", "tasks", "webhooks", "cli", "sandbox"),
    # For connectors of other packages: it gives out the interface and adds nothing.
    "vario_relay": (
        "celery",
        "kombu",
        "flask",
        "tasks",
        "webhooks",
        "migrations",
        "cli",
        "sandbox",
    ),
    # A sandbox that shares our code shares our mistakes.
    "sandbox": (
        "integration",
        "tasks",
        "webhooks",
        "migrations",
        "cli",
        "celeryconfig",
        "celery",
        "kombu",
    ),
}
# Nothing that reaches a database or a network, however many imports away.
PURE = (
    "integration/brake_rules.py",
    "integration/breaker.py",
    "integration/token_bucket.py",
    "integration/documents.py",
    "integration/errors.py",
    "integration/mapping_kinds.py",
    "integration/retry.py",
    "integration/reconciliation/compare.py",
    "integration/reconciliation/wording.py",
    "integration/topics",
)
IMPURE = ("sqlalchemy", "requests", "integration.db", "psycopg2", "socket", "urllib.request")
# What every connector may use besides its own folder.
CONNECTOR_INTERFACE = (
    "integration.connectors.base",
    "integration.connectors.batches",
    "integration.connectors.besides",
    "integration.connectors.files",
    "integration.connectors.http",
    "integration.documents",
    "integration.errors",
    "integration.mapping_kinds",
    "integration.topology",
    "integration.wire",
)
OWN = (*PACKAGES, "celeryconfig")
#: What the conformance kit is made with, besides what a connector has.
KIT_LIBRARIES = ("pytest", "requests", "urllib3")


def offences(module: Module, forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{module.file} imports {name}"
        for name in sorted(module.imports)
        if any(is_within(name, package) for package in forbidden)
    ]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_only_what_its_row_of_the_table_allows(package):
    found = [line for module in modules(package) for line in offences(module, FORBIDDEN[package])]

    assert found == []


def test_webhooks_use_of_tasks_is_the_nudge_alone():
    imported = {name for module in modules("webhooks") for name in module.imports}
    used = {name for name in imported if is_within(name, "tasks")}

    # `from tasks import wake` shows as both; "tasks" alone is something of the package itself.
    assert used in ({"tasks.wake"}, {"tasks", "tasks.wake"})


def test_nobody_imports_the_command_line():
    found = [
        line
        for module in product()
        if not module.file.startswith("cli/")
        for line in offences(module, ("cli",))
    ]

    assert found == []


def test_celeryconfig_imports_only_settings_and_topology_of_ours_and_no_framework():
    (module,) = modules("celeryconfig.py")
    ours = {name for name in module.imports if any(is_within(name, package) for package in OWN)}

    assert ours <= {"integration", "integration.settings", "integration.topology"}
    assert offences(module, ("celery", "kombu", "flask")) == []


@pytest.mark.parametrize("where", PURE)
def test_a_pure_module_reaches_neither_database_nor_network(where):
    path = ROOT / where
    assert modules(where) or not path.parent.exists(), f"{where} is gone: rename it here too"

    found = [line for module in modules(where) for line in impurities(module)]

    assert found == []


def impurities(module: Module) -> list[str]:
    """The chains of imports by which a module reaches something impure, up to the first such."""
    found, seen, stack = [], {module.name}, [(module, module.name)]
    while stack:
        current, chain = stack.pop()
        impure = [n for n in sorted(current.imports) if any(is_within(n, p) for p in IMPURE)]
        if impure:
            found.append(f"{chain} -> {impure[0]}")
            continue
        for name in current.imports - seen:
            if is_within(name, "integration"):
                seen.add(name)
                stack += [(ours, f"{chain} -> {name}") for ours in _files(name)]
    return found


def _files(name: str) -> list[Module]:
    path = ROOT.joinpath(*name.split("."))
    return [
        Module(file) for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()
    ]


@pytest.mark.parametrize("module", modules("vario_relay/testing"), ids=lambda one: one.file)
def test_the_conformance_kit_knows_what_every_connector_may_know(module):
    allowed = (*sys.stdlib_module_names, *KIT_LIBRARIES, "vario_relay")

    assert [name for name in sorted(module.imports) if name.split(".")[0] not in allowed] == []


def test_what_every_pytest_of_an_environment_loads_imports_nothing():
    (plugin,) = modules("vario_relay_pytest.py")

    assert plugin.imports == frozenset()


def connector_folders() -> list[str]:
    folder = ROOT / "integration" / "connectors"
    return sorted(path.name for path in folder.iterdir() if (path / "__init__.py").exists())


@pytest.mark.parametrize("platform", connector_folders())
def test_a_connector_knows_the_interface_and_its_own_folder(platform):
    allowed = (*CONNECTOR_INTERFACE, f"integration.connectors.{platform}")
    found = [
        f"{module.file} imports {name}"
        for module in modules(f"integration/connectors/{platform}")
        for name in sorted(module.imports)
        if is_within(name, "integration")
        and name not in ("integration", "integration.connectors")
        and not any(is_within(name, package) for package in allowed)
    ]

    assert found == []
