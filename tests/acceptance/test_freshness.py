"""How soon a single change is in the shop, with the settings as shipped."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest

from tests.acceptance.service import AS_SHIPPED, Service, wait_until

pytestmark = pytest.mark.alone
OPTIONS = {"articles": 20, "overrides": AS_SHIPPED}
FRESH_S = 2.0


def test_the_first_change_after_quiet_is_in_the_shop_within_two_seconds(service: Service):
    changes = [{"name": "Eilig"}, {"gross": "88.88"}, {"stock": 888}]
    articles = service.articles_for_sale()

    wait_until(service.is_quiet, "the coalescing windows are over")
    took = [seconds_to_shop(service, articles[n], change) for n, change in enumerate(changes)]
    wait_until(service.is_quiet, "the coalescing windows are over")
    took += [seconds_to_shop(service, articles[-n], change) for n, change in enumerate(changes, 1)]

    print("seconds from edit to shop: " + ", ".join(f"{one:.2f}" for one in sorted(took)))
    assert statistics.median(took) <= FRESH_S


def seconds_to_shop(service: Service, article: dict[str, Any], change: dict[str, Any]) -> float:
    written = len(service.writes(article))
    began = time.monotonic()
    service.edit(article, **change)
    wait_until(lambda: len(service.writes(article)) > written, "it is in the shop")
    seconds = time.monotonic() - began
    service.wait_until_idle()
    return seconds
