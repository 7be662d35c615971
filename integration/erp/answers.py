"""What the ERP's answers mean: a status and an error body become one of our errors.

Source: docs/sources.md#erp-errors and #erp-rate-limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import requests

from integration.connectors import http
from integration.errors import (
    Busy,
    Forbidden,
    Gone,
    IntegrationError,
    LicenseMissing,
    Rejected,
    Throttled,
    TokenRefused,
    TransientError,
)

VENDOR_DELAY_HEADER = "x-rate-limit-retry-after-seconds"
#: The vendor's own client waits within these bounds, whatever the header says.
MIN_PAUSE_S, MAX_PAUSE_S = 6.0, 60.0
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]+)?", re.ASCII)
#: An article that somebody is editing: long enough for a save, short enough for fresh stock.
BUSY_S = 10.0
#: More of an error's texts would only fill the log; the tracking id finds the rest.
MAX_TEXT, MAX_TRACKING = 500, 100


#: Keys of the ERP's own error body; a gateway's JSON has none of them.
_OWN_KEYS = frozenset({"errors", "trackingId", "httpStatus"})


def pause_s(response: requests.Response) -> float:
    """Seconds to leave the ERP alone after a 429, from its headers, within 6 to 60."""
    vendor = response.headers.get(VENDOR_DELAY_HEADER, "").strip()
    is_number = _NUMBER.fullmatch(vendor)
    seconds = float(vendor) if is_number else http.retry_after_s(response) or 0.0
    return min(MAX_PAUSE_S, max(MIN_PAUSE_S, seconds))


def refusal(call: str, response: requests.Response, *, writes: bool) -> IntegrationError:
    """The error of an answer outside 2xx. `call` names tenant, method and path."""
    status = response.status_code
    body = _error_body(response)
    sentence = f"{call} answered {status}{_details(body)}"
    if status == 401:
        return TokenRefused(
            f"{sentence}; a fresh access token was refused too; it is tried again by itself, and "
            "if it stays, reconnect the app"
        )
    if status == 402:
        return LicenseMissing(f"{sentence}; the tenant lacks a license for this")
    if status == 403:
        return Forbidden(
            f"{sentence}; the app lacks a permission in the ERP, or RELAY_APP_IDENTIFIER "
            "(sent as User-Agent) is empty"
        )
    if status == 404 and body is not None and _OWN_KEYS & body.keys():
        return Gone(sentence)
    if status in (409, 423):
        return Busy(sentence, BUSY_S)
    if status == 429:
        return Throttled(sentence, pause_s(response))
    # A 404 without the ERP's own error body comes from something in front of it. Taken for Gone,
    # it would deactivate articles in the shop.
    if status >= 500 or status in (404, 408, 425) or status < 400:
        return TransientError(sentence, outcome_unknown=writes and status != 404)
    return Rejected(sentence)


def _error_body(response: requests.Response) -> dict[str, Any] | None:
    try:
        body = http.json_body(response)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _details(body: dict[str, Any] | None) -> str:
    """``: first message; second message (trackingId ...)`` as far as the body tells."""
    if body is None:
        return ""
    texts = list(dict.fromkeys(_messages(body)))
    words = f": {'; '.join(texts)[:MAX_TEXT]}" if texts else ""
    tracking = body.get("trackingId")
    is_stated = isinstance(tracking, (str, int)) and tracking
    return words + (f" (trackingId {str(tracking)[:MAX_TRACKING]})" if is_stated else "")


def _messages(body: dict[str, Any]) -> Iterator[str]:
    """The human sentences of an ApiError: field errors, service errors, open decisions."""
    errors = body.get("errors")
    errors = errors if isinstance(errors, dict) else {}
    by_field = errors.get("fieldErrors")
    for name, entries in (by_field if isinstance(by_field, dict) else {}).items():
        for text in _formatted(entries):
            yield f"{name}: {text}"
    yield from _formatted(errors.get("services"))
    for decision in _dicts(body.get("decisions")):
        question = decision.get("message") or decision.get("title")
        if question:
            yield f"the ERP asks: {question}"


def _formatted(entries: Any) -> Iterator[str]:
    for entry in _dicts(entries):
        message = entry.get("message")
        text = message.get("formattedMessage") if isinstance(message, dict) else message
        if isinstance(text, str) and text:
            yield text


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return (item for item in items if isinstance(item, dict))
