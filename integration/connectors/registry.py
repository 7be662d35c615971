"""Which platforms there are: our own, and those that installed packages offer.

A package adds a platform through an entry point of the group ``vario_relay.connectors`` whose name
is the platform's and whose object is a `Platform`.
"""

from __future__ import annotations

from importlib import import_module, metadata

from integration.connectors.base import Platform
from integration.errors import UsageError

GROUP = "vario_relay.connectors"

#: Found without any installation, so that a checkout works; nobody can replace them.
OWN_MODULES = {
    "memory": "integration.connectors.memory",
    "shopware6": "integration.connectors.shopware6",
    "woocommerce": "integration.connectors.woocommerce",
}


def platform_names() -> list[str]:
    """Names of all platforms, without loading any of them."""
    return sorted({*OWN_MODULES, *(point.name for point in metadata.entry_points(group=GROUP))})


def platforms() -> list[Platform]:
    """All platforms, by name. Raises: UsageError if one cannot be loaded."""
    return [platform(name) for name in platform_names()]


def platform(name: str) -> Platform:
    """The platform of this name. Raises: UsageError that lists what there is."""
    if name in OWN_MODULES:
        own: Platform = import_module(OWN_MODULES[name]).PLATFORM
        return own
    points = metadata.entry_points(group=GROUP, name=name)
    if not points:
        known = ", ".join(platform_names())
        raise UsageError(f"there is no platform {name!r}; there are {known}")
    return _loaded(next(iter(points)))


def _loaded(point: metadata.EntryPoint) -> Platform:
    try:
        found = point.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"platform {point.name} ({point.value}) is broken: {error}") from error
    if not isinstance(found, Platform):
        raise UsageError(f"{point.value} is not a Platform")
    return found
