"""Orders: put into the shop as a customer would, and moved on through their states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from . import states
from .clock import stamp
from .ids import fixed_id, new_id
from .schema import DEFAULT_CURRENCY, SYSTEM_LANGUAGE
from .seed import ALWAYS_RULE, INVOICE, SHIPPING, STOREFRONT
from .store import Row, Store

FIRST_NUMBER = 10_000
CENT = Decimal("0.01")
ROUNDING = {"decimals": 2, "interval": CENT, "roundForNet": True, "extensions": [],
            "apiAlias": "shopware_core_framework_data_abstraction_layer_pricing"
                        "_cash_rounding_config"}


@dataclass(frozen=True)
class Line:
    """So many of a product, at what one of it costs."""

    product: Row
    quantity: int
    unit_gross: Decimal
    tax_rate: Decimal
    label: str

    @property
    def gross(self) -> Decimal:
        return self.unit_gross * self.quantity


@dataclass(frozen=True)
class Wanted:
    """An order to be placed. Amounts are gross, in the shop's currency.

    With `is_shipping_discounted` a promotion takes the shipping costs off again: a second delivery
    of negative costs, without articles.
    """

    lines: list[Line]
    number: str | None = None
    shipping: Decimal = Decimal(0)
    is_shipping_discounted: bool = False
    custom_fields: Row | None = None
    order_id: str = field(default_factory=new_id)
    delivery_id: str = field(default_factory=new_id)
    transaction_id: str = field(default_factory=new_id)


def place(store: Store, wanted: Wanted) -> Row:
    """Put an order with everything below it into the shop; the ordered articles leave the stock."""
    amounts = _Amounts(wanted)
    order_id, number = wanted.order_id, wanted.number or next_number(store)
    address_id, now = new_id(), datetime.now(UTC)
    order = store.insert(
        "order", order_id, orderNumber=number, billingAddressId=address_id,
        currencyId=DEFAULT_CURRENCY, languageId=SYSTEM_LANGUAGE, salesChannelId=STOREFRONT,
        orderDateTime=stamp(now), orderDate=stamp(now.replace(hour=0, minute=0, second=0,
                                                              microsecond=0)),
        stateId=states.state_id("order", "open"), currencyFactor=1, deepLinkCode=new_id(),
        ruleIds=[ALWAYS_RULE], itemRounding=ROUNDING, totalRounding=ROUNDING, taxStatus="gross",
        customFields=wanted.custom_fields, **amounts.of_order())
    _insert_customer(store, order_id, address_id, number)
    _insert_delivery(store, wanted.delivery_id, order_id, address_id,
                     amounts.costs(wanted.shipping), now)
    for position, line in enumerate(wanted.lines, 1):
        _insert_line(store, wanted, line, position)
    if wanted.is_shipping_discounted:
        _insert_delivery(store, new_id(), order_id, address_id,
                         amounts.costs(-wanted.shipping), now)
    store.insert("order_transaction", wanted.transaction_id, orderId=order_id,
                 paymentMethodId=INVOICE, stateId=states.state_id("order_transaction", "open"),
                 amount=_calculated(amounts.total, 1, amounts.taxes()))
    move_stock(store, order_id, -1)
    return order


def next_number(store: Store) -> str:
    taken = {row["orderNumber"] for row in store.table("order").values()}
    number = FIRST_NUMBER + len(taken)
    while str(number) in taken:
        number += 1
    return str(number)


def order_id_of(store: Store, entity: str, row_id: str) -> str:
    """The order that a delivery or transaction belongs to; an unknown row stands for itself."""
    row = store.get(entity, row_id) or {}
    return row_id if entity == "order" else row.get("orderId", row_id)


def step(store: Store, entity: str, row_id: str, action: str) -> tuple[Row, Row]:
    """One step in the states of a row, with what it does to the stock. Raises ApiError."""
    before, after = states.step(store, entity, row_id, action)
    if entity == "order" and before is not after:
        if after["technicalName"] == "cancelled":
            move_stock(store, row_id, 1)
        elif before["technicalName"] == "cancelled":
            move_stock(store, row_id, -1)
    return before, after


def move_stock(store: Store, order_id: str, sign: int) -> None:
    """The articles of an order leave the stock (-1) or come back to it (1)."""
    moved: Counter[str] = Counter()
    for line in store.children("order_line_item", "orderId", order_id):
        if line.get("productId") is not None:
            moved[line["productId"]] += sign * line["quantity"]
    for product_id, quantity in moved.items():
        product = store.table("product")[product_id]
        store.put("product", product_id, {
            **product, "stock": product["stock"] + quantity, "updatedAt": stamp(),
            "sales": product.get("sales", 0) - quantity})


class _Amounts:
    """The sums of an order, as a cart calculates them."""

    def __init__(self, wanted: Wanted) -> None:
        self.positions = sum((line.gross for line in wanted.lines), Decimal(0))
        self.shipping = Decimal(0) if wanted.is_shipping_discounted else wanted.shipping
        self.total = self.positions + self.shipping
        self._gross_by_rate: dict[Decimal, Decimal] = {}
        for line in wanted.lines:
            self._gross_by_rate[line.tax_rate] = (
                self._gross_by_rate.get(line.tax_rate, Decimal(0)) + line.gross)
        self.shipping_rate = max(self._gross_by_rate)  # shipping is taxed as the dearest line
        self._gross_by_rate[self.shipping_rate] += self.shipping

    def costs(self, gross: Decimal) -> Row:
        """Shipping costs as a price."""
        return _calculated(gross, 1, [_tax(gross, self.shipping_rate)])

    def taxes(self) -> list[Row]:
        return [_tax(gross, rate) for rate, gross in self._gross_by_rate.items()]

    def of_order(self) -> Row:
        taxes = self.taxes()
        net = self.total - sum((one["tax"] for one in taxes), Decimal(0))
        price = {"extensions": [], "netPrice": net, "totalPrice": self.total,
                 "calculatedTaxes": taxes, "taxRules": _rules(taxes),
                 "positionPrice": self.positions, "taxStatus": "gross", "rawTotal": self.total,
                 "apiAlias": "cart_price"}
        return {"price": price, "amountTotal": self.total, "amountNet": net,
                "positionPrice": self.positions, "shippingTotal": self.shipping,
                "shippingCosts": self.costs(self.shipping)}


def _insert_customer(store: Store, order_id: str, address_id: str, number: str) -> None:
    person = {"orderId": order_id, "firstName": "Erika", "lastName": f"Muster {number}",
              "salutationId": fixed_id("salutation mrs")}
    store.insert("order_customer", new_id(), email=f"customer-{number}@example.com",
                 customerNumber=number, **person)
    store.insert("order_address", address_id, street="Teststraße 1", zipcode="10115",
                 city="Berlin", countryId=fixed_id("country DE"), **person)


def _insert_delivery(store: Store, delivery_id: str, order_id: str, address_id: str,
                     costs: Row, now: datetime) -> None:
    store.insert("order_delivery", delivery_id, orderId=order_id,
                 shippingOrderAddressId=address_id, shippingMethodId=SHIPPING,
                 stateId=states.state_id("order_delivery", "open"),
                 shippingDateEarliest=stamp(now + timedelta(days=1)),
                 shippingDateLatest=stamp(now + timedelta(days=3)),
                 shippingCosts=costs)


def _insert_line(store: Store, wanted: Wanted, line: Line, position: int) -> None:
    product, line_id = line.product, new_id()
    price = _calculated(line.unit_gross, line.quantity, [_tax(line.gross, line.tax_rate)])
    store.insert(
        "order_line_item", line_id, orderId=wanted.order_id, identifier=product["id"],
        referencedId=product["id"], productId=product["id"], quantity=line.quantity,
        label=line.label, type="product", good=True, removable=True, stackable=True,
        position=position, unitPrice=line.unit_gross, totalPrice=line.gross, price=price,
        priceDefinition=_definition(line, price), payload=_payload(product), states=["is-physical"])
    store.insert("order_delivery_position", new_id(), orderDeliveryId=wanted.delivery_id,
                 orderLineItemId=line_id, price=price, unitPrice=line.unit_gross,
                 totalPrice=line.gross, quantity=line.quantity)


def _definition(line: Line, price: Row) -> Row:
    return {"extensions": [], "type": "quantity", "price": line.unit_gross,
            "quantity": line.quantity, "isCalculated": True, "taxRules": price["taxRules"],
            "referencePriceDefinition": None, "listPrice": None, "regulationPrice": None,
            "apiAlias": "cart_price_quantity"}


def _payload(product: Row) -> Row:
    """What an order line keeps of its product."""
    kept = ("isCloseout", "releaseDate", "markAsTopseller", "purchasePrices", "productNumber",
            "manufacturerId", "taxId", "parentId", "stock", "createdAt")
    nothing = ("tagIds", "categoryIds", "propertyIds", "optionIds", "streamIds")
    return {**{name: product.get(name) for name in kept}, **dict.fromkeys(nothing),
            "customFields": [], "isNew": False, "options": [], "features": []}


def _calculated(unit: Decimal, quantity: int, taxes: list[Row]) -> Row:
    return {"extensions": [], "unitPrice": unit, "quantity": quantity,
            "totalPrice": unit * quantity, "calculatedTaxes": taxes, "taxRules": _rules(taxes),
            "referencePrice": None, "listPrice": None, "regulationPrice": None,
            "apiAlias": "calculated_price"}


def _tax(gross: Decimal, rate: Decimal) -> Row:
    tax = (gross - gross / (1 + rate / 100)).quantize(CENT, ROUND_HALF_UP)
    return {"extensions": [], "tax": tax, "taxRate": rate, "price": gross,
            "apiAlias": "cart_tax_calculated"}


def _rules(taxes: Iterable[Row]) -> list[Row]:
    return [{"extensions": [], "taxRate": one["taxRate"], "percentage": 100,
             "apiAlias": "cart_tax_rule"} for one in taxes]


def shown(store: Store, order: Row, writes: list[Row]) -> Row:
    """An order as the admin route lists it."""
    order_id = order["id"]
    return {
        "id": order_id, "number": order["orderNumber"], "state": _state(store, order),
        "custom_fields": order.get("customFields"),
        "lines": [{"id": line["id"], "number": line["payload"]["productNumber"],
                   "quantity": line["quantity"], "gross": line["unitPrice"]}
                  for line in store.children("order_line_item", "orderId", order_id)],
        "deliveries": [_shown_delivery(store, one)
                       for one in store.children("order_delivery", "orderId", order_id)],
        "transactions": [{"id": one["id"], "state": _state(store, one)}
                         for one in store.children("order_transaction", "orderId", order_id)],
        "writes": writes}


def _shown_delivery(store: Store, delivery: Row) -> Row:
    positions = store.children("order_delivery_position", "orderDeliveryId", delivery["id"])
    method = store.get("shipping_method", delivery["shippingMethodId"]) or {}
    return {"id": delivery["id"], "state": _state(store, delivery),
            "tracking_codes": delivery["trackingCodes"],
            "shipping_method": method.get("technicalName"),
            "shipping_costs": delivery["shippingCosts"]["totalPrice"],
            "lines": [one["orderLineItemId"] for one in positions]}


def _state(store: Store, row: dict[str, Any]) -> str:
    name: str = store.table("state_machine_state")[row["stateId"]]["technicalName"]
    return name
