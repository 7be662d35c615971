"""From an HTTP answer of WordPress to its JSON, or to the error that it means for us.

{"code": "woocommerce_rest_cannot_edit", "message": "...", "data": {"status": 401, ...}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from integration import wire
from integration.connectors import http
from integration.errors import (
    ChannelError,
    CredentialsRefused,
    IntegrationError,
    Throttled,
    TransientError,
)

#: WooCommerce itself limits nothing; hosts do, and seldom say for how long.
DEFAULT_PAUSE_S = 10.0
MAINTENANCE_PAUSE_S = 20.0

#: What PHP prints before the answer when its messages are shown to everybody.
_PHP_MESSAGE = re.compile(rb"\s*(<br ?/?>|<b>|(PHP )?(Notice|Warning|Deprecated|Strict))")
_OPENING = re.compile(rb"[\[{]")
#: A message may contain brackets of its own.
_MOST_OPENINGS = 50

_NO_ROUTE = "rest_no_route"
NO_PRODUCT = "woocommerce_rest_product_invalid_id"
_TOO_MANY = "woocommerce_rest_request_entity_too_large"
#: Passing troubles of the host's front: it did not hand the request on, or gave up waiting.
_OVERLOADED = (503, 508, 529)
#: A plugin that checks what comes in refuses all rows for one of them.
_REFUSALS = (400, 422)


class NoRoute(ChannelError):
    """The shop's REST API has nothing under this path; of a plugin it says that it is not there."""


class NotThere(ChannelError):
    """The product whose variations are written is not there."""


class RefusesAll(ChannelError):
    """The shop refuses the request of each row, so it is not about the rows."""


class TooMany(Exception):
    """The shop takes fewer rows in one request. Nothing was written."""


class Refused(Exception):
    """The shop refuses a whole request that writes, and names no row. Nothing was written."""


def json_of(response: requests.Response, host: str, *, writes: bool = False) -> tuple[Any, bool]:
    """The JSON of a success, and whether PHP's messages stood before it.

    Raises: TooMany, Refused, IntegrationError.
    """
    if response.status_code // 100 != 2:
        raise _failure(response, host, writes)
    try:
        return http.json_body(response), False
    except ValueError as error:
        found = _after_messages(response.content)
        if found is None:
            raise not_understood(response, host, writes=writes) from error
        return found, True


def not_understood(
    response: requests.Response, host: str, *, writes: bool = False
) -> TransientError:
    """A success status around something that is no answer of the REST API."""
    return TransientError(
        f"{host} answered {response.status_code} with something that is not the REST API's JSON "
        "(a maintenance page, a firewall's challenge, or shop_url is not the shop)",
        outcome_unknown=writes,
    )


def _after_messages(content: bytes) -> Any:
    """The JSON that follows PHP's messages up to the end; None if there is none."""
    if not _PHP_MESSAGE.match(content):
        return None
    for _, opening in zip(range(_MOST_OPENINGS), _OPENING.finditer(content), strict=False):
        try:
            return wire.loads(content[opening.start() :])
        except ValueError:
            continue
    return None


def _failure(
    response: requests.Response, host: str, writes: bool
) -> IntegrationError | TooMany | Refused:
    """What an answer other than success means."""
    status, told = response.status_code, told_by(response)
    code, words = str(told.get("code") or ""), _words(told)
    if code == _TOO_MANY:
        return TooMany()
    if status == 429:
        told_s = http.retry_after_s(response)
        return Throttled(
            f"{host} asks for a pause{words}", DEFAULT_PAUSE_S if told_s is None else told_s
        )
    if code and status in (401, 403):
        return credentials_refused(host, code, words)
    if status == 401:
        return CredentialsRefused(
            f"{host} asks for another password (401) before WooCommerce is reached; take the "
            "protection of the web server away from /wp-json"
        )
    if status == 404 or 300 <= status < 400:
        return _elsewhere(response, host, code)
    # A host gives up on a PHP that goes on working, in whatever words: the rows may be written.
    if status in _OVERLOADED:
        told_s = http.retry_after_s(response)
        return Throttled(
            f"{host} is in maintenance or overloaded ({status}){words}",
            MAINTENANCE_PAUSE_S if told_s is None else told_s,
            writes,
        )
    if status >= 500 or status == 408:
        return TransientError(f"{host} answered {status}{words}", writes)
    if not code:
        return TransientError(
            f"{host} answered {status} with a page that is not WooCommerce's; a firewall or a "
            "security plugin may stand before /wp-json"
        )
    if writes and status in _REFUSALS:
        return Refused(f"{host} refuses the request ({status}){words}")
    return ChannelError(f"{host} refuses the request ({status}){words}")


def credentials_refused(host: str, code: str, words: str) -> CredentialsRefused:
    """A refusal of the key, in the shop's words, with what to do."""
    if code == "woocommerce_rest_authentication_error":
        do = (
            "check consumer_key and consumer_secret, and that the key has the permission "
            "Read/Write (WooCommerce > Settings > Advanced > REST API)"
        )
    else:
        do = (
            "check that the key still exists, that its user is an administrator or a shop "
            "manager, and that the web server passes the Authorization header on"
        )
    return CredentialsRefused(f"{host} does not let the key do this{words}; {do}")


def _elsewhere(response: requests.Response, host: str, code: str) -> ChannelError:
    if response.status_code == 404:
        kind = {_NO_ROUTE: NoRoute, NO_PRODUCT: NotThere}.get(code, ChannelError)
        why = "does not know this route" if code == _NO_ROUTE else "has nothing at /wp-json"
        return kind(
            f"{host} {why} (404); check that shop_url is the site's address, that WooCommerce is "
            "active, and that Settings > Permalinks is not Plain"
        )
    target = urlsplit(response.headers.get("Location", ""))
    # Only where to, never the whole address: it may carry more than an operator should see.
    return ChannelError(
        f"{host} redirects to {target.scheme}://{target.netloc}; set shop_url to the shop's final "
        "address"
    )


def told_by(response: requests.Response) -> dict[str, Any]:
    """What WordPress says of a refusal; nothing of a page that is not its."""
    try:
        body = http.json_body(response)
    except ValueError:
        body = _after_messages(response.content)
    return body if isinstance(body, dict) else {}


def details_of(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a row's error says beside its code and message: ``status``, ``resource_id``; some say
    only the bare status."""
    told = error.get("data")
    return told if isinstance(told, Mapping) else {"status": told}


def _words(told: dict[str, Any]) -> str:
    return (
        f": {told.get('message') or 'no reason given'} ({told['code']})" if "code" in told else ""
    )
