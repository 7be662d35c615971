"""A sales channel as a value: what topics and stages need to know of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integration.mapping_kinds import Mappings

#: Used for every channel unless `channel set CHANNEL currency=...` says otherwise.
DEFAULT_CURRENCY = "EUR"


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

    @property
    def label(self) -> str:
        """``tenant/id``, as commands and logs name it."""
        return f"{self.tenant}/{self.erp_id}"

    @property
    def currency(self) -> str:
        return self.parameters.get("currency") or DEFAULT_CURRENCY
