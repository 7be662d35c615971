"""What our app keeps in a tenant's ERP as its settings: one object, ours alone.

Source: docs/sources.md#erp-app-settings (vario-erp.md 4.5).
"""

from __future__ import annotations

from typing import Any

from integration.erp.client import ErpClient

PATH = "/cmn/apps/{}/settings"


def read(client: ErpClient) -> dict[str, Any]:
    """The settings; empty where nothing was ever stored.

    Raises: Gone, Rejected, Forbidden where this ERP does not offer them.
    """
    answer = client.get(PATH.format(client.access.app_identifier))
    custom = answer.get("custom") if isinstance(answer, dict) else None
    return dict(custom) if isinstance(custom, dict) else {}


def write(client: ErpClient, custom: dict[str, Any]) -> None:
    """Store all of the settings."""
    identifier = client.access.app_identifier
    client.post(PATH.format(identifier), {"appIdentifier": identifier, "custom": custom})
