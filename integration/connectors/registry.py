"""Which platforms there are: those that installed packages declare, ours among them.

A package declares a platform by an entry point of the group ``vario_relay.connectors`` whose name
is the platform's and whose object is a `Platform`. Ours are declared in setup.cfg like any other.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import metadata

from integration import connectors
from integration.connectors.base import Platform
from integration.errors import UsageError

GROUP = "vario_relay.connectors"
#: The package that declares ours.
OWN_PACKAGE = "vario-relay"


def platform_names() -> list[str]:
    """Names of all platforms that are declared, without loading any of them."""
    return sorted({point.name for point in metadata.entry_points(group=GROUP)})


@cache
def platform(name: str) -> Platform:
    """The platform of this name; asked for with every batch, and looked for once per process.

    Raises: UsageError, one sentence, for a platform that nobody or more than one package declares,
    and for one that cannot be loaded. An error is not kept: the next call looks again.
    """
    return _loaded(_declared(name))


def _declared(name: str) -> metadata.EntryPoint:
    points = list(metadata.entry_points(group=GROUP, name=name))
    for point in points:
        if _package(point) == OWN_PACKAGE:
            return point  # nobody can replace ours
    if _is_ours(name):
        # The code is newer than what pip wrote down of it, e.g. after a bare `git pull`.
        raise UsageError(
            f"platform {name} comes with {OWN_PACKAGE}, but the installation does not declare it, "
            "because it is older than the code; run scripts/setup in a checkout, or install the "
            "package again, and restart the service"
        )
    if not points:
        known = ", ".join(platform_names())
        raise UsageError(f"there is no platform {name!r}; there are {known}")
    if len(points) > 1:
        packages = " and ".join(sorted(_package(point) for point in points))
        raise UsageError(
            f"platform {name} is declared by more than one package, {packages}; keep one of them"
        )
    return points[0]


def _loaded(point: metadata.EntryPoint) -> Platform:
    which = f"platform {point.name} of the package {_package(point)}"
    try:
        found = point.load()
    except Exception as error:
        # Whatever a stranger's code raises while it is imported.
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(
            f"{which} cannot be loaded from {point.value} ({words}); install a version of the "
            "package that fits, and restart the service"
        ) from error
    if not isinstance(found, Platform):
        raise UsageError(f"{which} cannot be used: {point.value} is not a Platform")
    if found.name != point.name:
        raise UsageError(f"{which} cannot be used: {point.value} calls itself {found.name!r}")
    return found


def _package(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "(unknown)"


def _is_ours(name: str) -> bool:
    return any(one.ispkg and one.name == name for one in pkgutil.iter_modules(connectors.__path__))
