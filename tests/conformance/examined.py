"""Runs the kit in this process, with few rows, against shops in this process."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from sandbox import serving
from tests.conformance.myshop import KEY, MyShop
from vario_relay import Platform
from vario_relay.testing import CASES, Report, Target, examine
from vario_relay.testing.proxy import Answer, Proxy, Request
from vario_relay.testing.running import run, take_back
from vario_relay.testing.session import session
from vario_relay.testing.stand import Stand

#: The smallest batch that has a half on each side of a bad row.
ROWS = 4
SHOP = "http://127.0.0.1:1"


def report_of(platform: Platform, parameters: dict[str, str], **more: Any) -> Report:
    return examine(Target(platform, parameters, rows=ROWS, **more))


class DirectProxy(Proxy):
    """A proxy without sockets, before a shop without a server: the same faults for less."""

    def __init__(self, shop: MyShop) -> None:
        super().__init__()
        self._client = shop.app().test_client()

    def session(self, is_write: Callable[[], bool]) -> requests.Session:
        return session(_Direct(self, is_write))

    def forward(self, request: Request) -> Answer:
        found = self._client.open(
            request.target, method=request.method, headers=request.headers, data=request.body
        )
        return Answer(found.status_code, tuple(found.headers.items()), found.data)


class _Direct(HTTPAdapter):
    """Hands requests to a proxy and answers as urllib3 and requests would have it."""

    def __init__(self, proxy: Proxy, is_write: Callable[[], bool]) -> None:
        super().__init__()
        self._proxy, self._is_write = proxy, is_write

    def send(self, request: Any, **kwargs: Any) -> requests.Response:
        body = request.body or b""
        is_write = self._is_write()
        answer = self._proxy.answer(
            Request(request.method, SHOP, request.path_url, dict(request.headers), body, is_write)
        )
        if answer.is_silent:
            raise requests.exceptions.ReadTimeout
        if answer.is_closed:
            raise requests.exceptions.ConnectionError
        if answer.is_cut:
            raise requests.exceptions.ChunkedEncodingError
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status, request.url, request
        response._content = answer.body
        response.headers.update(answer.headers)
        return response


def direct_stand(
    platform: Platform,
    shop: MyShop,
    rest: Callable[[float], None] = time.sleep,
    rows: int = ROWS,
) -> Stand:
    """A stand without a socket."""
    parameters = {"shop_url": SHOP, "api_key": KEY}
    return Stand(Target(platform, parameters, rows=rows), DirectProxy(shop), rest)


def direct_report(platform: Platform, shop: MyShop, rows: int = ROWS) -> Report:
    """As `report_of`, without a socket."""
    stand = direct_stand(platform, shop, rows=rows)
    return Report(platform.name, [run(case, stand) for case in CASES], take_back(stand))


@contextmanager
def served(shop: MyShop) -> Iterator[dict[str, str]]:
    """The parameters of a channel to the shop."""
    with serving.running(shop.app()) as url:
        yield {"shop_url": url, "api_key": KEY}


def module_of(source: str) -> ModuleType:
    """The module of a text."""
    module = sys.modules["myshop_relay_edited"] = ModuleType("myshop_relay_edited")
    exec(compile(source, "myshop_relay.py", "exec"), module.__dict__)
    return module
