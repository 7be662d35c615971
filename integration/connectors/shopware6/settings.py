"""The channel's parameters for Shopware, checked. Wrong ones are named together, in words."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from integration.connectors.base import DETAIL_PARAMETERS, Parameter, Problem, wrong_currency
from integration.errors import ChannelError

DEFAULT_CURRENCY_CODE = "EUR"

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class ShopSettings:
    """How to reach one shop. `url` has no trailing slash."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    sales_channel_id: str
    currency: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


def settings_of(parameters: Mapping[str, str]) -> ShopSettings:
    """The settings of a channel. Raises: ChannelError that names all that is wrong."""
    problems = problems_of(parameters)
    if problems:
        raise ChannelError("; ".join(f"{problem.detail}: {problem.do}" for problem in problems))
    return ShopSettings(
        url=_value(parameters, "shop_url").rstrip("/"),
        client_id=_value(parameters, "client_id"),
        client_secret=_value(parameters, "client_secret"),
        sales_channel_id=_value(parameters, "sales_channel_id"),
        currency=currency_of(parameters),
    )


def currency_of(parameters: Mapping[str, str]) -> str:
    return _value(parameters, "currency") or DEFAULT_CURRENCY_CODE


def problems_of(parameters: Mapping[str, str]) -> list[Problem]:
    """What is missing or malformed. Never contains the value of a secret."""
    problems = []
    for one in PARAMETERS:
        value = _value(parameters, one.name) or one.default
        if not value and one.is_required:
            do = f"set it with `channel set CHANNEL {one.name}=...`"
            problems.append(_problem(one.name, f"{one.name} is not set", do))
        elif value and one.wrong and (what := one.wrong(value)):
            problems.append(_problem(one.name, f"{one.name} {what}", one.advice))
    return problems


def _value(parameters: Mapping[str, str], name: str) -> str:
    return (parameters.get(name) or "").strip()


def _problem(name: str, detail: str, do: str) -> Problem:
    return Problem(check=f"parameter {name}", detail=detail, do=do)


def _wrong_url(url: str) -> str | None:
    """What is wrong with the shop's address, as the end of a sentence; None: nothing."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https") or not host:
        return "is not an http address"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "has more than scheme, host and path"
    # The secret travels in the body of the token request.
    if parts.scheme == "http" and not _is_loopback(host):
        return "is not encrypted; plain http is accepted for this machine only"
    return None


def _wrong_id(text: str) -> str | None:
    return None if _ID.fullmatch(text) else "is not an id of Shopware"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


#: Missing ones are named in this order.
PARAMETERS = (
    Parameter(
        "shop_url",
        "address of the shop without /admin, e.g. https://shop.example",
        wrong=_wrong_url,
        advice="e.g. https://shop.example",
    ),
    Parameter("client_id", "access key id of the integration, begins with SWIA"),
    Parameter("client_secret", "secret access key of the integration", is_secret=True),
    Parameter(
        "sales_channel_id",
        "id of the shop's sales channel that shows the products, 32 hex",
        wrong=_wrong_id,
        advice="copy the 32 hex digits from the address of the sales channel's page in the "
        "administration",
    ),
    Parameter(
        "currency",
        "ISO code of the prices; must be the shop's default currency",
        is_required=False,
        default=DEFAULT_CURRENCY_CODE,
        wrong=wrong_currency,
        advice="three capitals, e.g. EUR",
    ),
    *DETAIL_PARAMETERS,
)
