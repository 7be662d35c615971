"""The kit's own plugin of pytest: its options, and the report at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import pytest

from vario_relay import Platform, Topic, parameter_problems
from vario_relay.testing.given import Target
from vario_relay.testing.running import standing, take_back
from vario_relay.testing.stand import Stand
from vario_relay.testing.verdicts import Report, Row

#: The group in which packages declare their platforms.
GROUP = "vario_relay.connectors"

ROWS = pytest.StashKey[list[Row]]()
LEFT = pytest.StashKey[str]()
TARGET = pytest.StashKey[Target]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("relay", "conformance of a connector of vario-relay")
    group.addoption("--relay-connector", metavar="NAME", help="platform, or module:PLATFORM")
    group.addoption(
        "--relay-param",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="parameter of the channel; key=@FILE takes the value from a file",
    )
    group.addoption(
        "--relay-state-url", metavar="URL", help="a sandbox's address, to see what it holds"
    )
    group.addoption(
        "--relay-order", metavar="NUMBER[:ARTICLE]", help="open order of the shop to be shipped"
    )
    group.addoption(
        "--relay-remove",
        metavar="MODULE:FUNCTION",
        help="function of (context, ids) that deletes products; without it they are withdrawn",
    )
    group.addoption(
        "--relay-rows", metavar="N", type=int, default=8, help="articles in one batch (8)"
    )
    group.addoption(
        "--relay-tax", metavar="PERCENT", default="19", help="a tax rate of the shop (19)"
    )
    group.addoption("--relay-report", metavar="FILE", help="write the report as Markdown")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    """What is wrong with the options stops the run before its first case."""
    if session.config.getoption("numprocesses", None):
        raise pytest.UsageError("the cases share one shop and one report; leave -n away")
    if not session.config.option.collectonly:
        session.config.stash[TARGET] = target_of(session.config)


@pytest.fixture(scope="session")
def relay_stand(pytestconfig: pytest.Config) -> Iterator[Stand]:
    """The connector that was asked for; what its cases made is taken back at the end."""
    with standing(pytestconfig.stash[TARGET]) as stand:
        yield stand
        pytestconfig.stash[LEFT] = take_back(stand)


def target_of(config: pytest.Config) -> Target:
    """What the options say. Raises: UsageError."""
    name = config.getoption("--relay-connector")
    if not name:
        raise pytest.UsageError("name a platform with --relay-connector")
    platform = platform_of(name)
    parameters = parameters_of(platform, config.getoption("--relay-param"))
    if Topic.ARTICLE not in platform.capabilities.max_batch:
        raise pytest.UsageError(f"{name} does not serve articles, so that nothing can be tried")
    if config.getoption("--relay-rows") < 1:
        raise pytest.UsageError("--relay-rows: a batch has one article at least")
    remove = config.getoption("--relay-remove")
    return Target(
        platform,
        parameters,
        state_url=config.getoption("--relay-state-url"),
        order=config.getoption("--relay-order"),
        rows=config.getoption("--relay-rows"),
        tax_rate=_percent(config.getoption("--relay-tax")),
        remove=_named(remove) if remove else None,
    )


def platform_of(name: str) -> Platform:
    """An installed platform, or one that a module has. Raises: UsageError."""
    if ":" in name:
        found = _named(name)
    else:
        points = metadata.entry_points(group=GROUP, name=name)
        if not points:
            known = ", ".join(sorted(one.name for one in metadata.entry_points(group=GROUP)))
            raise pytest.UsageError(f"there is no platform {name!r}; there are {known}")
        found = _loaded(next(iter(points)))
    if not isinstance(found, Platform):
        raise pytest.UsageError(f"{name} is not a Platform")
    return found


def parameters_of(platform: Platform, given: list[str]) -> dict[str, str]:
    """Parameters by name, checked as `channel set` does. Raises: UsageError."""
    pairs = dict(one.partition("=")[::2] for one in given)
    values = {name: _value(name, text) for name, text in pairs.items()}
    defaults = {one.name: one.default for one in platform.parameters if one.default is not None}
    # Every channel has a currency, whether its platform names it or not.
    known = {one.name for one in platform.parameters} | {"currency"}
    if unknown := sorted(set(values) - known):
        raise pytest.UsageError(f"{platform.name} has no parameter {', '.join(unknown)}")
    if problems := parameter_problems(platform.parameters, values):
        raise pytest.UsageError("; ".join(one.detail for one in problems))
    return {**defaults, **values}


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = config.stash.get(ROWS, [])
    if not rows:
        return
    report = Report(config.stash[TARGET].platform.name, rows, config.stash.get(LEFT, ""))
    terminalreporter.section("conformance")
    for line in report.lines():
        terminalreporter.write_line(line)
    if file := config.getoption("--relay-report"):
        Path(file).write_text(report.markdown(), encoding="utf-8")


def _value(name: str, text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise pytest.UsageError(f"{name}: {error.strerror}: {text[1:]}") from error


def _loaded(point: metadata.EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        raise pytest.UsageError(
            f"{point.name} cannot be loaded from {point.value}: {words}"
        ) from error


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        # `pytest` has its own folder there, and not the one it is called in.
        sys.path.insert(0, here)
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise pytest.UsageError(f"{place} cannot be imported: {error}") from error


def _percent(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise pytest.UsageError(f"--relay-tax: {text!r} is no number") from None
