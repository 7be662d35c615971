"""The HTTP session that connectors get from the kit: every request goes through the proxy."""

from __future__ import annotations

from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

#: Request headers of the kit's own: where the request goes, and that it follows `before_write`.
TO, WRITES = "X-Relay-Kit-To", "X-Relay-Kit-Writes"
#: Answer header: the shop does not answer; whoever asked is told that its time is up.
SILENT = "X-Relay-Kit-Silent"

#: As the service has it: seconds to connect and to read.
TIMEOUTS = (5, 45)


class Detour(HTTPAdapter):
    """Sends to the proxy what is meant for a shop; the caller sees the shop's address only."""

    def __init__(self, proxy_url: str, is_write: Callable[[], bool]) -> None:
        super().__init__()
        self._proxy_url, self._is_write = proxy_url, is_write

    def send(self, request: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        meant = urlsplit(request.url)
        sent = request.copy()
        path = meant.path or "/"
        sent.url = f"{self._proxy_url}{path}" + (f"?{meant.query}" if meant.query else "")
        sent.headers.setdefault("Host", meant.netloc)
        sent.headers[TO] = f"{meant.scheme}://{meant.netloc}"
        if self._is_write():
            sent.headers[WRITES] = "1"
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = TIMEOUTS
        response = super().send(sent, **kwargs)
        response.url, response.request = request.url, request
        if SILENT in response.headers:
            response.close()
            raise requests.exceptions.ReadTimeout(
                "the shop did not answer in time", request=request
            )
        return response


def session(adapter: HTTPAdapter) -> requests.Session:
    """A session like the service's, all of whose requests take the way of `adapter`."""
    result = requests.Session()
    result.trust_env = False
    result.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        result.mount(scheme, adapter)
    return result
