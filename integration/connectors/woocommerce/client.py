"""Speaks HTTP with one shop's REST API: Basic over https, signed requests to this machine."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, Literal
from urllib.parse import urlencode

import requests
from oauthlib import oauth1

from integration import wire
from integration.connectors import http
from integration.connectors.base import Context
from integration.connectors.woocommerce import answers
from integration.connectors.woocommerce.pace import Pace
from integration.connectors.woocommerce.settings import ShopSettings
from integration.errors import ChannelError, CredentialsRefused, Rejected

INDEX = "/wp-json/"
_API = "/wp-json/wc/v3"

#: 101 are refused (recorded).
PAGE_SIZE = 100

#: Security plugins turn away what names a library of a programming language.
_NAME = {"User-Agent": "vario-relay"}

Row = dict[str, Any]
_Method = Literal["GET", "POST", "PUT", "DELETE"]
#: What a single write is refused with that is about its row.
_OF_THE_ROW = (404, 409, 410, 413)


class Client:
    """One shop. Every method raises IntegrationError; `batch` also TooMany and Refused.

    `has_messages`: PHP's messages stood before an answer's JSON.
    """

    def __init__(self, settings: ShopSettings, context: Context) -> None:
        self.settings = settings
        self._context = context
        self.has_messages = False

    def batch(self, path: str, lists: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
        """Write rows; per list the shop's answers by position.

        Failure policy: good rows stay although others fail, and after a time-out the shop goes on.
        Raises: TooMany, Refused, and then nothing was written.
        """
        not_after = self._context.before_write()
        response = self._sent("POST", f"{path}/batch", lists, writes=True, not_after=not_after)
        body = self._json(response, writes=True)
        answered = {
            name: body.get(name) if isinstance(body, dict) else None
            for name in lists
            if lists[name]
        }
        for name, rows in answered.items():
            if not isinstance(rows, list) or len(rows) != len(lists[name]):
                # Not one answer per row: nothing tells which of them are written.
                raise answers.not_understood(response, self.settings.host, writes=True)
        return {name: [_mapping(one) for one in rows or ()] for name, rows in answered.items()}

    def pace(self, kind: str, share: float = 1.0) -> Pace:
        """The size of requests with rows of a kind, for one push, of whose time they may have this
        share."""
        return Pace(replace(self._context, push_s=self._context.push_s * share), kind)

    def may_write(self) -> None:
        """Raises: CredentialsRefused if the key may not; an empty batch changes nothing."""
        self._json(self._sent("POST", "/products/batch", {}))

    def get(self, path: str, api: str = _API, **query: str) -> Any:
        """The JSON of one route below the API's root, or below a plugin's."""
        return self._json(self._sent("GET", path, query=query, api=api))

    def write(
        self,
        method: _Method,
        path: str,
        body: Any = None,
        *,
        api: str = _API,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of a single write. Raises: Rejected for what the shop refuses."""
        not_after = self._context.before_write()
        response = self._sent(
            method, path, body, query=query, writes=True, not_after=not_after, api=api
        )
        try:
            return self._json(response, writes=True)
        except answers.Refused as refused:
            raise Rejected(str(refused)) from refused
        except (answers.NoRoute, CredentialsRefused):
            raise
        except ChannelError as error:
            if response.status_code in _OF_THE_ROW:
                raise Rejected(str(error)) from error
            raise

    def pages(self, path: str, **query: str) -> Iterator[Row]:
        """Rows of a list, page by page."""
        for page in count(1):
            response = self._sent(
                "GET", path, query={**query, "per_page": str(PAGE_SIZE), "page": str(page)}
            )
            rows = self._json(response)
            if not isinstance(rows, list):
                raise answers.not_understood(response, self.settings.host)
            yield from (one for one in rows if isinstance(one, dict))
            if len(rows) < PAGE_SIZE:
                return

    def rows_if_there(self, path: str, **query: str) -> Iterator[Row]:
        """As `pages`; nothing where the product that the rows lie below is gone."""
        try:
            yield from self.pages(path, **query)
        except answers.NotThere:
            return

    def index(self) -> Row:
        """What the site says of itself to anybody: its name and the namespaces it serves."""
        response = http.send(self._context.session, "GET", self.settings.url + INDEX, headers=_NAME)
        return _mapping(self._json(response))

    def _sent(
        self,
        method: _Method,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        writes: bool = False,
        not_after: float | None = None,
        api: str = _API,
    ) -> requests.Response:
        url = self.settings.url + api + path + (f"?{urlencode(query)}" if query else "")
        url, headers = self._authorised(method, url)
        return http.send(
            self._context.session,
            method,
            url,
            writes=writes,
            not_after=not_after,
            headers=headers,
            data=None if body is None else wire.dumps(body).encode(),
        )

    def _authorised(self, method: _Method, url: str) -> tuple[str, dict[str, str]]:
        """The address and the headers: over plain http the shop takes signatures only."""
        headers = {"Accept": "application/json", "Content-Type": "application/json", **_NAME}
        key, secret = self.settings.consumer_key, self.settings.consumer_secret
        if self.settings.is_encrypted:
            pair = base64.b64encode(f"{key}:{secret}".encode()).decode()
            return url, {**headers, "Authorization": f"Basic {pair}"}
        signer = oauth1.Client(
            key,
            secret,
            signature_method=oauth1.SIGNATURE_HMAC_SHA256,
            signature_type=oauth1.SIGNATURE_TYPE_QUERY,
        )
        signed, _, _ = signer.sign(url, http_method=method)
        return signed, headers

    def _json(self, response: requests.Response, *, writes: bool = False) -> Any:
        body, has_messages = answers.json_of(response, self.settings.host, writes=writes)
        self.has_messages = self.has_messages or has_messages
        return body


def _mapping(value: Any) -> Row:
    return value if isinstance(value, dict) else {}
