"""The ERP's rows as topics take them: checked by marshmallow, one dataclass for all topics.

Inbound, therefore unknown keys are left out: the ERP may say more than we ask for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from integration.errors import Invalid
from integration.mapping_kinds import Kind
from integration.topics.noted import raise_noted
from integration.topics.price_steps import PriceRecord

#: Never offered in a shop: it is the ERP's way to charge for shipping.
SHIPPING_COSTS = "SHIPPING_COSTS"
#: The article above its variants; it has neither price nor stock of its own (vario-erp.md 5).
MAIN_ARTICLE = "VARIANT_MAIN_ARTICLE"
#: Articles of which the ERP keeps no stock.
UNTRACKED_TYPES = frozenset({"WITHOUT_STOCK", "SERVICE_ARTICLE", "SERVICE_CONTINGENT"})


class StorageRecord(NamedTuple):
    """What a storage location has of an article, and the percentage that the channel may sell."""

    id: str
    available: Decimal
    percent: Decimal
    label: str = ""


@dataclass(frozen=True)
class ErpRow:
    """One article on one channel; None where the ERP states nothing or was not asked."""

    id: str
    number: str | None = None
    name: str | None = None
    listing_name: str | None = None
    description: str | None = None
    listing_description: str | None = None
    active: bool = False
    listed: bool = True
    ean: str | None = None
    weight: Decimal | None = None
    weight_unit: str | None = None
    manufacturer: str | None = None
    product_type: str | None = None
    sellable_without_stock: bool = False
    net: Decimal | None = None
    gross: Decimal | None = None
    price_currency: str | None = None
    tax_rate: Decimal | None = None
    tax_type: str | None = None
    stock: Decimal | None = None
    manufacturer_number: str | None = None
    size_x: Decimal | None = None
    size_y: Decimal | None = None
    size_z: Decimal | None = None
    size_unit: str | None = None
    #: Name and description by language code, of the languages that the channel maps.
    texts: Mapping[str, Mapping[str, str | None]] | None = None
    #: Ids of the ERP's categories.
    categories: Sequence[str] | None = None
    #: Values by path, of the custom fields that the channel wants.
    custom: Mapping[str, Any] | None = None
    #: Of a variant whose main article is listed here: its main article and its values, see
    #: integration.erp.variants.
    variant: Mapping[str, Any] | None = None
    prices: tuple[PriceRecord, ...] = ()
    #: Of a channel that keeps stock by location; None: it does not.
    storages: tuple[StorageRecord, ...] | None = None
    custom_lowest_net: Decimal | None = None
    custom_lowest_gross: Decimal | None = None
    proposed_lowest_net: Decimal | None = None
    proposed_lowest_gross: Decimal | None = None

    @property
    def label(self) -> str:
        """How sentences name the article."""
        return f"article {self.number} (id {self.id})" if self.number else f"article id {self.id}"

    @property
    def is_offered(self) -> bool:
        """Whether the channel offers this article at all, active or not."""
        return self.listed and self.product_type != SHIPPING_COSTS

    @property
    def is_tracked(self) -> bool:
        return self.product_type not in UNTRACKED_TYPES


def _text() -> fields.String:
    return fields.String(allow_none=True)


def _decimal() -> fields.Decimal:
    return fields.Decimal(allow_none=True, allow_nan=False)


class PriceRecordSchema(Schema):
    """A record of `integration.erp.price_records`."""

    class Meta:
        unknown = EXCLUDE

    net = _decimal()
    gross = _decimal()
    from_quantity = fields.Decimal(allow_nan=False)
    group = _text()
    group_label = fields.String()
    kind = fields.Enum(Kind, by_value=True)
    is_offer = fields.Boolean()
    since = fields.Date()
    until = fields.Date()

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> PriceRecord:
        return PriceRecord(**values)


class StorageRecordSchema(Schema):
    """A location of `integration.erp.storages`."""

    class Meta:
        unknown = EXCLUDE

    id = fields.String(required=True)
    label = fields.String()
    available = fields.Decimal(required=True, allow_nan=False)
    percent = fields.Decimal(required=True, allow_nan=False)

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> StorageRecord:
        return StorageRecord(**values)


class ErpRowSchema(Schema):
    """What a row may say; what it does not say is the default of ErpRow."""

    class Meta:
        unknown = EXCLUDE

    id = fields.String(required=True)
    number = _text()
    name = _text()
    listing_name = _text()
    description = _text()
    listing_description = _text()
    active = fields.Boolean()
    listed = fields.Boolean()
    ean = _text()
    weight = _decimal()
    weight_unit = _text()
    manufacturer = _text()
    product_type = _text()
    sellable_without_stock = fields.Boolean()
    net = _decimal()
    gross = _decimal()
    price_currency = _text()
    tax_rate = _decimal()
    tax_type = _text()
    stock = _decimal()
    manufacturer_number = _text()
    size_x = _decimal()
    size_y = _decimal()
    size_z = _decimal()
    size_unit = _text()
    texts = fields.Dict(keys=fields.String(), values=fields.Dict(), allow_none=True)
    categories = fields.List(fields.String(), allow_none=True)
    custom = fields.Dict(keys=fields.String(), allow_none=True)
    variant = fields.Dict(keys=fields.String(), allow_none=True)
    prices = fields.List(fields.Nested(PriceRecordSchema))
    storages = fields.List(fields.Nested(StorageRecordSchema))
    custom_lowest_net = _decimal()
    custom_lowest_gross = _decimal()
    proposed_lowest_net = _decimal()
    proposed_lowest_gross = _decimal()

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> ErpRow:
        for name in ("prices", "storages"):
            if name in values:
                values[name] = tuple(values[name])
        return ErpRow(**values)


_NAMES = frozenset(ErpRowSchema().fields)


@lru_cache(maxsize=64)
def _schema_of(names: frozenset[str]) -> ErpRowSchema:
    """The schema of rows that have these names: a stock has a third of an article's fields, and
    those that are not there would cost as much as those that are."""
    return ErpRowSchema(only=names | {"id"})


def load(row: Mapping[str, Any]) -> ErpRow:
    """The checked row.

    Raises: Invalid for a malformed row; what the fetch noted instead of fields: Rejected for
    `refusal`; Throttled or TransientError for `postponed`.
    """
    raise_noted(row)
    try:
        loaded: ErpRow = _schema_of(_NAMES.intersection(row)).load(row)
    except ValidationError as error:
        # marshmallow's words name the field and never repeat its value
        sentence = f"article id {row.get('id')}: the ERP's row is malformed: {error}"
        raise Invalid(sentence) from error
    return loaded
