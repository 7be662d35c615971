"""Requests to one tenant's ERP: token, budget, headers, and refusals in our own words.

The client never waits and never retries, with one exception: a 401 renews the access token and
repeats the request once, because tokens may be revoked before they end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

from integration import wire
from integration.connectors import http
from integration.connectors.base import TokenStore
from integration.erp.answers import pause_s, refusal
from integration.erp.auth import TenantAccess, fetch_access_token
from integration.erp.vql import flat_row
from integration.errors import Gone, Rejected, TenantError, TransientError

EXECUTE_PATH = "/cmn/computed-queries/execute"
#: The vendor's framework calls some addresses below a facade, the API description does not.
FACADE = "/community/latest"
#: Rows of one query. The ERP's default and maximum are unknown; its documentation shows 100.
PAGE_SIZE = 100
#: Own writes must not come back as webhooks (docs/sources.md#erp-suppress).
SUPPRESS_HEADER = "x-vario-suppress-own-webhooks"

_SOURCE = re.compile(r"^FROM (\S+)$", re.MULTILINE)
#: A number or a UUID between slashes.
_ID_IN_PATH = re.compile(r"/(\d+|[0-9a-fA-F-]{36})(?=/|$)")


class Bucket(Protocol):
    """The tenant's request budget, shared by all processes."""

    def take(self) -> object:
        """One request; waits shortly. Raises Busy for a longer wait."""

    def pause(self, seconds: float) -> None:
        """Nobody may take for so long, because the ERP asked for it."""


@dataclass(frozen=True)
class VqlPage:
    """One page of a query: `rows` by display name, `raw` by attribute path, ids as they came."""

    rows: list[dict[str, Any]]
    raw: list[dict[str, Any]]
    more: bool
    next_offset: int
    definition: list[Any]


def asked_for(asked: Mapping[str, int]) -> str:
    """``VQL article.shopListing x1, GET /cmn/articles/{id} x3``."""
    return ", ".join(f"{kind} x{number}" for kind, number in asked.items())


def _kind_of_request(method: str, path: str, body: Any) -> str:
    if path == EXECUTE_PATH and isinstance(body, dict):
        source = _SOURCE.search(str(body.get("statement")))
        return f"VQL {source[1] if source else '?'}"
    return f"{method} {_ID_IN_PATH.sub('/{id}', path)}"


class _SignIn:
    """Gets a new access token, and remembers until when it lives (`http.clock`)."""

    def __init__(self, access: TenantAccess, session: requests.Session) -> None:
        self._access, self._session = access, session
        self._ends_at = 0.0

    def __call__(self) -> tuple[str, float]:
        began = http.clock()
        token, life_s = fetch_access_token(self._access, self._session)
        self._ends_at = began + life_s
        return token, life_s

    @property
    def is_fresh(self) -> bool:
        """Whether a token was got here and has not ended since."""
        return http.clock() < self._ends_at


class ErpClient:
    """One tenant's ERP, acting as the app user.

    Paths start with a slash, below ``/api/vario``. Raises, for every request: TenantError (401
    twice, 402, 403), Gone (404), Busy (409, 423), Rejected (422 and other refusals), Throttled
    (429, or an empty budget), TransientError (5xx, no or unreadable answer).
    """

    def __init__(
        self, access: TenantAccess, session: requests.Session, tokens: TokenStore, bucket: Bucket
    ) -> None:
        self.access = access
        self._session = session
        self._tokens = tokens
        self._bucket = bucket
        #: What was asked for and how often, without ids, for the history.
        self.asked: Counter[str] = Counter()

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:
        """The JSON of the answer; None for an empty one."""
        return self._call("GET", path, params=params)

    def post(self, path: str, body: Any, *, writes: bool = True) -> Any:
        """The JSON of the answer. `writes` false: only asks, e.g. a structured query."""
        return self._call("POST", path, body=body, writes=writes)

    def put(self, path: str, body: Any) -> Any:
        """The JSON of the answer. Failure policy: at least once, absolute values only."""
        return self._call("PUT", path, body=body, writes=True)

    def patch(self, path: str, body: Any, before_write: Callable[[], float] | None = None) -> Any:
        """The JSON of the answer. Failure policy: at least once, absolute values only.

        `before_write` is asked right before the request, behind all waiting, and says until when
        (`http.clock`) the body may be sent.
        """
        return self._call("PATCH", path, body=body, writes=True, before_write=before_write)

    def file(self, path: str) -> Iterator[bytes]:
        """The bytes of a file in chunks, wherever the ERP says that they lie.

        Raises, with the first chunk or a later one: what every request raises.
        Source: vario-erp.md 4.2 (200 bytes, 201 with a URL, 303).
        """
        response = self._answer("GET", path, is_file=True)
        with response:
            elsewhere = self._address_of_file(response, path)
            if elsewhere is None:
                yield from self._chunks(response, path)
                return
        # Without our token: it is nobody's business there.
        with http.send(self._session, "GET", elsewhere, stream=True) as response:
            if response.status_code != 200:
                raise TransientError(
                    f"{self._named('GET', path)}: the file's address answered "
                    f"{response.status_code}"
                )
            yield from self._chunks(response, path)

    def _address_of_file(self, response: requests.Response, path: str) -> str | None:
        """Where the file lies, None if this answer brings it."""
        if response.status_code == 200:
            return None
        address: Any = response.headers.get("Location")
        if response.status_code == 201:
            answer = self._json(response, "GET", path, writes=False)
            address = answer.get("url") if isinstance(answer, dict) else None
        ours = urlsplit(self.access.api_url)
        there = urlsplit(address) if isinstance(address, str) else None
        if there is None or not (there.scheme == "https" or there[:2] == ours[:2]):
            raise Rejected(f"{self._named('GET', path)} names no address of the file")
        return str(address)

    def _chunks(self, response: requests.Response, path: str) -> Iterator[bytes]:
        if response.headers.get("Content-Type", "").startswith("text/html"):
            # A host says so that it is away; its page must not become a picture in the shop.
            raise TransientError(f"{self._named('GET', path)}: a web page came and not the file")
        try:
            yield from response.iter_content(http.CHUNK_BYTES)
        except requests.exceptions.RequestException as error:
            raise TransientError(f"{self._named('GET', path)}: the file was cut off") from error

    def vql(self, statement: str, *, limit: int = PAGE_SIZE, offset: int = 0) -> VqlPage:
        """One page of a statement of `vql.select`."""
        body: dict[str, Any] = {
            "statement": statement,
            "variableSubstitutionList": {"variableSubstitutions": []},
            "limit": limit,
        }
        if offset:
            body["offset"] = offset
        try:
            response = self._answer("POST", EXECUTE_PATH, body=body)
        except Gone as error:
            # No entity was asked for: nothing has gone, the address is wrong.
            wrong = TenantError(f"{error}; the ERP does not know this address")
            wrong.connection = self.access.connection
            raise wrong from error
        return self._page(response, limit, offset)

    def vql_all(self, statement: str, *, limit: int = PAGE_SIZE) -> Iterator[dict[str, Any]]:
        """All rows of a statement, page by page. It needs an ORDER BY to be complete."""
        offset, before = 0, None
        while True:
            page = self.vql(statement, limit=limit, offset=offset)
            if page.raw and page.raw == before:
                raise self._stuck(offset, "the page before came again")
            yield from page.rows
            if not page.more:
                return
            if page.next_offset <= offset or not page.raw:
                raise self._stuck(offset, "paging does not advance")
            offset, before = page.next_offset, page.raw

    def _stuck(self, offset: int, why: str) -> TransientError:
        return TransientError(f"{self._named('POST', EXECUTE_PATH)}: {why} at {offset}")

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        response = self._answer(method, path, **kwargs)
        return self._json(response, method, path, writes=bool(kwargs.get("writes")))

    def _answer(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """The accepted answer. What holds the tenant says which connection it was met with."""
        try:
            return self._accepted(method, path, **kwargs)
        except TenantError as error:
            error.connection = self.access.connection
            raise

    def _accepted(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        writes: bool = False,
        before_write: Callable[[], float] | None = None,
        is_file: bool = False,
    ) -> requests.Response:
        """A refused token is renewed once."""
        for _ in range(2):
            sign_in = _SignIn(self.access, self._session)
            token = self._tokens.get(sign_in)
            self._bucket.take()
            self.asked[_kind_of_request(method, path, body)] += 1
            response = http.send(
                self._session,
                method,
                self.access.api_url + path,
                writes=writes,
                not_after=None if before_write is None else before_write(),
                params=params,
                data=None if body is None else wire.dumps(body).encode(),
                headers=self._headers(token, writes) | ({"Accept": "*/*"} if is_file else {}),
                stream=is_file,
            )
            if response.status_code != 401:
                break
            self._tokens.drop(token)  # also the second one, or the next caller starts with it
        if response.status_code == 401 and not sign_in.is_fresh:
            raise TransientError(
                f"{self._named(method, path)} answered 401 to an access token that had been got "
                "before, or had ended on its way"
            )
        if response.status_code == 429:
            self._bucket.pause(pause_s(response))
        is_elsewhere = is_file and response.status_code == 303
        if not (200 <= response.status_code < 300 or is_elsewhere):
            raise refusal(self._named(method, path), response, writes=writes)
        return response

    def _headers(self, token: str, writes: bool) -> dict[str, str]:
        headers = {
            "Authorization": f"Bearer {token}",
            "User-Agent": self.access.app_identifier,
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        return {**headers, SUPPRESS_HEADER: "true"} if writes else headers

    def _json(self, response: requests.Response, method: str, path: str, *, writes: bool) -> Any:
        try:
            # A NaN is refused with its article alone (`rows.unusable`), not with the whole page.
            return http.json_body(response, allow_nan=True)
        except ValueError as error:
            raise TransientError(
                f"{self._named(method, path)} answered something that is not JSON",
                outcome_unknown=writes,
            ) from error

    def _page(self, response: requests.Response, limit: int, offset: int) -> VqlPage:
        answer = self._json(response, "POST", EXECUTE_PATH, writes=False)
        raw = answer.get("data") if isinstance(answer, dict) else None
        definition = answer.get("definition") if isinstance(answer, dict) else None
        if not isinstance(raw, list) or not isinstance(definition, list):
            raise TransientError(
                f"{self._named('POST', EXECUTE_PATH)} answered without data and definition"
            )
        if not all(isinstance(row, dict) for row in raw):
            raise TransientError(f"{self._named('POST', EXECUTE_PATH)} answered rows of no kind")
        # Headers are strings; without them only a full page lets us expect another.
        more = response.headers.get("x-query-more-elements")
        following = response.headers.get("x-query-next-offset", "").strip()
        return VqlPage(
            rows=[flat_row(definition, row) for row in raw],
            raw=raw,
            more=len(raw) == limit if more is None else more.strip().lower() == "true",
            next_offset=int(following) if following.isdecimal() else offset + len(raw),
            definition=definition,
        )

    def _named(self, method: str, path: str) -> str:
        return f"tenant {self.access.tenant}: {method} {path}"
