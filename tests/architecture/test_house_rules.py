"""Rules of style that a syntax tree can prove."""

import ast
import re

import pytest

from integration import db
from tests.architecture.source import Module, functions, modules, product

MODULE_LINES = 400
FUNCTION_LINES = 60
# The parts that run in a worker or a request.
SERVICE = ("integration", "tasks", "webhooks")
LEFT_FOR_LATER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
# A broad except that swallows says why on its line, behind the word that satisfies ruff.
JUSTIFIED = re.compile(r"# noqa: BLE001\W+\w+(\W+\w+){3,}")
HTTP_VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request")
SESSION_FACTORY = "integration/connectors/http.py"


def service() -> list[Module]:
    return [module for name in SERVICE for module in modules(name)]


def calls(module: Module, owner: str, names: tuple[str, ...]) -> list[str]:
    """Calls of `owner.name(...)`, as file:line."""
    return [
        f"{module.file}:{node.lineno}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == owner
    ]


def test_modules_are_short():
    long = [m.file for m in product() if len(m.text.splitlines()) > MODULE_LINES]

    assert long == []


def test_functions_fit_a_screen():
    long = [
        f"{module.file}:{node.lineno} {node.name}"
        for module in (*product(), *modules("tests"), *modules("bench"))
        for node in functions(module)
        if node.end_lineno - node.lineno > FUNCTION_LINES
    ]

    assert long == []


def test_nothing_is_left_for_later():
    found = [
        f"{module.file}: {line.strip()}"
        for module in (*product(), *modules("tests"), *modules("bench"))
        for line in module.text.splitlines()
        if LEFT_FOR_LATER.search(line)
    ]

    assert found == []


def test_a_broad_except_raises_again_or_says_why_not():
    found = [
        f"{module.file}:{node.lineno}"
        for module in product()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node)
        if not _raises(node) and not JUSTIFIED.search(module.line(node))
    ]

    assert found == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or getattr(kind, "id", "") in ("Exception", "BaseException") for kind in caught
    )


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def test_the_service_never_sleeps():
    found = [place for module in service() for place in calls(module, "time", ("sleep",))]
    found += [module.file for module in service() if _imports_name(module, "time", "sleep")]

    assert found == []


def _imports_name(module: Module, package: str, name: str) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == package
        and any(alias.name == name for alias in node.names)
        for node in ast.walk(module.tree)
    )


@pytest.mark.pitfall(38)
def test_no_request_goes_round_the_session_factory():
    # requests.get() has no timeout and no connection pool; the factory sets both.
    found = [place for module in service() for place in calls(module, "requests", HTTP_VERBS)]
    found += [
        place
        for module in service()
        if module.file != SESSION_FACTORY
        for place in calls(module, "requests", ("Session", "session"))
    ]

    assert found == []


@pytest.mark.pitfall(9)
@pytest.mark.pitfall(10)
@pytest.mark.pitfall(25)
@pytest.mark.pitfall(26)
def test_no_due_time_lives_in_the_broker():
    found = [
        f"{module.file}:{node.value.lineno}"
        for module in (*modules("tasks"), *modules("webhooks"))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.keyword) and node.arg in ("countdown", "eta")
    ]

    assert found == []


@pytest.mark.pitfall(21)
def test_celery_tries_again_only_when_the_database_is_away():
    from tasks.base import StageTask

    called = [
        f"{module.file}:{node.lineno}"
        for module in modules("tasks")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "retry"
    ]

    assert called == []
    assert StageTask.autoretry_for == db.TROUBLE


@pytest.mark.pitfall(20)
def test_chains_are_flat_and_nothing_waits_for_a_group():
    found = [
        f"{module.file}: {name}"
        for module in (*modules("tasks"), *modules("cli"))
        for name in module.imports
        if name.startswith("celery.canvas")
    ]
    found += [
        f"{module.file}:{node.lineno}"
        for module in modules("tasks")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and node.id in ("chord", "group", "link_error")
    ]

    assert found == []


def test_only_settings_reads_the_environment():
    readers = {
        module.file
        for module in (*service(), *modules("celeryconfig.py"), *modules("migrations"))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    }

    assert readers <= {"integration/settings.py"}
