"""The media shelf of one article: its attributions, and the documents they lead to.

No VQL column has them: one or two REST reads per article, and one more for each document that the
ERP leaves out of the list. Source: vario-erp.md 4.2 (Media), 5 (Media shelf), 8.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from integration.erp.client import ErpClient
from integration.erp.rows import id_text, truth
from integration.erp.vql import is_id
from integration.errors import Gone

#: What the ERP calls an article here is not documented: a parameter of the channel, by default
#: this (vario-erp.md 5).
DEFAULT_REF_TYPE = "ARTICLE"


def images(client: ErpClient, ref_type: str, article_id: str) -> list[dict[str, Any]]:
    """The documents of an article's shelf, published or not, one entry per document.

    Shape: as `topics.media` takes them. A document that went away in between is left out.
    """
    query = {"refType": ref_type, "refId": article_id}
    attributions = [one for one in _objects(client.get("/dms/attributions", query))]
    wanted = [one for one in attributions if truth(one.get("publish"), False)]
    if not wanted:
        return []
    listed = _objects(client.get("/dms/resources/byRef", query))
    document_by_id = {id_text(one.get("id")): one for one in listed}
    found: dict[str, dict[str, Any]] = {}
    for attribution in wanted:
        document_id = id_text(attribution.get("shelfResourceId"))
        if document_id is None or not is_id(document_id) or document_id in found:
            continue
        document = document_by_id.get(document_id) or _document(client, document_id)
        if document is not None:
            found[document_id] = _image(document_id, attribution, document)
    return list(found.values())


def file_path(document_id: str) -> str:
    """Where the bytes of a document are asked for."""
    return f"/dms/resources/{document_id}/file"


def _document(client: ErpClient, document_id: str) -> Mapping[str, Any] | None:
    try:
        answer = client.get(f"/dms/resources/{document_id}")
    except Gone:
        return None
    return answer if isinstance(answer, dict) else None


def _image(
    document_id: str, attribution: Mapping[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    file = _object(document.get("file"))
    return {
        "id": document_id,
        "favourite": truth(attribution.get("uiFavorite"), False),
        "sort": _whole(attribution.get("uiSort")),
        "state": document.get("state"),
        "deletion_state": document.get("deletionState"),
        "content_type": file.get("contentType"),
        "name": file.get("publicFileName"),
        "extension": file.get("publicFileExtension"),
        "size": _whole(file.get("fileSize")),
        "revision": id_text(file.get("revisionNumber")),
        "texts": [
            [one["languageCode"], one["alternativeText"]]
            for one in _objects(document.get("translatableTexts"))
            if isinstance(one.get("languageCode"), str)
            and isinstance(one.get("alternativeText"), str)
        ],
    }


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """A list of objects, also one inside an object's `data`."""
    inner = value.get("data") if isinstance(value, dict) else value
    return (one for one in inner if isinstance(one, dict)) if isinstance(inner, list) else iter(())
