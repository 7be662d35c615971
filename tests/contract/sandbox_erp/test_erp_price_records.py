"""Offers, prices by quantity and by customer group, and lowest prices of the sandbox ERP."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sandbox.erp.price_records import ZONE

SELECTION = "/erp/products/sales-price-by-selection?articleId=1001&salesChannelId=42"
COLUMNS = ("SELECT id, netSalesPrice, grossSalesPrice, listings.proposedLowestPriceGross "
           "FROM article.shopListing WHERE listings.salesChannel.id = '42' AND id IN ('1001')")
TODAY = datetime.now(ZONE).date()
OFFER = {"net": 1, "gross": 1.19, "offer": True}


def day(offset: int) -> str:
    return (TODAY + timedelta(offset)).isoformat()


def set_prices(erp, *prices: dict) -> list[dict]:
    return erp.edit("1001", set={"gross": 11.9, "prices": list(prices)})["events"]


def test_records_stand_beside_the_plain_price_and_say_whom_they_are_for(erp):
    set_prices(erp, {"net": 8, "gross": 9.52, "from": 10}, {"gross": 5.95, "net": 5, "group": "2"},
               {"gross": 7.14, "net": 6, "price_group": "7"},
               {**OFFER, "since": day(-1), "until": day(1), "channel": 42})

    plain, tier, group, price_group, offer = erp.get("/erp/products/sales-prices/1001")

    assert (plain["grossPrice"], plain["fromQuantity"], plain["specialOfferPrice"]) == (
        11.9, 1, False)
    assert (tier["grossPrice"], tier["fromQuantity"]) == (9.52, 10)
    assert (group["customerGroupRef"], group["priceGroupRef"]) == (
        {"id": "2", "label": "Händler"}, None)
    assert (price_group["customerGroupRef"], price_group["priceGroupRef"]) == (
        None, {"id": "7", "label": "Fachhandel"})
    assert (offer["specialOfferPrice"], offer["validFrom"], offer["validUntil"],
            offer["salesChannelRef"]) == (True, day(-1), day(1), {"id": "42"})
    assert erp.get(f"/erp/products/prices/{tier['id']}") == tier
    assert erp.call("GET", "/erp/products/prices/6000000999").status_code == 404


@pytest.mark.parametrize(("days", "runs"), [
    ({}, True), ({"since": day(0), "until": day(0)}, True), ({"since": day(1)}, False),
    ({"until": day(-1)}, False), ({"channel": 43}, False), ({"group": "2"}, False),
    ({"price_group": "1"}, False)])
def test_a_running_offer_is_what_one_piece_costs_however_it_is_asked(erp, days, runs):
    set_prices(erp, {**OFFER, **days})
    wanted = 1.19 if runs else 11.9

    selected = erp.get(SELECTION)

    assert (selected["grossPrice"], selected["specialOfferPrice"]) == (wanted, runs)
    assert erp.rows(COLUMNS)[0]["grossSalesPrice"] == wanted
    assert erp.state()[0]["gross"] == wanted


def test_a_channel_may_take_its_prices_from_another_one(erp):
    def take(channel: str, source: str | None) -> int:
        body = {"priceFromSalesChannel": None if source is None else {"id": source}}
        return erp.call("PUT", f"/erp/sales-channels/{channel}", body).status_code

    def prices() -> tuple[float, float, float]:
        return (erp.get(SELECTION)["grossPrice"], erp.rows(COLUMNS)[0]["grossSalesPrice"],
                erp.state()[0]["gross"])

    set_prices(erp)
    erp.edit("1001", channel=43, set={"gross": 9.52})
    assert prices() == (11.9,) * 3

    assert take("42", "43") == 200
    assert erp.get("/erp/sales-channels/42")["priceFromSalesChannel"]["id"] == "43"
    assert prices() == (9.52,) * 3
    assert erp.get(SELECTION)["salesChannelRef"] == {"id": "43"}

    set_prices(erp, {**OFFER, "channel": 1})
    erp.edit("1001", channel=43, set={"gross": 9.52})
    assert take("43", "1") == 200
    assert prices() == (1.19,) * 3

    assert take("1", "42") == 200  # round in a circle
    erp.edit("1001", channel=42, set={"gross": 1.1})
    assert prices() == (1.1,) * 3

    assert take("42", None) == 200
    assert erp.get("/erp/sales-channels/42")["priceFromSalesChannel"] is None
    assert take("42", "777") == 422


def test_what_comes_and_goes_is_told_by_record(erp):
    assert [one["queue"] for one in set_prices(erp, OFFER)] == [
        "article-price.update", "article-price.create"]

    events = erp.edit("1001", set={"prices": []})["events"]

    assert [one["queue"] for one in events] == ["article-price.delete"]
    assert erp.get(SELECTION)["grossPrice"] == 11.9


def test_the_lowest_price_is_the_listings(erp):
    erp.edit("1001", channel=42, set={"lowest": {"proposed_gross": 10, "proposed_net": 8.4}})

    listed = {one["salesChannelRef"]["id"]: one for one in erp.get("/erp/articles/1001/listings")}

    assert listed["42"]["proposedLowestPriceGross"] == 10
    assert listed["42"]["customLowestPriceGross"] is None
    assert listed["43"]["proposedLowestPriceGross"] is None
    assert erp.rows(COLUMNS)[0]["listings.proposedLowestPriceGross"] == 10


@pytest.mark.parametrize(("values", "words"), [
    ({"prices": {}}, "prices is a list of objects"),
    ({"prices": [{"gross": 1, "colour": "red"}]}, "a price cannot have colour"),
    ({"prices": [{"from": 10}]}, "a price has net or gross, or both"),
    ({"prices": [{"gross": 1, "group": "9"}]}, "there is no customer group '9'"),
    ({"prices": [{"gross": 1, "price_group": "9"}]}, "there is no price group '9'"),
    ({"prices": [{"gross": 1, "until": "tomorrow"}]}, "until of a price is a day"),
    ({"prices": [{"gross": "a lot"}]}, "gross of a price is a number"),
    ({"lowest": {"today": 1}}, "lowest is an object with some of"),
])
def test_what_makes_no_sense_is_refused(erp, values, words):
    answer = erp.admin("POST", "edit", {"article": "1001", "set": values})

    assert answer.status_code == 400
    assert words in answer.json()["message"]
