"""What our app keeps in a tenant's ERP beside webhooks: migrations, custom fields, its backend.

The vendor's framework calls these below a facade, and so do we.
Source: docs/sources.md#erp-app-records (vario-erp.md 4.5, 4.7, 5, 9).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from integration.clock import utc_now
from integration.erp.client import FACADE, ErpClient
from integration.erp.external_id import ATTRIBUTE_KEY, GROUP_KEY
from integration.erp.rows import id_text
from integration.erp.vql import Column, equals_uuid, equals_word, select
from integration.erp.webhooks import REGISTRATION_PATH
from integration.errors import Gone, Rejected, TransientError

MIGRATIONS_SOURCE = "system.queryAppMigrations"
BACKENDS_SOURCE = "sales-channel.salesChannelBackends"
MIGRATION_PATH = f"{FACADE}/cmn/system/app-migration"
EAV_PATH = f"{FACADE}/cmn/eav-groups"
CHANNELS_PATH = f"{FACADE}/erp/sales-channels"
BACKEND_PATH = f"{CHANNELS_PATH}/backend"

#: How the ERP calls the custom fields of a listing is not documented; tried in this order.
LISTING_ENTITIES = ("articleListing", "article_listing", "article-listing")

#: As people see them in the ERP; the first channel may be renamed there.
APP_LABEL, CHANNEL_LABEL = "vario-relay", "Onlineshop"


class Backend(NamedTuple):
    """The integration itself; the sales channels of the app hang on it."""

    id: str
    is_active: bool


def migrations(client: ErpClient) -> dict[str, Any]:
    """Note by identifier of every migration of ours that the ERP has on record."""
    statement = select(
        [Column("identifier"), Column("note")],
        MIGRATIONS_SOURCE,
        where=[equals_uuid("appIdentifier", client.access.app_identifier)],
        order_by=["id"],
    )
    rows = client.vql_all(statement)
    return {str(row["identifier"]): _note(row.get("note")) for row in rows if row.get("identifier")}


def _note(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def record_migration(client: ErpClient, identifier: str, note: Any) -> None:
    """Put on record that a migration was done, with what it found out (JSON)."""
    body = {
        "appIdentifier": client.access.app_identifier,
        "identifier": identifier,
        "executedAt": utc_now().isoformat(),
        "note": json.dumps(note),
    }
    client.post(MIGRATION_PATH, body)


def external_id_group(client: ErpClient) -> dict[str, Any] | None:
    """Our group of custom fields, None where there is none.

    The answer for an unknown key is not documented: 404 with an error body, a refusal and an
    empty answer all mean none.
    """
    try:
        group = client.get(f"{EAV_PATH}/by-key/{GROUP_KEY}")
    except (Gone, Rejected):
        return None
    return group if isinstance(group, dict) and group.get("key") == GROUP_KEY else None


def create_external_id_group(client: ErpClient, entities: Sequence[str]) -> str:
    """Create our group for the first of `entities` that the ERP takes; which one that was.

    Raises: Rejected in the words of the first refusal, when it takes none.
    """
    refused: list[Rejected] = []
    for entity in entities:
        try:
            client.post(EAV_PATH, _group(entity))
        except Rejected as error:
            refused.append(error)
            continue
        return entity
    raise refused[0]


def _group(entity: str) -> dict[str, Any]:
    return {
        "key": GROUP_KEY,
        "label": APP_LABEL,
        "description": "Was vario-relay zu einem Artikel im Shop kennt",
        "attributes": [
            {
                "key": ATTRIBUTE_KEY,
                "label": "Produkt-ID im Shop",
                "description": "Wird von vario-relay gepflegt",
                "position": 1,
                "type": "TEXT",
                "viewMode": "READ_ONLY",
                "active": True,
                "fulltextField": False,
                "searchIndex": True,
            }
        ],
        "uiSettings": {},
        "entities": [entity],
    }


def find_backend(client: ErpClient) -> Backend | None:
    """The backend of our app; the oldest one, should there be several."""
    statement = select(
        [Column("id")],
        BACKENDS_SOURCE,
        where=[
            equals_uuid("appId", client.access.app_identifier),
            equals_word("type", "APP", ("APP", "SELF")),
        ],
        order_by=["id"],
    )
    ids = [key for row in client.vql_all(statement) if (key := id_text(row.get("id")))]
    if not ids:
        return None
    answer = client.get(f"{BACKEND_PATH}/{ids[0]}")
    return Backend(ids[0], isinstance(answer, dict) and answer.get("active") is True)


def create_backend(client: ErpClient) -> Backend:
    body = {
        "appId": client.access.app_identifier,
        "label": APP_LABEL,
        "type": "APP",
        "validChannelTypes": ["ECOMMERCE", "MARKETPLACE"],
        "active": True,
    }
    return Backend(_created_id(client, client.post(BACKEND_PATH, body), "backend"), True)


def activate_backend(client: ErpClient, backend: Backend) -> None:
    client.put(f"{BACKEND_PATH}/{backend.id}/activate", {})


def create_channel(client: ErpClient, backend: Backend) -> str:
    """Create a sales channel of ours; its id. Raises: LicenseMissing without a license for it."""
    body = {
        "label": CHANNEL_LABEL,
        "description": "",
        "active": True,
        "channelType": "ECOMMERCE",
        "channelBackend": {"id": backend.id},
        "externalRef": "",
    }
    return _created_id(client, client.post(CHANNELS_PATH, body), "sales channel")


def _created_id(client: ErpClient, answer: Any, what: str) -> str:
    found = id_text(answer.get("id")) if isinstance(answer, dict) else None
    if found is None:
        raise TransientError(
            f"tenant {client.access.tenant}: a new {what} was answered without an id",
            outcome_unknown=True,
        )
    return found


def offered_events(client: ErpClient) -> set[str]:
    """The events that this ERP offers to be registered for (its destination queues)."""
    answer = client.get(f"{REGISTRATION_PATH}/destinations")
    if not isinstance(answer, list):
        raise TransientError(
            f"tenant {client.access.tenant}: the events were answered without a list"
        )
    return {str(one["queue"]) for one in answer if isinstance(one, dict) and one.get("queue")}
