from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from integration.connectors import memory, registry, shopware6, woocommerce
from integration.connectors.base import Capabilities, Context, Platform
from integration.connectors.memory import MemoryConnector
from integration.errors import UsageError
from integration.topology import Topic
from tests.packages import install
from tests.unit.connectors.kit import PARAMETERS, context

OTHER = Platform("other", (), Capabilities({}), MemoryConnector)
NOT_A_PLATFORM = "text"
HERE = f"{__name__}:OTHER"


@pytest.fixture
def bare_site(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path on which pip has written nothing down: our code, and what a test installs."""
    monkeypatch.setattr(sys, "path", [str(site)])
    return site


def refusal(name: str) -> str:
    with pytest.raises(UsageError) as caught:
        registry.platform(name)
    return str(caught.value)


def test_ours_are_found_as_any_other(site: Path) -> None:
    assert registry.platform("memory") is memory.PLATFORM
    assert registry.platform("shopware6") is shopware6.PLATFORM
    assert registry.platform("woocommerce") is woocommerce.PLATFORM
    assert registry.platform_names() == ["memory", "shopware6", "woocommerce"]


def test_a_package_adds_a_platform(site: Path) -> None:
    install(site, "other-relay", {"other": HERE})

    assert registry.platform("other") is OTHER
    assert registry.platform_names() == ["memory", "other", "shopware6", "woocommerce"]


def test_a_package_cannot_replace_ours(site: Path) -> None:
    install(site, "other-relay", {"memory": HERE})

    assert registry.platform("memory") is memory.PLATFORM


def test_a_platform_is_looked_up_once_per_process(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = registry.platform("memory")
    monkeypatch.setattr(metadata, "entry_points", None)

    assert registry.platform("memory") is found


def test_an_unknown_platform_lists_what_there_is(site: Path) -> None:
    assert refusal("shopwear") == (
        "there is no platform 'shopwear'; there are memory, shopware6, woocommerce"
    )


def test_a_platform_that_was_missing_is_found_once_its_package_is_there(site: Path) -> None:
    refusal("other")

    install(site, "other-relay", {"other": HERE})

    assert registry.platform("other") is OTHER


def test_an_installation_older_than_the_code_is_named(bare_site: Path) -> None:
    install(bare_site, "vario-relay", {"memory": "integration.connectors.memory:PLATFORM"})

    assert registry.platform("memory") is memory.PLATFORM
    assert refusal("shopware6") == (
        "platform shopware6 comes with vario-relay, but the installation does not declare it, "
        "because it is older than the code; run scripts/setup in a checkout, or install the "
        "package again, and restart the service"
    )


def test_nobody_else_stands_in_for_one_of_ours_that_is_not_declared(bare_site: Path) -> None:
    install(bare_site, "other-relay", {"shopware6": HERE})

    assert refusal("shopware6").startswith("platform shopware6 comes with vario-relay, but")


def test_two_packages_with_the_same_platform_are_both_named(site: Path) -> None:
    install(site, "other-relay", {"other": HERE})
    install(site, "another-relay", {"other": HERE})

    assert refusal("other") == (
        "platform other is declared by more than one package, another-relay and other-relay; "
        "keep one of them"
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            "no_such_module:PLATFORM",
            "cannot be loaded from no_such_module:PLATFORM (ModuleNotFoundError: No module named "
            "'no_such_module'); install a version of the package that fits, and restart the "
            "service",
        ),
        (
            f"{__name__}:NOTHING",
            f"cannot be loaded from {__name__}:NOTHING (AttributeError: module '{__name__}' has no "
            "attribute 'NOTHING'); install a version of the package that fits, and restart the "
            "service",
        ),
        # Whatever it raises: its import is not our code.
        (
            "broken_relay:PLATFORM",
            "cannot be loaded from broken_relay:PLATFORM (KeyError: 'home'); install a version of "
            "the package that fits, and restart the service",
        ),
        (
            f"{__name__}:NOT_A_PLATFORM",
            f"cannot be used: {__name__}:NOT_A_PLATFORM is not a Platform",
        ),
        (HERE, f"cannot be used: {HERE} calls itself 'other'"),
    ],
)
def test_an_entry_that_cannot_be_loaded_names_package_and_platform(
    site: Path, value: str, words: str
) -> None:
    install(site, "bad-relay", {"bad": value}, {"broken_relay": "PLATFORM = {}['home']\n"})

    assert refusal("bad") == f"platform bad of the package bad-relay {words}"
    assert registry.platform("memory") is memory.PLATFORM


@pytest.mark.parametrize(
    ("name", "articles", "media"),
    [
        ("memory", 100, {Topic.MEDIA: 100}),
        ("shopware6", 100, {Topic.MEDIA: 50}),
        ("woocommerce", 100, {Topic.MEDIA: 50}),
    ],
)
def test_a_platform_builds_a_connector_with_its_capabilities(
    name: str, articles: int, media: dict[Topic, int]
) -> None:
    platform = registry.platform(name)
    given: Context = context(PARAMETERS)

    connector = platform.build(given)

    assert connector.capabilities == platform.capabilities
    sizes = dict(platform.capabilities.max_batch)
    # Deliveries go one by one in Shopware, and a batch has to end within a stage.
    of_orders = {"memory": 100, "shopware6": 60, "woocommerce": 40}[name]
    assert sizes.pop(Topic.ORDER_STATUS, None) == of_orders
    assert sizes == {Topic.ARTICLE: articles, Topic.PRICE: 100, Topic.STOCK: 100, **media}
