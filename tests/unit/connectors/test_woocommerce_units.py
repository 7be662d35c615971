"""The pure parts of the WooCommerce connector: bodies, echoes, the pace, and what answers mean."""

from __future__ import annotations

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from integration.connectors.base import ListingView
from integration.connectors.woocommerce import answers, batch, echo, weights
from integration.connectors.woocommerce.answers import NoRoute
from integration.connectors.woocommerce.batch import _verdict
from integration.connectors.woocommerce.pace import PROBE_ROWS, Pace
from integration.connectors.woocommerce.payloads import payload_of
from integration.connectors.woocommerce.products import Reading, _record
from integration.connectors.woocommerce.rows import Row
from integration.documents import StockDocument, WithdrawalDocument
from integration.errors import (
    ChannelError,
    CredentialsRefused,
    Held,
    Invalid,
    Rejected,
    Throttled,
    TransientError,
)
from integration.topology import Topic
from tests.unit.connectors.kit import Facts, article, context, new, price

HOST = "shop.example"
KNOWN = ListingView("1", "812", "A-1", is_active=True)


def response(status: int, body: Any, **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made.headers.update(headers)
    made._content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return made


def refusal(code: str, status: int, **data: Any) -> dict[str, Any]:
    return {"code": code, "message": "No.", "data": {"status": status, **data}}


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", ["kg", "g", "lbs", "oz"])
@pytest.mark.parametrize("weight", ["0", "0.3", "2.5", "0.0123", "1234.567"])
def test_a_weight_is_read_back_as_it_was_written_to_a_tenth_of_a_gram(unit, weight):
    shown = weights.kilograms_of(weights.written(weight, unit), unit)

    assert abs(shown - Decimal(weight)) < Decimal("0.0001")


@pytest.mark.parametrize(("text", "unit", "weight"), [("", "kg", 0), ("heavy", "kg", None)])
def test_what_a_shop_has_for_a_weight_is_read_as_far_as_it_is_one(text, unit, weight):
    assert weights.kilograms_of(text, unit) == weight


@pytest.mark.parametrize(
    ("text", "gross"), [("12.50", Decimal("12.50")), ("", None), ("12,50", None), (None, None)]
)
def test_a_price_that_an_import_left_without_being_a_number_is_not_told(text, gross):
    record = _record({"id": 7, "sku": "A-1", "regular_price": text}, Reading(keeps_gross=True))

    assert (record.gross, record.net) == (gross, None)


def test_a_weight_in_an_unknown_unit_is_not_told():
    assert weights.kilograms_of("7", "stone") is None


def test_a_new_article_brings_price_and_stock():
    payload = payload_of(article("1"), new("1"), "EUR")

    assert payload["body"] == {
        "sku": "A-1",
        "name": "Hammer 1",
        "description": "Stahl, 300 g",
        "global_unique_id": "4006381333931",
        "weightKg": "0.3",
        "status": "publish",
        "taxRate": "19",
    }
    assert payload["first"] == {
        "update.article-price": {"currency": "EUR", "net": "16.7983", "gross": "19.99"},
        "update.article-stock": {"manage_stock": True, "stock_quantity": 5, "backorders": "no"},
    }


@pytest.mark.parametrize(
    ("document", "body"),
    [
        (WithdrawalDocument("1"), {"status": "private"}),
        (
            StockDocument("1", 3, sells_without_stock=True),
            {"manage_stock": True, "stock_quantity": 3, "backorders": "yes"},
        ),
        (
            StockDocument("1", 0, is_tracked=False),
            {"manage_stock": False, "stock_status": "instock"},
        ),
    ],
)
def test_bodies_of_changes(document: Any, body: dict[str, Any]):
    assert payload_of(document, KNOWN, "EUR")["body"] == body


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": ""}, "sku is empty"),
        ({"number": "x" * 101}, "longer than the shop's 100"),
        ({"name": ""}, "name is empty"),
        ({"weight_kg": Decimal("-1")}, "weightKg is negative"),
        ({"price": price("1", gross="-1")}, "gross is negative"),
        ({"stock": StockDocument("1", -1)}, "stock_quantity is negative"),
    ],
)
def test_what_the_shop_would_take_without_a_word_is_not_sent(changes: dict, words: str):
    with pytest.raises(Invalid, match=words):
        payload_of(article("1", **changes), new("1"), "EUR")


def test_a_product_is_not_created_without_a_price():
    with pytest.raises(Held) as caught:
        payload_of(article("1", price=None), new("1"), "EUR")

    assert caught.value.reason == "no-price"


def test_a_price_in_another_currency_is_not_sent():
    with pytest.raises(Invalid, match="the price is in EUR, the channel sells in CHF"):
        payload_of(price("1"), KNOWN, "CHF")


# --- echoes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "sent", "echoed"),
    [
        ("regular_price", "16.8", "16.80"),
        ("weight", "", ""),
        ("stock_quantity", 5, Decimal("5.0")),
        ("name", "Säge & Söhne", "Säge &amp; Söhne"),
        ("description", "<p onclick='x()'>a</p><script>b</script>", "<p>a</p>b"),
        ("description", "a < b\r\n", "a &lt; b"),
        ("manage_stock", True, True),
    ],
)
def test_values_in_the_shops_own_spelling_are_ours(field: str, sent: Any, echoed: Any):
    assert echo.differences({field: sent}, {field: echoed}) == []


@pytest.mark.parametrize(
    ("field", "sent", "echoed"),
    [
        ("regular_price", "1.234,56", "1.23456"),
        ("regular_price", "5", ""),
        ("stock_quantity", 5, 0),
        ("stock_quantity", 1, True),
        ("stock_quantity", 5, None),
        ("manage_stock", True, "parent"),
        ("manage_stock", True, False),
        ("status", "foo", "draft"),
        ("tax_class", "reduced-rate", ""),
        ("name", "Säge", "Sage"),
        ("sku", "A  1", "A 1"),
        ("global_unique_id", "40AB", "40"),
    ],
)
def test_bent_values_are_named_with_both(field: str, sent: Any, echoed: Any):
    (sentence,) = echo.differences({field: sent}, {field: echoed})

    assert sentence == f"{field}: sent {sent!r}, the shop has {echoed!r}"


def test_a_field_that_the_shop_does_not_show_is_a_difference_but_for_the_youngest():
    assert echo.differences({"sku": "A"}, {}) == ["sku: sent 'A', the shop has None"]
    assert echo.differences({"global_unique_id": "40"}, {}) == []


# --- rows of an answer ----------------------------------------------------------------------------


def row(product_id: str | None = "812", **values: Any) -> Row:
    return Row(0, product_id, values, (Topic.PRICE,))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal("internal_server_error", 500), TransientError),
        ({"code": "x", "message": "m", "data": 500}, TransientError),
        (refusal("woocommerce_rest_invalid_product_id", 404), Rejected),
        (refusal("product_invalid_sku", 400, resource_id=9), Rejected),
        ({"code": "odd"}, Rejected),
    ],
)
def test_errors_of_a_row(error: dict[str, Any], expected: type[Exception]):
    verdict = _verdict(HOST, row(), {"id": 812, "error": error})

    assert type(verdict.error) is expected


def test_a_row_that_the_key_may_not_write_holds_the_channel():
    with pytest.raises(CredentialsRefused, match="administrator or a shop manager"):
        _verdict(HOST, row(), {"id": 812, "error": refusal("woocommerce_rest_cannot_edit", 403)})


@pytest.mark.parametrize("answer", [{}, {"id": 0}, {"id": 813, "regular_price": "5"}])
def test_an_answer_that_does_not_name_the_row_is_no_evidence(answer: dict[str, Any]):
    verdict = _verdict(HOST, row(regular_price="5"), answer)

    assert str(verdict.error) == "the shop answered 200 but did not name the row"


def test_a_trashed_product_that_takes_a_price_has_vanished():
    answer = {"id": 812, "regular_price": "5", "status": "trash"}

    assert _verdict(HOST, row(regular_price="5"), answer).has_vanished


# --- the pace -------------------------------------------------------------------------------------


def test_an_unknown_shop_is_asked_for_a_few_rows_first():
    pace = Pace(context(), Topic.STOCK.value)

    first = pace.size(100)
    pace.learn(first, 0.5)

    assert (first, pace.size(90)) == (PROBE_ROWS, 90)


@pytest.mark.parametrize(("per_hundred_s", "rows"), [(5, 100), (10, 100), (40, 25), (2_000, 1)])
def test_no_request_is_planned_for_more_than_half_of_twenty_seconds(per_hundred_s: int, rows: int):
    store = Facts()
    Pace(context(facts=store), Topic.STOCK.value).learn(10, per_hundred_s / 10)

    assert Pace(context(facts=store), Topic.STOCK.value).size(100) == rows


def test_where_stages_are_shorter_so_are_requests():
    """Of stages of 12 s: a push of 8 s, and requests of 2 s."""
    clock = iter([0.0, 0.0, 7.0])
    store = Facts({"row-seconds:update.article-stock": 0.1})
    pace = Pace(context(facts=store, push_s=8.0), Topic.STOCK.value, clock.__next__)

    assert [pace.size(100), pace.size(80)] == [20, 0]


def test_a_shop_that_becomes_slower_is_believed_at_once_and_a_faster_one_by_halves():
    pace = Pace(context(facts=Facts({"row-seconds:update.article-stock": 0.4})), Topic.STOCK.value)

    pace.learn(25, 25 * 1.0)
    slower = pace.size(100)
    pace.learn(10, 10 * 0.05)

    assert (slower, pace.size(100)) == (10, 20)


def test_a_shop_that_was_slow_once_gets_whole_batches_again():
    pace = Pace(context(facts=Facts({"row-seconds:update.article-stock": 20.0})), Topic.STOCK.value)

    sizes = []
    for _ in range(9):
        sizes.append(pace.size(100))
        pace.learn(sizes[-1], 0.05 * sizes[-1])

    assert sizes == [1, 1, 2, 4, 8, 16, 32, 64, 100]


def test_the_time_of_one_row_says_little_about_a_hundred():
    store = Facts()

    Pace(context(facts=store), Topic.STOCK.value).learn(1, 1.5)

    assert store.values == {}


# --- answers --------------------------------------------------------------------------------------


def test_messages_of_php_before_the_json_are_skipped():
    body = b'<br />\n<b>Notice</b>: Undefined index [0] in {x} on line 1<br />\n{"a": 1}'

    assert answers.json_of(response(200, body), HOST) == ({"a": 1}, True)


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><html>{}</html>",
        b"<br />\n<b>Fatal error</b>: out of memory",
        b'<b>Warning</b> {"a": 1',
    ],
)
def test_everything_else_is_no_answer(body: bytes):
    with pytest.raises(TransientError) as caught:
        answers.json_of(response(200, body), HOST, writes=True)

    assert caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("status", "body", "error", "is_unknown"),
    [
        (429, {}, Throttled, False),
        (503, b"<html>", Throttled, True),
        (508, b"<html>", Throttled, True),
        (500, refusal("internal_server_error", 500), TransientError, True),
        (524, b"<html>", TransientError, True),
        (403, b"<html>blocked</html>", TransientError, False),
        (401, b"<html>", CredentialsRefused, None),
        (401, refusal("woocommerce_rest_cannot_batch", 401), CredentialsRefused, None),
        (404, refusal("rest_no_route", 404), NoRoute, None),
        (404, b"<html>", ChannelError, None),
        (301, b"", ChannelError, None),
    ],
)
def test_what_answers_mean(status: int, body: Any, error: type[Exception], is_unknown: Any):
    with pytest.raises(error) as caught:
        answers.json_of(response(status, body), HOST, writes=True)

    assert type(caught.value) is error
    assert getattr(caught.value, "outcome_unknown", None) is is_unknown


def test_too_many_rows_have_a_name_of_their_own():
    body = refusal("woocommerce_rest_request_entity_too_large", 413)

    with pytest.raises(answers.TooMany):
        answers.json_of(response(413, body), HOST, writes=True)


def test_a_refusal_of_a_whole_request_is_about_its_rows_if_it_writes():
    refused = response(400, refusal("rest_invalid_json", 400))

    with pytest.raises(answers.Refused, match=r"refuses the request \(400\): No\."):
        answers.json_of(refused, HOST, writes=True)
    with pytest.raises(ChannelError, match=r"refuses the request \(400\): No\."):
        answers.json_of(refused, HOST)


class ChoosyShop:
    """Refuses every batch that has one of these products in it; `sizes` of what it was sent."""

    settings = SimpleNamespace(host=HOST)

    def __init__(self, *refused: int) -> None:
        self.refused, self.sizes = set(refused), list[int]()

    def batch(self, path: str, lists: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        self.sizes.append(len(lists["update"]))
        if self.refused & {one["id"] for one in lists["update"]}:
            raise answers.Refused("the shop refuses the request (400): No. (waf)")
        return lists


def written(shop: ChoosyShop, *ids: str) -> list[str | None]:
    """Ids that the shop took; None for a row that it did not. The shop is known to be fast."""
    client: Any = shop
    pace = Pace(context(facts=Facts({"row-seconds:update.article-price": 0.01})), Topic.PRICE.value)
    verdicts = batch.write(client, [row(one) for one in ids], pace)
    assert all(isinstance(one.error, Rejected) for one in verdicts if one.id is None)
    return [one.id for one in verdicts]


def test_a_row_for_which_a_whole_request_is_refused_is_found():
    shop = ChoosyShop(3)

    assert written(shop, *"12345678") == ["1", "2", None, *"45678"]
    assert shop.sizes == [8, 4, 2, 1, 5]


def test_a_bad_row_among_a_hundred_costs_at_most_thirteen_further_requests():
    """2 x log2(100) = 13.3; the refused request with all of them comes before."""
    further_by_position: dict[int, int] = {}
    for position in range(1, 101):
        shop = ChoosyShop(position)
        taken = written(shop, *map(str, range(1, 101)))
        assert [n for n, one in enumerate(taken, start=1) if one is None] == [position]
        further_by_position[position] = len(shop.sizes) - 1

    assert {at: further for at, further in further_by_position.items() if further > 13} == {}


@pytest.mark.parametrize("refused", [(1, 8), (3, 4), (4, 5, 6), (2, 3, 7)])
def test_several_rows_for_which_a_whole_request_is_refused_are_found(refused: tuple[int, ...]):
    taken = written(ChoosyShop(*refused), *"12345678")

    assert [n for n, one in enumerate(taken, start=1) if one is None] == list(refused)


def test_a_shop_that_refuses_every_request_holds_the_channel():
    with pytest.raises(ChannelError, match="waf"):
        written(ChoosyShop(1, 2, 3), *"123")

    assert written(ChoosyShop(1), "1") == [None]


def test_a_redirect_tells_where_to_but_not_the_whole_address():
    with pytest.raises(ChannelError) as caught:
        answers.json_of(response(301, b"", Location="https://www.shop.example/x?key=1"), HOST)

    assert "to https://www.shop.example;" in str(caught.value)
