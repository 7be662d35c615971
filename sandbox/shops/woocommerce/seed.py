"""What a freshly installed shop with German taxes contains."""

from __future__ import annotations

from typing import Any

from .store import Store

UNCATEGORIZED = 15
TAXES = (("19.0000", "standard", "MwSt."), ("7.0000", "reduced-rate", "MwSt. ermäßigt"),
         ("0.0000", "zero-rate", "steuerfrei"))
TAX_CLASSES = (("standard", "Standard rate"), ("reduced-rate", "Reduced rate"),
               ("zero-rate", "Zero rate"))


def fill(store: Store, options: Any) -> None:
    """Put the rows of a fresh installation into an empty store."""
    store.terms = {name: {} for name in ("categories", "tags", "brands", "shipping_classes")}
    store.terms["categories"][store.next_term()] = {
        "id": UNCATEGORIZED, "name": "Uncategorized", "slug": "uncategorized", "parent": 0,
        "description": "", "display": "default"}
    store.tax_classes = [{"slug": slug, "name": name} for slug, name in TAX_CLASSES]
    for order, (rate, tax_class, name) in enumerate(TAXES):
        tax_id = store.next_row()
        store.taxes[tax_id] = {
            "id": tax_id, "country": "DE", "state": "", "postcode": "", "city": "", "rate": rate,
            "name": name, "priority": 1, "compound": False, "shipping": True, "order": order,
            "class": tax_class, "postcodes": [], "cities": []}
    for group, name, value in (
            ("general", "woocommerce_default_country", "DE"),
            ("general", "woocommerce_calc_taxes", _yes(options.calc_taxes)),
            ("general", "woocommerce_currency", options.currency),
            ("tax", "woocommerce_prices_include_tax", _yes(options.prices_include_tax)),
            ("products", "woocommerce_weight_unit", options.weight_unit),
            ("products", "woocommerce_dimension_unit", options.dimension_unit),
            ("products", "woocommerce_manage_stock", _yes(options.manage_stock))):
        store.settings.setdefault(group, {})[name] = {
            "id": name, "label": name, "description": "", "type": "text", "default": value,
            "tip": "", "value": value, "group_id": group}


def _yes(is_on: bool) -> str:
    return "yes" if is_on else "no"
