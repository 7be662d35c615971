"""A fault of the ERP between both sandboxes: stopped, told, and decided by a person."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from integration.models import WorkItem
from tests.acceptance.service import Service, wait_until

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(180)]
#: A tenth is not for sale; a fifth of the prices is fewer than are wrong.
ARTICLES, WRONG, HONEST = 250, 200, 20


def told(service: Service, *arguments: str, code: int = 0) -> str:
    result = service.relay(*arguments)
    assert result.returncode == code, result.stderr
    return result.stdout


def prices(service: Service) -> dict[str, Decimal]:
    return {number: Decimal(str(one["gross"])) for number, one in service.products().items()}


def reprice(service: Service, articles: list[dict[str, Any]], factor: Decimal) -> None:
    for one in articles:
        gross = (Decimal(str(one["gross"])) * factor).quantize(Decimal("0.01"))
        service.edit(one, gross=str(max(gross, Decimal("0.01"))))


def stopped(service: Service) -> int:
    with service.runtime.scope() as session:
        rows = select(func.count()).where(WorkItem.hold_reason == "brake:price")
        return session.scalar(rows) or 0


def wait_until_stopped(service: Service, number: int) -> dict[str, Any]:
    """The one cause that is held, once all of it is."""
    wait_until(lambda: stopped(service) == number, f"{number} are held")
    service.wait_until_idle()
    listed = json.loads(told(service, "queue", "hold", "list", "42", "--json", code=3))
    # Articles without a price wait as well.
    (cause,) = (one for one in listed if one["cause"].startswith("brake"))
    return dict(cause)


def test_two_hundred_wrong_prices_are_stopped_and_a_person_decides(start_service, bare_sqlite_url):
    service: Service = start_service(bare_sqlite_url, articles=ARTICLES, has_brakes=True)
    service.start_up()
    service.fill_shop()
    for_sale = service.articles_for_sale()
    wrong, honest = for_sale[:WRONG], for_sale[WRONG : WRONG + HONEST]
    before = prices(service)

    # The export puts the comma in the wrong place, while people work on.
    for place in range(0, WRONG, WRONG // HONEST):
        reprice(service, wrong[place : place + WRONG // HONEST], Decimal("0.01"))
        reprice(service, [honest[place * HONEST // WRONG]], Decimal("1.10"))
    for one in wrong:
        service.edit(one, stock=77)
    cause = wait_until_stopped(service, WRONG)

    now = prices(service)
    assert [n for n in (one["number"] for one in wrong) if now[n] != before[n]] == []
    assert all(len(service.writes(one)) == 2 for one in wrong[:3])  # its creation, its stock
    assert [one["number"] for one in honest if now[one["number"]] == before[one["number"]]] == []
    products = service.products()
    assert {products[one["number"]]["stock"] for one in wrong} == {77}
    assert (cause["reason"], cause["needs_decision"]) == ("brake:price", True)
    shown = next(one for one in wrong if one["id"] == cause["examples"][0])
    assert f"{shown['id']}: {before[shown['number']]:.2f} -> " in cause["sentence"]
    assert service.log("up").count("event=brake.tripped") == 1
    explained = json.loads(told(service, "explain", "42", wrong[0]["number"], "--json"))
    assert explained["cause"] == "HELD"
    assert "brake stopped the change" in json.dumps(explained)

    told(service, "queue", "hold", "release", "42", "--reason", "brake:price")
    service.wait_until_right()

    # The next fault: it is dropped, and the shop keeps what it has.
    released = prices(service)
    reprice(service, service.articles_for_sale()[:WRONG], Decimal(30))
    wait_until_stopped(service, WRONG)
    told(service, "queue", "hold", "discard", "42", "--reason", "brake:price", "--yes")
    service.wait_until_idle()
    assert prices(service) == released
    assert service.log("up").count("event=brake.tripped") == 2
