"""The sales channels of our app as a tenant's ERP knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integration.erp import listings

if TYPE_CHECKING:
    from integration.erp.client import ErpClient


def labels_by_id(client: ErpClient) -> dict[str, str]:
    """Label by id. Raises: IntegrationError when the ERP does not answer."""
    return {one.id: one.label for one in listings.sales_channels(client)}


def unknown(erp_id: str, known: dict[str, str]) -> str:
    """A sentence that says so, and which ones there are."""
    there = ", ".join(f"{key} ({name})" for key, name in known.items()) or "none"
    return f"the app has no active sales channel {erp_id} in the ERP; it has {there}"
