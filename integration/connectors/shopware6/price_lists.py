"""Prices by quantity and customer group: rows of `product_price` under rules of our own.

A row counts where its rule holds, so everybody and each customer group get a rule, made with the
first price that needs it. Only rows under these rules are ours: what an agency enters under other
rules stays. Nested rows only add, so each write deletes those of ours that it does not bring.
Source: docs/sources.md#shopware-price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import count
from typing import Any

from integration.connectors.shopware6 import ids
from integration.connectors.shopware6.client import PAGE_SIZE, Client
from integration.connectors.shopware6.facts import DEFAULT_CURRENCY, Facts

#: Above the shop's own "Always valid (Default)" (100): of several rules that hold, the first by
#: priority has its price, and a group's price goes before everybody's.
EVERYBODYS_PRIORITY, GROUPS_PRIORITY = 150, 200

Values = dict[str, Any]


class PriceLists:
    """The price lists of the products of one push. `facts` remembers which rules the shop has."""

    def __init__(self, client: Client, facts: Facts, namespace: str) -> None:
        self._client, self._facts, self._namespace = client, facts, namespace
        self._group_by_rule: dict[str, str | None] = {}
        #: Rows of ours that the shop has, by product; asked for once, however often the shop
        #: refuses a part of the batch.
        self._there: dict[str, set[str]] = {}

    def rows(self, article_id: str, prices: Iterable[Mapping[str, Any]]) -> list[Values]:
        """The nested rows of one product."""
        return [self._row(article_id, one) for one in prices]

    def operations(self, products: Sequence[Mapping[str, Any]]) -> list[Values]:
        """What goes before these products in one request: rules that the shop lacks, and the
        deletion of our rows that they do not bring. By id: until 6.6 a filter deletes only rows
        that link two others. Never an id that is written, too, because the shop decides between
        insert and update before it deletes.
        """
        listed = [one for one in products if "prices" in one]
        if not listed:
            return []
        known = self._facts.price_rules(self.marker)
        self._look([one["id"] for one in listed], known)
        brought = {row["id"]: row["ruleId"] for one in listed for row in one["prices"]}
        gone = set().union(*(self._there[one["id"]] for one in listed)) - set(brought)
        missing = sorted(set(brought.values()) - set(known))
        operations = []
        if missing:
            rules = [self._rule(one) for one in missing]
            operations.append(_operation("price-rules", "rule", "upsert", rules))
        if gone:
            rows = [{"id": one} for one in sorted(gone)]
            operations.append(_operation("gone-prices", "product_price", "delete", rows))
        return operations

    def written(
        self, operations: Iterable[Mapping[str, Any]], products: Iterable[Mapping[str, Any]]
    ) -> None:
        """Remember what a request made."""
        for one in products:
            if "prices" in one:
                self._there[one["id"]] = {row["id"] for row in one["prices"]}
        if any(one["entity"] == "rule" for one in operations):
            self._facts.forget_price_rules()

    def _look(self, product_ids: Sequence[str], rules: Sequence[str]) -> None:
        """Ask which rows of ours these products have; without rules of ours there are none."""
        unknown = [one for one in product_ids if one not in self._there]
        self._there.update((one, set()) for one in unknown)
        if not unknown or not rules:
            return
        for page in count(1):
            found = self._client.search(
                "product-price",
                page=page,
                limit=PAGE_SIZE,
                filter=[_any_of("productId", unknown), _any_of("ruleId", rules)],
                sort=[{"field": "id", "order": "ASC"}],
                includes={"product_price": ["id", "productId"]},
            )
            for row in found:
                self._there[str(row["productId"])].add(str(row["id"]))
            if len(found) < PAGE_SIZE:
                return

    @property
    def marker(self) -> str:
        """The description by which our rules of this channel are found again."""
        return f"Prices of VARIO, kept by vario-relay for {self._namespace}"

    def _row(self, article_id: str, price: Mapping[str, Any]) -> Values:
        rule_id = ids.rule_id(self._namespace, price["group"])
        self._group_by_rule[rule_id] = price["group"]
        return {
            "id": ids.price_id(self._namespace, article_id, rule_id, price["from"]),
            "ruleId": rule_id,
            "quantityStart": price["from"],
            "quantityEnd": price["to"],
            "price": [price_values(price)],
        }

    def _rule(self, rule_id: str) -> Values:
        group = self._group_by_rule[rule_id]
        outer, inner, leaf = (ids.condition_id(rule_id, part) for part in ("or", "and", "leaf"))
        condition: Values = {"type": "alwaysValid", "value": {"isAlwaysValid": True}}
        if group is not None:
            value = {"operator": "=", "customerGroupIds": [group]}
            condition = {"type": "customerCustomerGroup", "value": value}
        who = "everybody" if group is None else f"customer group {group}"
        return {
            "id": rule_id,
            "name": f"VARIO prices: {who}",
            "description": self.marker,
            "priority": EVERYBODYS_PRIORITY if group is None else GROUPS_PRIORITY,
            "moduleTypes": {"types": ["price"]},
            # As the rule builder nests them, parents first.
            "conditions": [
                {"id": outer, "type": "orContainer"},
                {"id": inner, "type": "andContainer", "parentId": outer},
                {"id": leaf, "parentId": inner, **condition},
            ],
        }


def price_values(body: Mapping[str, Any]) -> Values:
    """One entry of a price, from ``{net, gross, listPrice?, regulationPrice?}``."""
    values: Values = {"currencyId": DEFAULT_CURRENCY, **_amounts(body)}
    for name in ("listPrice", "regulationPrice"):
        if name in body:
            values[name] = {"currencyId": DEFAULT_CURRENCY, **_amounts(body[name])}
    return values


def _amounts(body: Mapping[str, Any]) -> Values:
    return {
        "gross": Decimal(body["gross"]),
        "net": Decimal(body["net"]),
        # A hint for the administration's form: it must not compute one from the other.
        "linked": False,
    }


def _any_of(field: str, values: Iterable[str]) -> Values:
    return {"type": "equalsAny", "field": field, "value": list(values)}


def _operation(key: str, entity: str, action: str, payload: list[Values]) -> Values:
    return {"key": key, "entity": entity, "action": action, "payload": payload}
