"""A sales channel as a value: what topics and stages need to know of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from integration.mapping_kinds import Mappings

#: Channel parameter: the currency that its shop sells in.
CURRENCY = "currency"
#: Used for every channel unless `channel set CHANNEL currency=...` says otherwise.
DEFAULT_CURRENCY = "EUR"

#: Channel parameter of platforms that can show them: special offers with their list price, prices
#: by quantity and by customer group. ``on`` costs a request to the ERP per article, ``remove``
#: none: it takes away what was sent.
PRICE_DETAILS = "price_details"
DETAILS_ON, DETAILS_REMOVED, DETAILS_OFF = "on", "remove", "off"


@dataclass(frozen=True)
class ChannelView:
    """A sales channel with its parameters; secrets opened, therefore never shown."""

    id: int
    tenant_id: int
    tenant: str
    erp_id: str
    platform: str
    parameters: Mapping[str, str] = field(repr=False, default_factory=dict)
    #: What the check of the ERP's columns found (integration.column_checks); None: never checked.
    column_findings: Mapping[str, Any] | None = field(repr=False, default=None)
    #: What the shop calls values of the ERP; of a work item's channel, those its topic needs.
    mappings: Mappings = field(repr=False, default_factory=Mappings)
    #: The ERP's sales channels that it takes prices from, the nearest first.
    price_sources: tuple[str, ...] = ()
    #: When the channel was read, in the merchant's time zone; None: of no matter here.
    now: datetime | None = None

    @property
    def label(self) -> str:
        """``tenant/id``, as commands and logs name it."""
        return f"{self.tenant}/{self.erp_id}"

    @property
    def currency(self) -> str:
        return self.parameters.get(CURRENCY) or DEFAULT_CURRENCY

    @property
    def price_details(self) -> str:
        """``on``, ``remove`` or ``off``."""
        return self.parameters.get(PRICE_DETAILS) or DETAILS_OFF
