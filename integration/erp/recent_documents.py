"""The newest documents of the ERP: which deliveries there are that nobody may have told of.

`id`, `name` and `documentDate` of `document.querySalesDocuments` are attested; what kind a document
is of, its channel and its state are used where field discovery shows them.
Source: docs/sources.md#erp-recent-documents.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from integration.connectors.base import FactStore
from integration.erp import catalogue
from integration.erp.changes import stamp
from integration.erp.client import ErpClient
from integration.erp.rows import id_text
from integration.erp.vql import Column, is_id, select

SOURCE = "document.querySalesDocuments"
FIELDS_PATH = "/cmn/computed-queries/document/querySalesDocuments/fields"
_OFFERED_FACT = f"columns:{SOURCE}"
_DATE = "documentDate"
_OPTIONAL = {
    "category": "documentTypeCategory",
    "channel": "salesChannel.id",
    "state": "documentState.key",
}
#: A document's date may be a day without a time.
_DAY = timedelta(days=1)
#: Twenty requests; a merchant with more documents in a gap has the rest told by their own events.
MOST = 2_000


class RecentDocument(NamedTuple):
    """What the ERP's columns say of a document; None: it does not say."""

    id: str
    category: str | None
    channel: str | None
    state: str | None


def read(
    client: ErpClient, facts: FactStore, since: datetime | None, back: timedelta
) -> list[RecentDocument]:
    """Documents dated since a moment of the ERP's clock, newest first; None: so far `back` from
    the newest one.

    Raises: IntegrationError when the ERP does not answer, or shows this app no documents.
    """
    offered = catalogue.discover(client, facts, FIELDS_PATH, _OFFERED_FACT)
    more = [Column(path, name) for name, path in _OPTIONAL.items() if path in offered]
    statement = select(
        [Column("id"), Column(_DATE, "date"), *more],
        SOURCE,
        order_by=[_DATE, "id"],
        descending=[_DATE, "id"],
    )
    found: list[RecentDocument] = []
    offset = 0
    while len(found) < MOST:
        page = client.vql(statement, offset=offset)
        for row in page.rows:
            dated = stamp(row.get("date"))
            since = since or (dated and dated - back)
            if dated is None or since is None or dated < since - _DAY:
                return found
            found.extend(_documents(row))
        if not page.more or page.next_offset <= offset:
            return found
        offset = page.next_offset
    return found


def _documents(row: dict[str, Any]) -> list[RecentDocument]:
    document_id = id_text(row.get("id"))
    if document_id is None or not is_id(document_id):
        return []
    return [RecentDocument(document_id, *(id_text(row.get(name)) for name in _OPTIONAL))]
