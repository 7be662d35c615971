"""Packages beside the project, as pip leaves them in a venv: modules and their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from integration.connectors.registry import GROUP


def install(
    folder: Path,
    package: str,
    points: Mapping[str, str],
    modules: Mapping[str, str] | None = None,
) -> None:
    """Put a package into a folder of the path: source by module, object by platform."""
    for module, source in (modules or {}).items():
        (folder / f"{module}.py").write_text(source, encoding="utf-8")
    metadata = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"[{GROUP}]", *(f"{name} = {value}" for name, value in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
