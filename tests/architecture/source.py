"""The project's Python files as syntax trees, for the tests beside this module."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("cli", "integration", "migrations", "sandbox", "tasks", "vario_relay", "webhooks")
IMPORTERS = ("import_module", "__import__")


@dataclass(frozen=True)
class Module:
    path: Path

    @property
    def file(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def name(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """What a relative import starts from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def line(self, node: ast.AST) -> str:
        return self.text.splitlines()[node.lineno - 1]

    @cached_property
    def imports(self) -> frozenset[str]:
        """Every module imported anywhere in the file, also inside functions.

        `from a import b` counts as `a.b` too where that is a module of ours.
        """
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                found.add(base)
                found |= {f"{base}.{a.name}" for a in node.names if is_module(f"{base}.{a.name}")}
            elif isinstance(node, ast.Call) and _called(node) in IMPORTERS:
                found |= {a.value for a in node.args[:1] if isinstance(a, ast.Constant)}
        return frozenset(found)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.package.split(".")
        base = parts[: len(parts) - node.level + 1]
        return ".".join([*base, node.module] if node.module else base)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


@lru_cache
def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@lru_cache
def modules(folder: str) -> tuple[Module, ...]:
    """All files of a package, or the one file of a top-level module."""
    if folder.endswith(".py"):
        return tuple(Module(path) for path in [ROOT / folder] if path.exists())
    return tuple(Module(path) for path in sorted((ROOT / folder).rglob("*.py")))


def product() -> tuple[Module, ...]:
    """All packages and the modules beside them, without the tests."""
    beside = ("celeryconfig.py", "vario_relay_pytest.py")
    return tuple(module for name in (*PACKAGES, *beside) for module in modules(name))


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
