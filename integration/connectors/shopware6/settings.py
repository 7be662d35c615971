"""The channel's parameters for Shopware, checked. Wrong ones are named together, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from integration.connectors.base import (
    DETAIL_PARAMETERS,
    Parameter,
    Problem,
    parameter_problems,
    wrong_currency,
    wrong_shop_url,
    wrong_switch,
)
from integration.connectors.batches import text_of
from integration.errors import ChannelError

DEFAULT_CURRENCY_CODE = "EUR"

#: Channel parameter: ``on`` or ``off``.
ORDER_MAILS = "order_mails"

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
        url=text_of(parameters, "shop_url").rstrip("/"),
        client_id=text_of(parameters, "client_id"),
        client_secret=text_of(parameters, "client_secret"),
        sales_channel_id=text_of(parameters, "sales_channel_id"),
        currency=currency_of(parameters),
    )


def currency_of(parameters: Mapping[str, str]) -> str:
    return text_of(parameters, "currency") or DEFAULT_CURRENCY_CODE


def sends_mails(parameters: Mapping[str, str]) -> bool:
    """Whether the shop tells its customers what became of their orders."""
    return text_of(parameters, ORDER_MAILS) == "on"


def problems_of(parameters: Mapping[str, str]) -> list[Problem]:
    """What is missing or malformed. Never contains the value of a secret."""
    return parameter_problems(PARAMETERS, parameters)


def _wrong_id(text: str) -> str | None:
    return None if _ID.fullmatch(text) else "is not an id of Shopware"


#: Missing ones are named in this order.
PARAMETERS = (
    Parameter(
        "shop_url",
        "address of the shop without /admin, e.g. https://shop.example",
        wrong=wrong_shop_url,
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
    Parameter(
        ORDER_MAILS,
        "whether the shop mails its customers when an order is shipped or cancelled",
        is_required=False,
        default="off",
        wrong=wrong_switch,
        advice="on or off",
    ),
    *DETAIL_PARAMETERS,
)
