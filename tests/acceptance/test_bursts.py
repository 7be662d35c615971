"""How many requests a burst costs, and how soon a single change arrives, as shipped."""

from __future__ import annotations

import pytest

from tests.acceptance.bursts import (
    WEBHOOK,
    assert_fresh,
    erp_requests,
    shop_writes,
    storm,
    storm_in_waves,
)
from tests.acceptance.deployments import DISTRIBUTED, EMBEDDED_LONG
from tests.acceptance.service import AS_SHIPPED, Service

pytestmark = [
    # Embedded, the rounds of a lane are the same rows: as good, and only when asked for.
    pytest.mark.parametrize("deployment", [EMBEDDED_LONG, DISTRIBUTED], indirect=True),
    pytest.mark.alone,
    pytest.mark.slow(40),
    pytest.mark.timeout(300),
]
#: The target is 10 s, which `make bench` judges. Two cores that also run both sandboxes and the
#: sender take 4.2 to 8.3 s, embedded on SQLite 4.8 to 6.2 s (three storms each, 2026-11-26): a
#: test that fails by chance tells nothing.
TAKEN_WITHIN_S = 15.0
#: A tenth is not for sale; a thousand are left.
OPTIONS = {"articles": 1_150}
ONCE_FULL = {**AS_SHIPPED, "RELAY_ERP_BUDGET": "3000/6"}
#: What a topic changes, in the words of the comparison.
FIELD = {"article": " name is ", "price": " gross is ", "stock": " stock is "}


def test_the_first_change_after_quiet_is_in_the_shop_within_two_seconds(service: Service):
    assert_fresh(service)


def test_a_thousand_changed_articles_cost_twelve_requests_per_topic(service: Service):
    changed = service.articles_for_sale()[:1_000]
    assert len(changed) == 1_000
    service.edit_all_silently(
        (article, {"name": f"Neu {place}", "gross": "77.77", "stock": place})
        for place, article in enumerate(changed)
    )

    for topic, webhook in WEBHOOK.items():
        service.forget_requests()
        storm(service, [webhook(one["id"]) for one in changed])
        service.wait_until_idle()

        asked, written = erp_requests(service), shop_writes(service)
        print(f"{topic}: {asked} ERP requests, {written} shop writes")
        assert asked <= 12, topic
        assert written <= 12, topic
        assert [one for one in service.differences() if FIELD[topic] in one] == []
    service.assert_no_product_twice()


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("topic", WEBHOOK)
def test_five_thousand_webhooks_on_five_hundred_articles_cost_twenty_requests(
    service: Service, topic: str
):
    changed = service.articles_for_sale()[:500]
    seconds = storm_in_waves(service, topic, changed)
    service.wait_until_idle()

    asked, written = erp_requests(service), shop_writes(service)
    told = f"{topic}: 5,000 webhooks in {seconds:.1f} s; {asked} ERP requests, {written} writes"
    print(told)
    assert seconds <= TAKEN_WITHIN_S, told
    assert asked <= 20, told
    assert written <= 20, told
    assert service.differences(*changed) == []
    service.assert_no_product_twice()
