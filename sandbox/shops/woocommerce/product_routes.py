"""Routes of products and their variations."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request

from . import api, clock, coercions, render, schema, wire
from .errors import ApiError
from .shop import Shop
from .store import Row

_LISTED = ("any", "future", "trash", "draft", "pending", "private", "publish")


def add(shop: Shop, routes: Blueprint) -> None:
    """All routes below /products of products, and /variations."""
    _add_products(shop, routes)
    _add_variations(shop, routes)

    @routes.post("/products/batch")
    @routes.put("/products/batch")
    def product_batch() -> Response:
        api.permit("batch")
        return wire.answer(_batch(shop, 0), headers={"Allow": "POST, PUT, PATCH"})

    @routes.post("/products/<int:parent_id>/variations/batch")
    @routes.put("/products/<int:parent_id>/variations/batch")
    def variation_batch(parent_id: int) -> Response:
        api.permit("batch")
        shop.product(parent_id, status=404)
        return wire.answer(_batch(shop, parent_id))


def _add_products(shop: Shop, routes: Blueprint) -> None:
    @routes.get("/products")
    def products() -> Response:
        api.permit("view")
        with shop.store.lock:
            return api.page(found(shop, request.args), "/products", lambda row: _read(shop, row))

    @routes.post("/products")
    def create_product() -> Response:
        api.permit("create")
        return _created(shop, schema.PRODUCT, 0)

    @routes.get("/products/<int:product_id>")
    def show_product(product_id: int) -> Response:
        api.permit("view")
        with shop.store.lock:
            return api.one(_read(shop, shop.product(product_id, status=404)))

    @routes.route("/products/<int:product_id>", methods=api.WRITING)
    def change_product(product_id: int) -> Response:
        api.permit("edit")
        return _changed(shop, schema.PRODUCT, product_id, 0)

    @routes.delete("/products/<int:product_id>")
    def delete_product(product_id: int) -> Response:
        api.permit("delete")
        return _deleted(shop, product_id, 0)


def _add_variations(shop: Shop, routes: Blueprint) -> None:
    below = "/products/<int:parent_id>/variations"

    @routes.get("/variations")
    def all_variations() -> Response:
        api.permit("view")
        with shop.store.lock:
            ids = api.included(request.args)
            rows = [one for one in shop.store.products.values()
                    if one["type"] == "variation" and (not ids or one["id"] in ids)]
            return api.page(rows, "/variations", lambda row: _shown(shop, row))

    @routes.get(below)
    def variations(parent_id: int) -> Response:
        api.permit("view")
        with shop.store.lock:
            shop.product(parent_id, status=404)
            return api.page(shop.store.variations_of(parent_id), below,
                            lambda row: _shown(shop, row))

    @routes.post(below)
    def create_variation(parent_id: int) -> Response:
        api.permit("create")
        shop.product(parent_id, status=404)
        return _created(shop, schema.VARIATION, parent_id)

    @routes.get(f"{below}/<int:variation_id>")
    def show_variation(parent_id: int, variation_id: int) -> Response:
        api.permit("view")
        with shop.store.lock:
            return api.one(_shown(shop, shop.product(variation_id, status=404,
                                                     parent_id=parent_id)))

    @routes.route(f"{below}/<int:variation_id>", methods=api.WRITING)
    def change_variation(parent_id: int, variation_id: int) -> Response:
        api.permit("edit")
        return _changed(shop, schema.VARIATION, variation_id, parent_id)

    @routes.delete(f"{below}/<int:variation_id>")
    def delete_variation(parent_id: int, variation_id: int) -> Response:
        api.permit("delete")
        return _deleted(shop, variation_id, parent_id)


def _batch(shop: Shop, parent_id: int) -> Any:
    writer = shop.writer(g.started)

    def update(body: Row) -> Row:
        row = shop.product(body.get("id"), status=400, parent_id=parent_id)
        return _shown(shop, shop.update(writer, row, body))

    def delete(product_id: Any) -> Row:
        row = shop.product(product_id, status=404, parent_id=parent_id)
        return _shown(shop, shop.delete(writer, row, force=True))

    return api.batch(shop, wire.body(), update=update, delete=delete, create=lambda body: _shown(
        shop, shop.create(writer, body, parent_id=parent_id)))


def _created(shop: Shop, arguments: dict[str, schema.Argument], parent_id: int) -> Response:
    body = wire.body()
    schema.check(body, arguments)
    shop.wait(1)
    with shop.store.lock:
        row = shop.create(shop.writer(g.started), body, parent_id=parent_id)
        shown = _shown(shop, row)
    return api.one(shown, 201, shown["_links"]["self"][0]["href"])


def _changed(shop: Shop, arguments: dict[str, schema.Argument], product_id: int,
             parent_id: int) -> Response:
    body = wire.body()
    schema.check(body, arguments)
    shop.wait(1)
    with shop.store.lock:
        row = shop.product(product_id, status=400, parent_id=parent_id)
        return api.one(_shown(shop, shop.update(shop.writer(g.started), row, body)))


def _deleted(shop: Shop, product_id: int, parent_id: int) -> Response:
    force = coercions.truth(request.args.get("force"))
    with shop.store.lock:
        row = shop.product(product_id, status=404, parent_id=parent_id)
        if row["status"] == "trash" and not force:
            raise ApiError(410, "woocommerce_rest_already_trashed",
                           "The product has already been deleted.")
        shown = _shown(shop, row)
        shop.delete(shop.writer(g.started), row, force=force)
        return api.one(shown)


def _shown(shop: Shop, row: Row) -> Row:
    show = render.variation if row["type"] == "variation" else render.product
    return show(shop.store, shop.url, row)


def _read(shop: Shop, row: Row) -> Row:
    """As a read shows it: texts come through the theme's filters; variations like products."""
    shown = render.product(shop.store, shop.url, row)
    del shown["permalink_template"], shown["generated_slug"]
    text = row["description"]
    if text:
        shown["description"] = (text if text.startswith("<") else f"<p>{text}</p>") + "\n"
    return shown


def found(shop: Shop, query: Any) -> list[Row]:
    """The products a list's query means, in its order. Raises ApiError."""
    status = query.get("status", "any")
    if status not in _LISTED:
        raise schema.not_one_of("status", "status", _LISTED)
    asked = query.get("sku", "")
    # The whole text counts as a number, too: it may be one with a comma.
    skus = {one.strip().casefold() for one in (*asked.split(","), asked) if one.strip()}
    ids = api.included(query)
    zone = clock.UTC_ZONE if query.get("dates_are_gmt") == "true" else None
    after = clock.parsed(query.get("modified_after"), zone)
    wanted = [
        row for row in shop.store.products.values()
        if _has_status(row, status)
        # Variations show up only where a number was asked for.
        and (row["sku"].casefold() in skus if skus else row["type"] != "variation")
        and (not ids or row["id"] in ids)
        and (after is None or row["modified"] > after)
        and query.get("global_unique_id", row["global_unique_id"]) == row["global_unique_id"]]
    key = {"modified": "modified", "id": "id"}.get(query.get("orderby", "date"), "created")
    return sorted(wanted, key=lambda row: (row[key], row["id"]),
                  reverse=query.get("order", "desc") != "asc")


def _has_status(row: Row, status: str) -> bool:
    return row["status"] != "trash" if status == "any" else row["status"] == status
