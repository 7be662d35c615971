"""What a connector is. It translates; it never retries, sleeps or touches our database."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NotRequired, Protocol, TypedDict
from urllib.parse import urlsplit

import requests

from integration.documents import Document
from integration.errors import IntegrationError, Rejected
from integration.topics import wants
from integration.topology import Topic

_CURRENCY = re.compile(r"[A-Z]{3}")


class Earlier(TypedDict):
    """With an order status: what earlier writes of the same document may have put into the shop."""

    was_sent: bool
    #: One that takes a cancelled delivery back was begun.
    was_withdrawn: bool
    tracking_numbers: list[str]


class Payload(TypedDict):
    """One row on its way to a platform; JSON, so that it can travel between tasks."""

    article_id: str
    #: The article's number in the ERP; the key for adoption.
    number: str
    #: The product in the shop, None if we do not know of one.
    external_id: str | None
    #: The platform's format. Its content hash decides whether it is sent at all.
    body: dict[str, Any]
    #: With an article: bodies of price and stock for the first write of a product, and for one that
    #: makes something else of a main article's product.
    first: NotRequired[dict[str, dict[str, Any]]]
    #: With the first write of an article: what `body` is for a product that is there already, whose
    #: shop keeps some of the fields; without it the body is the same. And whether a write of it was
    #: confirmed before: only then it is for a product of our own, too. Set by the stage.
    on_adoption: NotRequired[dict[str, Any]]
    was_confirmed: NotRequired[bool]
    #: With an article: the ERP's value of its tax, for which a mapping may be missing at push.
    tax: NotRequired[str]
    #: With a stock by location: the ERP's storage by the shop's location, as `tax`.
    storages: NotRequired[dict[str, str]]
    #: With a variant: its main article.
    main_article: NotRequired[str]
    #: With an article: what the connector noted of its product (`Receipt.notes`), if anything.
    notes: NotRequired[dict[str, Any]]
    #: With an article: name and description as the shop will show them, by field (``name``); in
    #: other languages of the shop ``name@LANGUAGE``. Without what the listing leaves out.
    texts: NotRequired[dict[str, str]]
    #: Set by the stage: what tells an edit in the shop later, and the hash of the complete body.
    sent: NotRequired[dict[str, str]]
    same_as: NotRequired[str]
    #: With an article that is offered: what its product is among variants, and of a variant what is
    #: chosen to get it (label by label of the attribute). Set by the stage.
    kind: NotRequired[str]
    choice: NotRequired[dict[str, str]]
    #: With an offered article: whether the ERP says its shelf was always empty. Set by the stage.
    never_had_images: NotRequired[bool]
    #: With an article: whether the product is for sale after this write. Set by the stage.
    is_active: NotRequired[bool]
    #: With an article whose product is there: nobody knows what it shows, so that the shop is told
    #: again what only a first write says. Set by the stage.
    is_restated: NotRequired[bool]
    #: Set by the stage: what the shop will have of it, as the brakes compare it, by topic.
    values: NotRequired[dict[str, str]]
    #: With an order status, set by the stage: the tracking numbers of this write, whether it takes
    #: a cancelled delivery back, what was sent before, and articles of orders that are cancelled.
    tracking_numbers: NotRequired[list[str]]
    is_withdrawal: NotRequired[bool]
    earlier: NotRequired[Earlier]
    returned_articles: NotRequired[list[str]]


@dataclass(frozen=True)
class ListingView:
    """What we know of an article in the shop. `external_id` None: not there, as far as we know."""

    article_id: str
    external_id: str | None = None
    number: str | None = None
    is_active: bool = False
    notes: Mapping[str, Any] = field(default_factory=dict)
    #: Fields that the shop's word counts for.
    left_out: frozenset[str] = frozenset()
    #: The main article that its product in the shop is a variant of.
    main_article: str | None = None

    def leaves_out(self, name: str, language: str | None = None) -> bool:
        """Whether a body must not say ``number``, ``name``, ``description`` or ``active``.

        `language`: the shop's, for a text in another one than the product's own.
        """
        if language is None:
            return name in self.left_out
        return not self.left_out.isdisjoint((f"{name}@{language}", f"{name}@*"))


@dataclass(frozen=True)
class Receipt:
    """What the platform said about one payload.

    `error` None means accepted, with evidence: the platform named the row. `recorded` are the
    topics whose content it took: a create takes price and stock too, of a product that was there
    they follow. `has_vanished`: the product we knew is not in the shop any more. `notes` (JSON) is
    what the connector wants to know of it next time, in `ListingView.notes`; None leaves them.
    """

    article_id: str
    error: IntegrationError | None = None
    external_id: str | None = None
    was_adopted: bool = False
    recorded: tuple[Topic, ...] = ()
    has_vanished: bool = False
    notes: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Problem:
    """Something an operator must fix. `do` says how, `is_fault` false: only worth knowing."""

    check: str
    detail: str
    do: str
    is_fault: bool = True


@dataclass(frozen=True)
class RemoteRecord:
    """What a shop shows of one product. None: this platform does not tell."""

    external_id: str
    number: str
    name: str | None = None
    is_active: bool | None = None
    net: Decimal | None = None
    gross: Decimal | None = None
    stock: int | None = None
    #: Like the EAN, an empty text where the product has none.
    description: str | None = None
    ean: str | None = None
    #: 0 where the product has none.
    weight_kg: Decimal | None = None
    #: The shop's tax, as a mapping names it (`Choice.id`), and its rate in percent.
    tax: str | None = None
    tax_rate: Decimal | None = None
    #: Names and descriptions in other languages of the shop, by field: ``name@LANGUAGE``. Told with
    #: the fields `texts`.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Whether customers find it, active as it may be.
    is_visible: bool | None = None
    #: Whether customers can buy it, by the shop's own rules on stock.
    is_available: bool | None = None


@dataclass(frozen=True)
class Choice:
    """One of the things that one side has of a kind, e.g. a tax. `id` is what a mapping stores.

    `code` tells that a choice of the other side is the same: the rate of a tax in percent, the
    code of a language (``de-DE``). None: only the label tells.
    """

    id: str
    label: str
    code: str | None = None


@dataclass(frozen=True)
class Capabilities:
    """`max_batch`: rows of one bulk call, by topic; a topic that is not named is not served.

    `has_price_details`: special offers can be shown with their list price; `has_price_lists`: with
    them prices by quantity and by customer group, too.
    `has_stock_locations`: stock can be kept by location (`StockDocument.locations`); otherwise a
    product has one quantity, the ERP's for the channel, in which it has summed up the channel's
    storages.
    `owned_fields`: what `payload` can leave out of the change of an article, of ``number``,
    ``name``, ``description`` and ``active``.
    """

    max_batch: Mapping[Topic, int]
    has_absolute_stock: bool = True
    has_price_details: bool = False
    has_price_lists: bool = True
    has_stock_locations: bool = False
    owned_fields: frozenset[str] = frozenset()


class TokenStore(Protocol):
    """The channel's access token, shared by all workers."""

    def get(self, fetch: Callable[[], tuple[str, float]]) -> str:
        """The token; `fetch` gets a new one as (token, seconds of life), one caller at a time."""

    def drop(self, token: str) -> None:
        """Forget `token`, because the shop refused it."""


class FactStore(Protocol):
    """Small facts of the shop that are asked once: tax ids, currency id."""

    def get(self, name: str) -> Any | None: ...

    def put(self, name: str, value: Any) -> None: ...


class PriceForms(Protocol):
    """In which form prices go to a shop that decides it, e.g. with tax or without."""

    def send_as(self, form: str) -> None:
        """Prices go in this form from now on. If they went in another one before, the service sends
        all of the channel's again."""

    def is_behind(self, form: str) -> bool:
        """Whether the shop may have prices in another form than this one: sent so, and not all of
        them sent again yet."""


class _OneForm:
    """For connectors whose prices always go in one form, or that only read."""

    def send_as(self, form: str) -> None:
        """Nothing follows."""

    def is_behind(self, form: str) -> bool:
        return False


def no_files(ref: str) -> Iterator[bytes]:
    """For connectors that only read. Raises: Rejected."""
    raise Rejected(f"the file {ref} is only to be had while images are pushed")


@dataclass(frozen=True)
class Context:
    """All that a connector gets.

    `namespace` is stable and unique per tenant and channel, for ids that we choose.
    `before_write` must be called right before each request that writes; it raises ClaimLost
    when somebody else took the work over, and then nothing may be sent. What it returns goes to
    `http.send` as `not_after`.
    `open_file` gives the bytes of an `Image.ref` in chunks, from the ERP at that moment. It raises,
    at once or with any chunk: Busy (the ERP's budget or the time of the stage is used up),
    SourceTrouble (the ERP failed), Rejected; TenantError, which is to be let through.
    `topics`: what `check` looks at the rights and settings for; others are switched off.
    `push_s`: seconds after which a push begins no further request; what is left is Busy and goes
    with the next batch. A stage that lasts longer is cut, and nobody knows what became of its rows.
    `price_forms` is for a platform whose shops keep prices in one form or another.
    """

    namespace: str
    parameters: Mapping[str, str]
    session: requests.Session
    tokens: TokenStore
    facts: FactStore
    before_write: Callable[[], float | None]
    open_file: Callable[[str], Iterator[bytes]] = no_files
    #: Two thirds of a stage as shipped.
    push_s: float = 40.0
    topics: frozenset[Topic] = frozenset(Topic)
    price_forms: PriceForms = field(default_factory=_OneForm)


class Connector(Protocol):
    """One platform, one channel."""

    capabilities: Capabilities

    def payload(self, document: Document, listing: ListingView) -> Payload:
        """The platform's format of one document. Pure. Raises Invalid or MappingMissing."""

    def push(self, topic: Topic, payloads: Sequence[Payload], *, key: str) -> list[Receipt]:
        """One receipt per payload, same order; part failures live in the receipts.

        Raises IntegrationError if the call as a whole failed; TransientError.outcome_unknown
        says that the shop may have applied it all the same.
        """

    def lookup(self, numbers: Sequence[str]) -> dict[str, str]:
        """External id by number of what is in the shop already; for adoption before create."""

    def scan(self, fields: Sequence[str]) -> Iterator[RemoteRecord]:
        """What the platform shows now, page by page, ordered by external id."""

    def check(self) -> list[Problem]:
        """Credentials, permissions, shop settings: what an operator must fix, in words."""


@dataclass(frozen=True)
class Parameter:
    """One setting of a channel of this platform, for `channel set` and `doctor`.

    `wrong` says what is wrong with a value, as the end of a sentence that begins with the name;
    None: nothing. It never repeats the value. `advice` says how a right one looks or where it is.
    """

    name: str
    help: str
    is_secret: bool = False
    is_required: bool = True
    default: str | None = None
    wrong: Callable[[str], str | None] | None = None
    advice: str = ""


#: A check of a `Parameter` that is ``on`` or ``off``.
wrong_switch = wants.wrong_switch

#: What a connector that carries these details of articles has among its parameters.
DETAIL_PARAMETERS = (
    Parameter(
        wants.CATEGORIES,
        "whether articles are put into the shop's categories, by the mapping of categories",
        is_required=False,
        default=wants.OFF,
        wrong=wrong_switch,
        advice="on or off",
    ),
    Parameter(
        wants.CUSTOM_FIELDS,
        "custom fields of the ERP and the shop's fields they go into",
        is_required=False,
        wrong=wants.wrong_custom_fields,
        advice="e.g. custom.shop.material=material,listings.custom.shop.note=shop_note",
    ),
    Parameter(
        wants.VARIANTS,
        "whether variants of the ERP are variants in the shop, or products of their own",
        is_required=False,
        default=wants.OFF,
        wrong=wrong_switch,
        advice="on or off",
    ),
)


def wrong_currency(code: str) -> str | None:
    """A check of a `Parameter` that is a currency (ISO 4217)."""
    return None if _CURRENCY.fullmatch(code) else "is not an ISO code"


def wrong_shop_url(url: str) -> str | None:
    """A check of a `Parameter` that is a shop's address: https, or http to this machine."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme not in ("http", "https") or not host:
        return "is not an http address"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "has more than scheme, host and path"
    if parts.scheme == "http" and not _is_loopback(host):
        return "is not encrypted; plain http is accepted for this machine only"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parameter_problems(parameters: Sequence[Parameter], values: Mapping[str, str]) -> list[Problem]:
    """What is missing or malformed, in the order of `parameters`. Never contains a secret."""
    problems = []
    for one in parameters:
        value = (values.get(one.name) or "").strip() or one.default
        check = f"parameter {one.name}"
        if not value and one.is_required:
            do = f"set it with `channel set CHANNEL {one.name}=...`"
            problems.append(Problem(check, f"{one.name} is not set", do))
        elif value and one.wrong and (what := one.wrong(value)):
            problems.append(Problem(check, f"{one.name} {what}", one.advice))
    return problems


@dataclass(frozen=True)
class Platform:
    """A platform as the registry knows it; the object a setuptools entry point names.

    `capabilities` are the platform's, known before any channel of it is opened.
    """

    name: str
    parameters: tuple[Parameter, ...]
    capabilities: Capabilities
    build: Callable[[Context], Connector]
