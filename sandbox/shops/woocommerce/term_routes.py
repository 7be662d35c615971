"""Routes of what groups products: categories, tags, brands, shipping classes, attributes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from . import api, coercions, errors, render, schema, wire
from .errors import ApiError
from .shop import Shop
from .store import Row

INVALID_TERM = "woocommerce_rest_term_invalid"


def add(shop: Shop, routes: Blueprint) -> None:
    """Routes of all taxonomies."""
    younger = ("brands",) if shop.options.has_brands else ()
    for taxonomy in ("categories", "tags", "shipping_classes", *younger):
        _add_terms(routes, f"/products/{taxonomy}", Terms(shop, taxonomy))
    _add_terms(routes, "/products/attributes", Attributes(shop))

    below = "/products/attributes/<int:attribute_id>/terms"
    routes.add_url_rule(below, "attribute_terms", methods=["GET", "POST"],
                        view_func=lambda attribute_id: _all(_options(shop, attribute_id)))
    routes.add_url_rule(f"{below}/batch", "attribute_terms_batch", methods=api.WRITING,
                        view_func=lambda attribute_id: _batch(_options(shop, attribute_id)))


class Terms:
    """One taxonomy of the shop."""

    def __init__(self, shop: Shop, taxonomy: str, path: str = "") -> None:
        self.shop, self.taxonomy = shop, taxonomy
        self.path = path or f"/products/{taxonomy}"

    @property
    def rows(self) -> dict[int, Row]:
        return self.shop.store.terms.setdefault(self.taxonomy, {})

    def create(self, body: Row) -> Row:
        """Raises ApiError; a name that is there already names the term that has it."""
        name = coercions.markup(body.get("name"))
        if not name:
            raise ApiError(400, "rest_missing_callback_param", "Missing parameter(s): name",
                           params=["name"])
        parent = coercions.whole(body.get("parent"))
        for one in self.rows.values():
            if one["name"].casefold() == name.casefold() and one["parent"] == parent:
                raise errors.term_exists(one["id"])
        term_id = self.shop.store.next_term()
        self.rows[term_id] = {"id": term_id, "name": name,
                              "slug": coercions.text(body.get("slug")) or coercions.slug(name),
                              "parent": parent, "display": "default",
                              "description": coercions.markup(body.get("description"))}
        return self.rows[term_id]

    def update(self, term_id: Any, body: Row) -> Row:
        row = self.get(term_id)
        texts = {name: coercions.markup(body[name])
                 for name in ("name", "description", "slug") if body.get(name) is not None}
        self.rows[row["id"]] = {**row, **texts}
        return self.rows[row["id"]]

    def delete(self, term_id: Any) -> Row:
        return self.rows.pop(self.get(term_id)["id"])

    def get(self, term_id: Any) -> Row:
        row = self.rows.get(term_id) if isinstance(term_id, int) else None
        if row is None:
            raise errors.invalid_id(404, INVALID_TERM, "Resource does not exist.")
        return row

    def shown(self, row: Row) -> Row:
        count = sum(row["id"] in one.get(self.taxonomy, ())
                    for one in self.shop.store.products.values())
        return {"id": row["id"], "name": row["name"], "slug": row["slug"],
                "parent": row["parent"], "description": row["description"],
                "display": row["display"], "image": None, "menu_order": 0, "count": count,
                "_links": render.links(self.shop.url, f"{self.path}/{row['id']}")}


class Attributes(Terms):
    """The shop's own attributes; their terms are taxonomies `pa_ID`."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop, "attributes")

    @property
    def rows(self) -> dict[int, Row]:
        return self.shop.store.attributes

    def shown(self, row: Row) -> Row:
        return {"id": row["id"], "name": row["name"], "slug": f"pa_{row['slug']}",
                "type": "select", "order_by": "menu_order", "has_archives": False,
                "_links": render.links(self.shop.url, f"{self.path}/{row['id']}")}


def _options(shop: Shop, attribute_id: int) -> Terms:
    if attribute_id not in shop.store.attributes:
        raise errors.invalid_id(404, "woocommerce_rest_taxonomy_invalid",
                                "Resource does not exist.")
    return Terms(shop, f"pa_{attribute_id}", f"/products/attributes/{attribute_id}/terms")


def _add_terms(routes: Blueprint, path: str, terms: Terms) -> None:
    routes.add_url_rule(path, f"all_{terms.taxonomy}", methods=["GET", "POST"],
                        view_func=lambda: _all(terms))
    routes.add_url_rule(f"{path}/<int:term_id>", f"one_{terms.taxonomy}",
                        methods=["GET", *api.WRITING, "DELETE"],
                        view_func=lambda term_id: _one(terms, term_id))
    routes.add_url_rule(f"{path}/batch", f"batch_{terms.taxonomy}", methods=api.WRITING,
                        view_func=lambda: _batch(terms))


def _all(terms: Terms) -> Response:
    api.permit("view" if request.method == "GET" else "create")
    with terms.shop.store.lock:
        if request.method == "GET":
            ids = api.included(request.args)
            rows = [one for one in terms.rows.values() if not ids or one["id"] in ids]
            rows.sort(key=lambda one: one["name"].casefold())
            return api.page(rows, terms.path, terms.shown)
        body = wire.body()
        schema.check(body, schema.TERM)
        row = terms.create(body)
        return api.one(terms.shown(row), 201,
                       f"{terms.shop.url}{render.ROUTE}{terms.path}/{row['id']}")


def _one(terms: Terms, term_id: int) -> Response:
    actions = {"GET": "view", "DELETE": "delete"}
    api.permit(actions.get(request.method, "edit"))
    with terms.shop.store.lock:
        row = terms.get(term_id)
        if request.method == "DELETE":
            if not coercions.truth(request.args.get("force")):
                raise ApiError(501, "woocommerce_rest_trash_not_supported",
                               "Resource does not support trashing.")
            return api.one(terms.shown(terms.delete(term_id)))
        if request.method != "GET":
            row = terms.update(term_id, wire.body())
        return api.one(terms.shown(row))


def _batch(terms: Terms) -> Response:
    api.permit("batch")
    return wire.answer(api.batch(
        terms.shop, wire.body(), create=lambda body: terms.shown(terms.create(body)),
        update=lambda body: terms.shown(terms.update(body.get("id"), body)),
        delete=lambda term_id: terms.shown(terms.delete(term_id))))
