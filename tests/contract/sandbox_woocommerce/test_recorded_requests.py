"""Every request that was recorded from a real WooCommerce 11.0.1, sent to the sandbox.

One recorded run shared its state, so each request gets a shop that holds what the run had made by
then. Compared are status, error codes, the shape of the body, and what became of each value that
was sent; other values are not.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from oauthlib import oauth1

from sandbox.shops.woocommerce import Options, create_app
from sandbox.shops.woocommerce.auth import CUSTOMER, READ_ONLY, WRITE_ONLY, Key
from sandbox.shops.woocommerce.store import Row
from tests.contract.sandbox_woocommerce.support import basic

RECORDED = Path(__file__).resolve().parents[4] / "shared/reference/recorded/woocommerce"
FILES = sorted(path for path in RECORDED.glob("[!_]*.json")) if RECORDED.is_dir() else []

NO_SCHEMA = "the API's description of itself is not served"
NO_WEBHOOKS = "the connector registers no webhooks in the shop"
NO_REFUNDS = "nothing in the product refunds an order"
DIFFERENCES = {
    "options_schema_customers": NO_SCHEMA,
    "options_schema_orders": NO_SCHEMA,
    "options_schema_products_1_variations": NO_SCHEMA,
    "options_schema_products_categories": NO_SCHEMA,
    "options_schema_taxes": NO_SCHEMA,
    "options_schema_webhooks": NO_SCHEMA,
    "order_refund_ok": NO_REFUNDS,
    "order_refund_too_much": NO_REFUNDS,
    "products_options_schema": NO_SCHEMA,
    "webhook_create": NO_WEBHOOKS,
    "webhook_create_ok": NO_WEBHOOKS,
    "webhooks_after_500s": NO_WEBHOOKS,
}

RECORDED_AT = 1_795_423_047
MAIN = Key("ck_example", "cs_example")
KEYS = {
    "auth_customer_role_key": CUSTOMER,
    "auth_readonly_batch": READ_ONLY,
    "auth_readonly_key_writes": READ_ONLY,
    "auth_unknown_key": Key("ck_nobody", "cs_nobody"),
    "auth_writeonly_key_reads": WRITE_ONLY,
    "auth_wrong_secret": Key(MAIN.key, "cs_wrong"),
}
MANAGED = {"manage_stock": True, "stock_quantity": 7}
SIZES = {"name": "Size", "variation": True, "visible": True, "options": ["S", "M", "L"]}
PRODUCTS: dict[int, Row] = {
    10: {"sku": "SKU-1", "name": "First"},
    11: {"sku": "HAM-423033", "name": "Hammer 500g", "regular_price": "21.50", **MANAGED,
         "meta_data": [{"key": "_erp_id", "value": "4711"}]},
    12: {"name": "eandup"},
    13: {"sku": "B1-423033", "name": "B1", "regular_price": "4"},
    14: {"sku": "B2-423033", "name": "B2", "regular_price": "2"},
    16: {"sku": "TR-423033", "name": "Trash", "status": "trash"},
    18: {"sku": "SH-423033", "name": "Shirt", "type": "variable", "attributes": [SIZES]},
    29: {"sku": "RACE-423033", "name": "race", "regular_price": "1"},
    132: {"name": "q", "regular_price": "5", "manage_stock": True, "stock_quantity": 2},
    133: {"name": "e1", "global_unique_id": "40063813426233"},
}
VARIATIONS = {19: "S", 20: "M"}
NOT_YET = {"race_same_sku_2": 29, "product_create_ok": 11, "batch_ok": 13, "ean_owner": 133,
           "variable_product_create": 18}
IN_NO_TRASH = {"product_delete_to_trash"}
LOST_RACES = {"race_same_sku_0", "race_same_sku_1"}


def fetched(url: str) -> tuple[str, str]:
    """What the recorded shop found at its image host."""
    path = urlsplit(url).path
    words = {"/missing.png": "Not Found", "/ok.png": "A valid URL was not provided.",
             "/x.png": "cURL error 7"}
    return words.get(path, ""), "text/html" if "html" in path else "image/png"


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


class Replay:
    """A fresh shop, prepared for one recorded request."""

    def __init__(self, path: Path) -> None:
        self.name, recording = path.stem, read(path)
        self.request, self.expected = recording["request"], recording["response"]
        app = create_app(Options(
            consumer_key=MAIN.key, consumer_secret=MAIN.secret, prices_include_tax=False,
            fetch_image=fetched, now=lambda: float(RECORDED_AT)), "https://shop.example:8801")
        self.client, self.shop = app.test_client(), app.config["SHOP"]
        with app.app_context():
            self.prepare()

    def prepare(self) -> None:
        for product_id, body in PRODUCTS.items():
            if NOT_YET.get(self.name) != product_id:
                self.put(product_id, body)
        if NOT_YET.get(self.name) == 13:
            self.shop.store.drop_product(14)
        if 18 in self.shop.store.products and self.name != "variations_batch_ok":
            for product_id, size in VARIATIONS.items():
                self.put(product_id, {"sku": f"SH-423033-{size}", "regular_price": "9.90",
                                      "attributes": [{"name": "Size", "option": size}]}, 18)
        if self.name in LOST_RACES:
            self.shop.store.products[29]["born"] = math.inf
        if self.name in IN_NO_TRASH:
            self.put(16, {**PRODUCTS[16], "status": "publish"})
        if self.name != "category_create_ok":
            self.shop.store.terms["categories"][16] = {
                "id": 16, "name": "Werkzeug 423033", "slug": "werkzeug-423033", "parent": 0,
                "description": "", "display": "default"}
        self.prepare_images_and_orders()

    def put(self, product_id: int, body: Row, parent_id: int = 0) -> None:
        self.shop.store.next_post, kept = lambda: product_id, self.shop.store.next_post
        if product_id in self.shop.store.products:
            self.shop.store.drop_product(product_id)
        self.shop.writer(math.inf).create(body, parent_id)
        self.shop.store.next_post = kept

    def prepare_images_and_orders(self) -> None:
        source = {"src": "http://shop.example:8899/ok-423033.png"}
        for image_id in (23, 24):
            self.shop.store.next_post = lambda image_id=image_id: image_id
            self.shop.writer(math.inf).update(self.shop.store.products[10], {"images": [source]})
        self.shop.store.next_post = lambda: 26
        made = self.client.post(
            "/wp-json/wc/v3/orders", base_url="https://shop.example:8801",
            headers={"Authorization": basic(MAIN)},
            json={"line_items": [{"product_id": 11, "quantity": 2}]})
        assert made.get_json()["id"] == 26
        del self.shop.store.next_post  # back to the shop's own
        for _ in range(200):
            self.shop.store.next_post()
        if self.name == "product_update_sale_clear":
            self.shop.store.products[11]["sale_price"] = "15"

    def send(self):
        headers = {name: value for name, value in self.request["headers"].items()
                   if name != "X-Test-Plain-Http"}
        is_plain = "X-Test-Plain-Http" in self.request["headers"]
        base_url = f"http{'' if is_plain else 's'}://shop.example:8801"
        if headers.get("Authorization") == "Basic credentials":
            headers["Authorization"] = basic(KEYS.get(self.name, MAIN))
        path = self.signed(base_url) if "oauth_" in self.request["path"] else self.request["path"]
        if self.name == "oauth1_nonce_reused":
            self.client.get(path, base_url=base_url, headers=headers)
        return self.client.open(path, method=self.request["method"], base_url=base_url,
                                headers=headers, data=self.body())

    def signed(self, base_url: str) -> str:
        """The same request signed with this shop's secret: the recorded one was taken out."""
        parts = urlsplit(self.request["path"])
        query = dict(parse_qsl(parts.query))
        if query["oauth_signature"] == "AAAA":
            return self.request["path"]
        client = oauth1.Client(
            MAIN.key, MAIN.secret, signature_method=oauth1.SIGNATURE_HMAC_SHA256,
            signature_type=oauth1.SIGNATURE_TYPE_QUERY, nonce=query["oauth_nonce"],
            timestamp=query["oauth_timestamp"])
        plain = {name: value for name, value in query.items() if not name.startswith("oauth_")}
        url, _, _ = client.sign(f"{base_url}{parts.path}?{urlencode(plain)}")
        return url.removeprefix(base_url)

    def body(self) -> str | None:
        body = self.request["body"]
        return body if body is None or isinstance(body, str) else json.dumps(body)


def shape(status: int, body: object, headers: set[str], sent: object) -> dict:
    """What of an answer has to agree."""
    found: dict = {"status": status, "headers": headers & {"location", "x-wp-total"}}
    if isinstance(body, list):
        # The recorded shop had demo products of its own: a list's length is not compared.
        found["rows"] = set(body[0]) if body else "none"
    elif isinstance(body, dict) and not {"create", "update", "delete"} & set(body):
        found["body"] = _row(body, sent)
    elif isinstance(body, dict):
        rows = sent if isinstance(sent, dict) else {}
        found["batch"] = {name: [_row(one, _nth(rows.get(name), place))
                                 for place, one in enumerate(answered)]
                          for name, answered in body.items()}
    return found


def _row(row: Row, sent: object) -> dict:
    error = row.get("error", row if "code" in row and "data" in row else None)
    if error is not None:
        data = error["data"]
        if not isinstance(data, dict):
            return {"code": error["code"], "data": data}
        details = data.get("details", {})
        return {"id": row.get("id"), "code": error["code"], "data": set(data),
                "status": data["status"],
                "details": {name: one["code"] for name, one in details.items()}}
    wanted = sent if isinstance(sent, dict) else {}
    compared = set(wanted) & set(row) - {"attributes", "images", "meta_data", "line_items",
                                         "billing", "shipping_lines", "id"}
    return {"keys": set(row), "values": {name: row[name] for name in compared}}


def _nth(rows: object, place: int) -> object:
    return rows[place] if isinstance(rows, list) else None


def compared(path: Path) -> tuple[dict, dict]:
    """What was recorded and what the sandbox says."""
    replay = Replay(path)
    answer = replay.send()
    expected, sent = replay.expected, replay.request["body"]
    recorded_headers = {name.lower() for name, _ in expected["headers"]}
    return (shape(expected["status"], expected["body"], recorded_headers, sent),
            shape(answer.status_code, answer.get_json(silent=True, force=True),
                  {name.lower() for name, _ in answer.headers}, sent))


needs_recordings = pytest.mark.skipif(
    not FILES, reason="the recordings of a real shop are not beside this repository")


@needs_recordings
@pytest.mark.parametrize("path", [one for one in FILES if one.stem not in DIFFERENCES],
                         ids=lambda path: path.stem)
def test_the_sandbox_answers_as_the_real_shop_did(path: Path) -> None:
    recorded, answered = compared(path)

    assert answered == recorded


@needs_recordings
@pytest.mark.parametrize("name", sorted(DIFFERENCES))
def test_a_listed_difference_is_still_one(name: str) -> None:
    recorded, answered = compared(RECORDED / f"{name}.json")

    assert answered != recorded
