"""Routes that tell how the shop is set up: its index, settings, taxes, currency and status."""

from __future__ import annotations

from flask import Blueprint, Response

from . import api, errors, render, wire
from .shop import Shop
from .store import Row

NAMESPACES = ["oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wc-admin", "wp/v2"]


def add(shop: Shop, routes: Blueprint) -> None:
    """All of them; none of these writes but the settings'."""
    _add_settings(shop, routes)

    @routes.get("/")
    def root() -> Response:
        return wire.answer({"namespace": "wc/v3", "routes": {}, "_links": {}})

    @routes.get("/taxes")
    def taxes() -> Response:
        api.permit("view")
        return api.page(list(shop.store.taxes.values()), "/taxes", lambda row: {
            **row, "_links": render.links(shop.url, f"/taxes/{row['id']}")})

    @routes.get("/taxes/classes")
    def tax_classes() -> Response:
        api.permit("view")
        return wire.answer([{**one, "_links": {}} for one in shop.store.tax_classes])

    @routes.get("/data/currencies/current")
    def currency() -> Response:
        api.permit("view")
        code = shop.store.settings["general"]["woocommerce_currency"]["value"]
        return wire.answer({"code": code, "name": code, "symbol": "&euro;", "_links": {}})

    @routes.get("/system_status")
    def system_status() -> Response:
        api.permit("view")
        return wire.answer(_status(shop))


def index(shop: Shop) -> Row:
    """What /wp-json/ answers to anybody."""
    served = [*NAMESPACES, *filter(None, [shop.options.tracking_plugin])]
    return {"name": "Sandbox", "description": "", "url": shop.url, "home": shop.url,
            "gmt_offset": "1", "timezone_string": "Europe/Berlin", "namespaces": served,
            "authentication": [], "routes": {}, "_links": {}}


def _add_settings(shop: Shop, routes: Blueprint) -> None:
    @routes.get("/settings")
    def groups() -> Response:
        api.permit("view")
        return wire.answer([{"id": name, "label": name, "description": "", "parent_id": "",
                             "sub_groups": []} for name in shop.store.settings])

    @routes.get("/settings/<group>")
    def settings(group: str) -> Response:
        api.permit("view")
        return wire.answer([_setting(shop, one) for one in _group(shop, group).values()])

    @routes.get("/settings/<group>/<name>")
    def setting(group: str, name: str) -> Response:
        api.permit("view")
        return wire.answer(_setting(shop, _named(shop, group, name)))

    @routes.route("/settings/<group>/<name>", methods=api.WRITING)
    def change(group: str, name: str) -> Response:
        api.permit("edit")
        with shop.store.lock:
            row = {**_named(shop, group, name), "value": str(wire.body().get("value", ""))}
            shop.store.settings[group][name] = row
        return wire.answer(_setting(shop, row))


def _group(shop: Shop, group: str) -> dict[str, Row]:
    if group not in shop.store.settings:
        raise errors.ApiError(404, "rest_setting_setting_group_invalid", "Invalid setting group.")
    return shop.store.settings[group]


def _named(shop: Shop, group: str, name: str) -> Row:
    if name not in _group(shop, group):
        raise errors.ApiError(404, "rest_setting_setting_invalid", "Invalid setting.")
    return shop.store.settings[group][name]


def _setting(shop: Shop, row: Row) -> Row:
    return {**row, "_links": render.links(shop.url, f"/settings/{row['group_id']}/{row['id']}")}


def _status(shop: Shop) -> Row:
    value = {name: one["value"] for group in shop.store.settings.values()
             for name, one in group.items()}
    return {
        "environment": {"home_url": shop.url, "site_url": shop.url,
                        "version": shop.options.version, "wp_version": "7.1",
                        "php_version": "8.2.36", "max_execution_time": 30},
        "database": {"wc_database_version": shop.options.version},
        "active_plugins": [{"plugin": "woocommerce/woocommerce.php", "name": "WooCommerce",
                            "version": shop.options.version}],
        "theme": {"name": "Sandbox"},
        "settings": {"api_enabled": False, "force_ssl": False,
                     "currency": value["woocommerce_currency"], "currency_symbol": "&euro;",
                     "thousand_separator": ".", "decimal_separator": ",", "number_of_decimals": 2,
                     "taxes_enabled": value["woocommerce_calc_taxes"] == "yes"},
        "security": {"secure_connection": False, "hide_errors": True}, "pages": [],
        "post_type_counts": [{"type": "product", "count": str(len(shop.store.products))}]}
