"""From an HTTP answer of Shopware to its JSON, or to the error that its refusal means for us.

Statuses alone mislead here: a deadlock comes as 400, a missing foreign key as 500 (both recorded),
so the entries of the body are read first.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import requests

from integration.connectors import http
from integration.connectors.shopware6 import refusals
from integration.connectors.shopware6.refusals import Entry, Refused
from integration.errors import (
    Busy,
    ChannelError,
    CredentialsRefused,
    IntegrationError,
    RightMissing,
    Throttled,
    TransientError,
)

#: The shortest wait the platform ever asks for (token route: 10, 30, 60 s), for a 429 without one.
DEFAULT_PAUSE_S = 10.0
#: An update takes minutes and seldom tells how many; asked three times a minute, nobody waits long.
MAINTENANCE_PAUSE_S = 20.0
#: The shop itself has tried ten times before it reports a deadlock.
LOCK_PAUSE_S = 2.0

_REFUSAL_STATUSES = (400, 409, 422)
_PASSING_STATUSES = (408, 413, 425)


def json_of(response: requests.Response, host: str, *, writes: bool = False) -> Any:
    """The JSON of a success. Raises: Refused, IntegrationError."""
    if response.status_code // 100 != 2:
        raise failure(response, host, writes=writes)
    try:
        return http.json_body(response)
    except ValueError as error:
        raise not_understood(response, host, writes=writes) from error


def not_understood(
    response: requests.Response, host: str, *, writes: bool = False
) -> TransientError:
    """A success status around something that is no answer of the Admin API."""
    return TransientError(
        f"{host} answered {response.status_code} with something that is not the Admin API's JSON "
        "(a maintenance page, a proxy, or shop_url is not the shop)",
        outcome_unknown=writes,
    )


def failure(
    response: requests.Response, host: str, *, writes: bool = False
) -> IntegrationError | Refused:
    """What an answer other than success means."""
    status, entries = response.status_code, _entries(response)
    words = f": {refusals.sentences(entries)}" if entries else ""
    if any(refusals.is_lock(entry) for entry in entries):
        return Busy(f"{host} is busy, a lock was not had{words}", LOCK_PAUSE_S)
    if status == 429:
        return Throttled(f"{host} asks for a pause{words}", _pause_s(response, entries))
    if status in (401, 403, 412) or 300 <= status < 400:
        return _channel_error(response, host, entries)
    if entries and (
        status in _REFUSAL_STATUSES
        or any(entry.code == refusals.MEDIA_NOT_FOUND for entry in entries)
        or all(refusals.is_row_fault(entry) for entry in entries)
    ):
        return Refused(entries)
    # A proxy gives up on a shop that goes on working, in whatever words. Only Shopware's own
    # 503 and a body that was not taken are certain to have changed nothing.
    if status == 503:
        told = http.retry_after_s(response)
        return Throttled(
            f"{host} is in maintenance or overloaded (503){words}",
            MAINTENANCE_PAUSE_S if told is None else told,
            writes and not entries,
        )
    if status >= 500 or status in _PASSING_STATUSES:
        return TransientError(
            f"{host} answered {status}{words}", writes and status not in (413, 425)
        )
    return ChannelError(
        f"{host} answered {status}{words}; check that shop_url is the address of a Shopware 6 "
        "shop and that no firewall stands before its /api"
    )


def _channel_error(response: requests.Response, host: str, entries: list[Entry]) -> ChannelError:
    status = response.status_code
    words = refusals.sentences(entries)
    if status == 401:
        return CredentialsRefused(
            f"{host} refuses a fresh access token: {words}; check that the web server passes the "
            "Authorization header on to Shopware"
        )
    if status == 403 and (privileges := _missing_privileges(entries)):
        return RightMissing(
            f"the role of the integration lacks {', '.join(privileges)}; add it in Shopware under "
            "Settings > System > Users & permissions"
        )
    if status == 403:
        return CredentialsRefused(f"{host} forbids the request (403): {words}")
    if status == 412:
        return ChannelError(f"{host} does not know the language: {words}")
    target = urlsplit(response.headers.get("Location", ""))
    # Only where to, never the whole address: it may carry more than an operator should see.
    return ChannelError(
        f"{host} redirects to {target.scheme}://{target.netloc}; set shop_url to the shop's final "
        "address"
    )


def _missing_privileges(entries: list[Entry]) -> list[str]:
    """The privileges a 403 names. `detail` is a JSON text: {message, missingPrivileges: [...]}."""
    names: list[str] = []
    for entry in entries:
        if entry.code != refusals.MISSING_PRIVILEGE:
            continue
        try:
            told = json.loads(entry.detail)
        except ValueError:
            told = {"missingPrivileges": [entry.detail]}
        listed = told.get("missingPrivileges") if isinstance(told, dict) else None
        names += [str(name) for name in listed] if isinstance(listed, list) else []
    return names


def _entries(response: requests.Response) -> list[Entry]:
    try:
        return refusals.entries_of(http.json_body(response))
    except ValueError:
        return []


def _pause_s(response: requests.Response, entries: list[Entry]) -> float:
    """Seconds to wait: the cloud sends a header, the token route's throttle a parameter."""
    told = http.retry_after_s(response)
    if told is not None:
        return told
    for entry in entries:
        seconds = entry.parameters.get("seconds")
        if isinstance(seconds, int) and not isinstance(seconds, bool):
            return float(seconds)
    return DEFAULT_PAUSE_S
