"""Rows as the API shows them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from . import clock, images
from .products import is_on_sale
from .store import Row, Store

ROUTE = "/wp-json/wc/v3"
_HINTS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def links(url: str, path: str, **more: Any) -> Row:
    """`_links` of the row at `path` below the API's root."""
    collection = path.rpartition("/")[0]
    return {"self": [{"href": f"{url}{ROUTE}{path}", "targetHints": {"allow": _HINTS}}],
            "collection": [{"href": f"{url}{ROUTE}{collection}"}], **more}


def product(store: Store, url: str, row: Row) -> Row:
    """A product in full, as each write answers it."""
    is_public = row["status"] == "publish"
    link = f"{url}/product/{row['slug']}/" if is_public else (
        f"{url}/?post_type=product&p={row['id']}")
    slug = f"{row['slug']}__trashed" if row["status"] == "trash" else row["slug"]
    is_variable = row["type"] == "variable"
    children = [one["id"] for one in store.variations_of(row["id"])] if is_variable else []
    return {
        "id": row["id"], "name": row["name"], "slug": slug, "permalink": link, **_dates(row),
        "type": row["type"], "status": row["status"], "featured": row["featured"],
        "catalog_visibility": row["catalog_visibility"], "description": row["description"],
        "short_description": row["short_description"], "sku": row["sku"], **_prices(row),
        "total_sales": row["total_sales"], **_download(), "external_url": "", "button_text": "",
        "tax_status": row["tax_status"], "tax_class": row["tax_class"], **_stock(row),
        "sold_individually": False, **_shipping(row), "reviews_allowed": True,
        "average_rating": "0", "rating_count": 0, "upsell_ids": [], "cross_sell_ids": [],
        "parent_id": row["parent_id"], "purchase_note": "",
        **{name: _terms(store, name, row[name]) for name in ("categories", "brands", "tags")},
        "images": [images.shown(store, url, one["id"]) for one in row["images"]],
        "attributes": row["attributes"], "default_attributes": row["default_attributes"],
        "variations": children, "grouped_products": [], "menu_order": row["menu_order"],
        "price_html": f"<span>{_prices(row)['price']}</span>" if _prices(row)["price"] else "",
        "related_ids": [], "meta_data": row["meta_data"], "stock_status": row["stock_status"],
        "has_options": is_variable, "post_password": "",
        "global_unique_id": row["global_unique_id"],
        "permalink_template": f"{url}/product/%pagename%/", "generated_slug": row["slug"],
        "_links": links(url, f"/products/{row['id']}")}


def variation(store: Store, url: str, row: Row) -> Row:
    parent = f"/products/{row['parent_id']}"
    options = [one["option"] for one in row["attributes"]]
    chosen = "&".join(f"attribute_{one['name'].lower()}={one['option']}"
                      for one in row["attributes"])
    shown = [images.shown(store, url, one["id"]) for one in row["images"]]
    up = {"up": [{"href": f"{url}{ROUTE}{parent}"}]}
    return {
        "id": row["id"], "type": "variation", **_dates(row), "description": row["description"],
        "permalink": f"{url}/product/{row['parent_id']}/?{chosen}", "sku": row["sku"],
        "global_unique_id": row["global_unique_id"], **_prices(row), "status": row["status"],
        **_download(), "tax_status": row["tax_status"], "tax_class": row["tax_class"],
        **_stock(row), "stock_status": row["stock_status"], **_shipping(row, is_variation=True),
        "image": shown[0] if shown else None, "gallery_image_ids": [],
        "attributes": row["attributes"], "menu_order": row["menu_order"],
        "meta_data": row["meta_data"], "name": ", ".join(options), "parent_id": row["parent_id"],
        "_links": links(url, f"{parent}/variations/{row['id']}", **up)}


def _dates(row: Row) -> Row:
    return {**clock.pair("date_created", row["created"]),
            **clock.pair("date_modified", row["modified"])}


def _prices(row: Row) -> Row:
    on_sale = is_on_sale(row)
    price = row["sale_price"] if on_sale else row["regular_price"]
    return {"price": price, "regular_price": row["regular_price"], "sale_price": row["sale_price"],
            **clock.pair("date_on_sale_from", row["date_on_sale_from"]),
            **clock.pair("date_on_sale_to", row["date_on_sale_to"]), "on_sale": on_sale,
            "purchasable": bool(price), "virtual": False}


def _download() -> Row:
    return {"downloadable": False, "downloads": [], "download_limit": -1, "download_expiry": -1}


def _stock(row: Row) -> Row:
    quantity = row["stock_quantity"]
    allowed = row["backorders"] != "no"
    return {"manage_stock": row["manage_stock"], "stock_quantity": quantity,
            "backorders": row["backorders"], "backorders_allowed": allowed,
            "backordered": allowed and quantity is not None and quantity < 0,
            "low_stock_amount": None}


def _shipping(row: Row, *, is_variation: bool = False) -> Row:
    shown = {"weight": row["weight"], "dimensions": row["dimensions"],
             "shipping_class": "", "shipping_class_id": 0}
    if is_variation:
        return shown
    return {**shown, "shipping_required": True, "shipping_taxable": True}


def _terms(store: Store, taxonomy: str, ids: list[int]) -> list[Row]:
    found = [store.terms[taxonomy][one] for one in ids if one in store.terms[taxonomy]]
    return [{name: one[name] for name in ("id", "name", "slug")} for one in found]


def net_and_gross(store: Store, row: Row, rate: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """Both sides of the regular price; the one that the shop does not keep follows the tax."""
    if not row["regular_price"]:
        return None, None
    kept, factor, cent = Decimal(row["regular_price"]), 1 + rate / 100, Decimal("0.01")
    if store.settings["tax"]["woocommerce_prices_include_tax"]["value"] == "yes":
        return (kept / factor).quantize(cent, "ROUND_HALF_UP"), kept
    return kept, (kept * factor).quantize(cent, "ROUND_HALF_UP")
