"""Speaks HTTP with one shop's Admin API: the token, the search and the bulk write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import requests

from integration import wire
from integration.connectors import http
from integration.connectors.base import Context
from integration.connectors.shopware6 import answers, refusals
from integration.connectors.shopware6.links import Operation
from integration.connectors.shopware6.refusals import OPERATION, Refused
from integration.connectors.shopware6.settings import ShopSettings
from integration.errors import ChannelError, CredentialsRefused

#: `api.max_limit` of a default install; 501 is refused (recorded).
PAGE_SIZE = 500

_JSON = {"Accept": "application/json", "Content-Type": "application/json"}
# Indexers run from the shop's queue: 0.36 s instead of 0.85 s for 100 rows (recorded).
_INDEXING = {"indexing-behavior": "use-queue-indexing"}


class Client:
    """One shop. Every method raises IntegrationError; `upsert_products` also Refused."""

    def __init__(self, settings: ShopSettings, context: Context) -> None:
        self.settings = settings
        self._context = context

    def upsert_products(
        self,
        rows: Sequence[Mapping[str, Any]],
        before: Sequence[Mapping[str, Any]] = (),
        also: Sequence[Operation] = (),
    ) -> frozenset[str]:
        """Write products and what goes with them, all or none; the ids that the shop says it wrote.

        `before` are operations that go before them in the same request.
        Failure policy: ids are ours, so sending the same rows again is the same write.
        Raises: Refused when the shop names what is wrong with them.
        """
        return self.sync([*before, _upsert("product", rows), *_operations(also)], "product")

    def upsert(self, entity: str, rows: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Write rows of an entity (``order_delivery``), as `upsert_products`."""
        return self.sync([_upsert(entity, rows)], entity)

    def sync(self, operations: Sequence[Mapping[str, Any]], entity: str) -> frozenset[str]:
        """Run operations in their order, all or none; the ids of `entity` that the shop says it
        wrote.

        Failure policy: ids are ours, so the same operations again are the same write.
        Raises: Refused when the shop names what is wrong with them.
        """
        response = self._authorised("POST", "/api/_action/sync", list(operations), writes=True)
        body = answers.json_of(response, self.settings.host, writes=True)
        if not isinstance(body, dict) or "data" not in body:
            raise answers.not_understood(response, self.settings.host, writes=True)
        # Nothing written is an empty list: PHP has one type for lists and maps.
        written = body["data"].get(entity) if isinstance(body["data"], dict) else None
        return frozenset(one for one in written or () if isinstance(one, str))

    def take_step(self, entity: str, row_id: str, action: str, body: Any) -> str | None:
        """Move a row through its state machine; the technical name of the state it reached.

        Failure policy: a step to the state that is there already changes nothing.
        Raises: Refused for a step that is not allowed from there.
        """
        path = f"/api/_action/{entity}/{row_id}/state/{action}"
        response = self._authorised("POST", path, body, writes=True)
        state = answers.json_of(response, self.settings.host, writes=True)
        if not isinstance(state, dict):
            raise answers.not_understood(response, self.settings.host, writes=True)
        name = state.get("technicalName")
        return None if name is None else str(name)

    def upload(
        self, media_id: str, name: str, extension: str, media_type: str, body: http.FileBody
    ) -> None:
        """Give a media row its file, in place of the one it may have.

        Failure policy: the same file again is the same write.
        Raises: Refused when the shop names what is wrong with the file.
        """
        query = urlencode({"extension": extension, "fileName": name})
        path = f"/api/_action/media/{media_id}/upload?{query}"
        response = self._authorised("POST", path, body, writes=True, content_type=media_type)
        if response.status_code == 413:
            # The web server's own page, before Shopware sees the file.
            raise Refused([refusals.too_large(len(body))])
        if response.status_code // 100 != 2:
            raise answers.failure(response, self.settings.host, writes=True)
        if media_id not in response.headers.get("Location", ""):
            raise answers.not_understood(response, self.settings.host, writes=True)

    def search(
        self, entity: str, *, language: str | None = None, **criteria: Any
    ) -> list[dict[str, Any]]:
        """Rows of an entity (``sales-channel``); `criteria` as in the API, `limit` unless given.
        `language`: the one of their texts, if not the system's.

        Shape: plain objects with the fields that `includes` names.
        """
        query = {"limit": PAGE_SIZE, "total-count-mode": 0, **criteria}
        path = f"/api/search/{entity}"
        return self._found(entity, self._authorised("POST", path, query, language=language))

    def search_plugin(self, entity: str, **criteria: Any) -> list[dict[str, Any]] | None:
        """As `search`, of a table that only shops with a plugin have; None without it."""
        query = {"limit": PAGE_SIZE, "total-count-mode": 0, **criteria}
        response = self._authorised("POST", f"/api/search/{entity}", query)
        return None if response.status_code == 404 else self._found(entity, response)

    def _found(self, entity: str, response: requests.Response) -> list[dict[str, Any]]:
        try:
            body = answers.json_of(response, self.settings.host)
        except Refused as refused:
            raise ChannelError(
                f"{self.settings.host} refuses a search of {entity}: {refused}"
            ) from refused
        rows = body.get("data") if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise answers.not_understood(response, self.settings.host)
        return [row for row in rows if isinstance(row, dict)]

    def version(self) -> str:
        """The shop's version, e.g. ``6.6.7.1``."""
        response = self._authorised("GET", "/api/_info/version")
        try:
            body = answers.json_of(response, self.settings.host)
        except Refused as refused:
            raise ChannelError(f"{self.settings.host} does not tell: {refused}") from refused
        return str(body.get("version", "unknown")) if isinstance(body, dict) else "unknown"

    def _authorised(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        writes: bool = False,
        content_type: str = "application/json",
        language: str | None = None,
    ) -> requests.Response:
        """The answer to a request with the shared token; a refused token is replaced once."""
        headers = {**_JSON, "Content-Type": content_type}
        if language is not None:
            headers["sw-language-id"] = language
        token = self._context.tokens.get(self._new_token)
        response = self._sent(method, path, body, headers, token, writes)
        if response.status_code != 401:
            return response
        self._context.tokens.drop(token)
        token = self._context.tokens.get(self._new_token)
        return self._sent(method, path, body, headers, token, writes)

    def _sent(
        self,
        method: str,
        path: str,
        body: Any,
        headers: Mapping[str, str],
        token: str,
        writes: bool,
    ) -> requests.Response:
        headers = {**headers, "Authorization": f"Bearer {token}"}
        not_after = None
        if writes:
            headers.update(_INDEXING)
            # Last, with the token in hand: what lies between this check and the write is one send.
            not_after = self._context.before_write()
        return http.send(
            self._context.session,
            method,
            self.settings.url + path,
            writes=writes,
            not_after=not_after,
            headers=headers,
            data=_data(body),
        )

    def _new_token(self) -> tuple[str, float]:
        """A new token and its life in seconds, as the shop states it (600 by default)."""
        settings = self.settings
        wanted = {
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
        }
        url = f"{settings.url}/api/oauth/token"
        body = wire.dumps(wanted).encode()
        response = http.send(self._context.session, "POST", url, headers=_JSON, data=body)
        if response.status_code == 401:
            raise CredentialsRefused(
                f"{settings.host} does not accept client_id {settings.client_id} with the "
                "client_secret of this channel; check both against Settings > System > "
                "Integrations of the shop, and that shop_url is that shop"
            )
        try:
            granted = answers.json_of(response, settings.host)
            return str(granted["access_token"]), float(granted["expires_in"])
        except (Refused, KeyError, TypeError, ValueError) as error:
            raise ChannelError(
                f"{settings.host} gives no access token; check that shop_url is the address of a "
                "Shopware 6 shop"
            ) from error


def _upsert(entity: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"key": OPERATION, "entity": entity, "action": "upsert", "payload": list(rows)}


def _operations(also: Sequence[Operation]) -> list[dict[str, Any]]:
    """One operation per table and action, deletions last; equal rows once."""
    rows: dict[tuple[bool, str], list[Mapping[str, Any]]] = {}
    for one in also:
        known = rows.setdefault((one.action == "delete", one.entity), [])
        if one.row not in known:
            known.append(one.row)
    return [
        {
            "key": f"{'remove' if is_delete else 'add'}-{entity}",
            "entity": entity,
            "action": "delete" if is_delete else "upsert",
            "payload": payload,
        }
        for (is_delete, entity), payload in sorted(rows.items(), key=lambda entry: entry[0])
    ]


def _data(body: Any) -> bytes | http.FileBody | None:
    """A body as it is sent: a file as it is, anything else as JSON."""
    if body is None or isinstance(body, http.FileBody):
        return body
    return wire.dumps(body).encode()
