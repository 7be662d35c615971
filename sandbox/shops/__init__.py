"""Stand-in shops by platform name; each is a package of its own that speaks its platform's wire.

A platform's module offers `Options`, `create_app(options, url=...)` and `serve(port, options)`, and
runs as a program with `python -m`.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

# Names of modules, not modules: starting one shop must not import the others.
MODULE_BY_PLATFORM = {
    "shopware6": "sandbox.shops.shopware6",
    "woocommerce": "sandbox.shops.woocommerce",
}


def platforms() -> list[str]:
    """The platforms a sandbox exists for."""
    return sorted(MODULE_BY_PLATFORM)


def module_of(platform: str) -> ModuleType:
    """The module that serves `platform`. Raises ValueError with a sentence if there is none."""
    name = MODULE_BY_PLATFORM.get(platform)
    if name is None:
        known = ", ".join(platforms())
        raise ValueError(f"there is no sandbox for platform {platform!r}; there is one for {known}")
    return import_module(name)
