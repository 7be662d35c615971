from __future__ import annotations

from importlib import metadata

import pytest

from integration.connectors import memory, registry, shopware6, woocommerce
from integration.connectors.base import Capabilities, Context, Platform
from integration.connectors.memory import MemoryConnector
from integration.errors import UsageError
from integration.topology import Topic
from tests.unit.connectors.kit import PARAMETERS, context

OTHER = Platform("other", (), Capabilities({}), MemoryConnector)
NOT_A_PLATFORM = "text"


def installed(*points: tuple[str, str]) -> metadata.EntryPoints:
    return metadata.EntryPoints(
        metadata.EntryPoint(name, value, registry.GROUP) for name, value in points
    )


@pytest.fixture
def entry_points(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What packages offer, as (name, value); a test adds to it."""
    offered: list[tuple[str, str]] = []
    monkeypatch.setattr(
        registry.metadata, "entry_points", lambda **which: installed(*offered).select(**which)
    )
    return offered


def test_our_own_platforms_need_no_installation(entry_points: list[tuple[str, str]]) -> None:
    assert registry.platforms() == [memory.PLATFORM, shopware6.PLATFORM, woocommerce.PLATFORM]
    assert registry.platform("shopware6") is shopware6.PLATFORM


def test_a_package_adds_a_platform(entry_points: list[tuple[str, str]]) -> None:
    entry_points.append(("other", f"{__name__}:OTHER"))

    assert registry.platform("other").name == "other"
    assert registry.platform_names() == ["memory", "other", "shopware6", "woocommerce"]


def test_a_package_cannot_replace_ours(entry_points: list[tuple[str, str]]) -> None:
    entry_points.append(("memory", f"{__name__}:OTHER"))

    assert registry.platform("memory") is memory.PLATFORM
    assert registry.platform_names() == ["memory", "shopware6", "woocommerce"]


def test_an_unknown_platform_lists_what_there_is(entry_points: list[tuple[str, str]]) -> None:
    with pytest.raises(UsageError) as caught:
        registry.platform("shopwear")

    assert str(caught.value) == (
        "there is no platform 'shopwear'; there are memory, shopware6, woocommerce"
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no_such_module:PLATFORM", "is broken: No module named 'no_such_module'"),
        (f"{__name__}:NOTHING", "is broken"),
        (f"{__name__}:NOT_A_PLATFORM", "is not a Platform"),
    ],
)
def test_a_broken_package_is_named(
    entry_points: list[tuple[str, str]], value: str, words: str
) -> None:
    entry_points.append(("other", value))

    with pytest.raises(UsageError, match=words):
        registry.platform("other")


@pytest.mark.parametrize(
    ("name", "articles"), [("memory", 100), ("shopware6", 100), ("woocommerce", 50)]
)
def test_a_platform_builds_a_connector_with_its_capabilities(name: str, articles: int) -> None:
    platform = registry.platform(name)
    given: Context = context(PARAMETERS)

    connector = platform.build(given)

    assert connector.capabilities == platform.capabilities
    assert dict(platform.capabilities.max_batch) == {
        Topic.ARTICLE: articles,
        Topic.PRICE: 100,
        Topic.STOCK: 100,
    }
