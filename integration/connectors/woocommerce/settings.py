"""The channel's parameters for WooCommerce, checked. Wrong ones are named together, in words."""

from __future__ import annotations

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

#: Channel parameters of order statuses.
ORDER_MAILS, TRACKING = "order_mails", "tracking"
AUTO, FULFILLMENTS, SHIPMENT_TRACKING, AST, NOTE = (
    "auto",
    "fulfillments",
    "shipment-tracking",
    "ast",
    "note",
)
#: Values of `tracking`.
KINDS = (AUTO, FULFILLMENTS, SHIPMENT_TRACKING, AST, NOTE)


@dataclass(frozen=True)
class ShopSettings:
    """How to reach one shop. `url` has no trailing slash."""

    url: str
    consumer_key: str
    consumer_secret: str = field(repr=False)
    currency: str
    wp_user: str = ""
    wp_password: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def is_encrypted(self) -> bool:
        """Whether the key may travel as a password; otherwise requests are signed."""
        return self.url.startswith("https:")


def settings_of(parameters: Mapping[str, str]) -> ShopSettings:
    """The settings of a channel. Raises: ChannelError that names all that is wrong."""
    problems = problems_of(parameters)
    if problems:
        raise ChannelError("; ".join(f"{problem.detail}: {problem.do}" for problem in problems))
    return ShopSettings(
        url=text_of(parameters, "shop_url").rstrip("/"),
        consumer_key=text_of(parameters, "consumer_key"),
        consumer_secret=text_of(parameters, "consumer_secret"),
        currency=currency_of(parameters),
        wp_user=text_of(parameters, "wp_user"),
        wp_password=text_of(parameters, "wp_password"),
    )


def currency_of(parameters: Mapping[str, str]) -> str:
    return text_of(parameters, "currency") or DEFAULT_CURRENCY_CODE


def problems_of(parameters: Mapping[str, str]) -> list[Problem]:
    """What is missing or malformed. Never contains the value of a secret."""
    return parameter_problems(PARAMETERS, parameters)


def _wrong_key(text: str) -> str | None:
    return None if text.startswith("ck_") else "is not a consumer key of WooCommerce"


def _wrong_secret(text: str) -> str | None:
    return None if text.startswith("cs_") else "is not a consumer secret of WooCommerce"


_WHERE = "WooCommerce shows it once, when the key is made under Settings > Advanced > REST API"

#: Missing ones are named in this order.
PARAMETERS = (
    Parameter(
        "shop_url",
        "address of the WordPress site without /wp-admin, e.g. https://shop.example",
        wrong=wrong_shop_url,
        advice="e.g. https://shop.example",
    ),
    Parameter(
        "consumer_key",
        "consumer key of a REST API key with read and write, begins with ck_",
        wrong=_wrong_key,
        advice=_WHERE,
    ),
    Parameter(
        "consumer_secret",
        "consumer secret of that key, begins with cs_",
        is_secret=True,
        wrong=_wrong_secret,
        advice=_WHERE,
    ),
    Parameter(
        "currency",
        "ISO code of the prices; must be the shop's currency",
        is_required=False,
        default=DEFAULT_CURRENCY_CODE,
        wrong=wrong_currency,
        advice="three capitals, e.g. EUR",
    ),
    Parameter(
        "wp_user",
        "name of the WordPress user that uploads images",
        is_required=False,
        wrong=lambda text: "has a colon" if ":" in text else None,
        advice="the name that the user signs in with, of the role editor, shop manager or higher",
    ),
    Parameter(
        "wp_password",
        "application password of that user, not the one it signs in with",
        is_secret=True,
        is_required=False,
        advice="WordPress shows it once, under Users > Profile > Application Passwords",
    ),
    Parameter(
        ORDER_MAILS,
        "whether customers are told of tracking by mail, besides the mail of the order's status",
        is_required=False,
        default="off",
        wrong=wrong_switch,
        advice="on or off",
    ),
    Parameter(
        TRACKING,
        "where the tracking of orders goes",
        is_required=False,
        default=KINDS[0],
        wrong=lambda text: None if text in KINDS else "is unknown",
        advice=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}; auto: what the shop has",
    ),
    *DETAIL_PARAMETERS,
)
